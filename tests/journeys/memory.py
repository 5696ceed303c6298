"""The memory of a running process, as whoever dumps it would have it."""

import contextlib
import re
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.journeys.canary import Canaries
from tests.live import LiveSystem

_LINE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S\S)\S* \S+ \S+ (\S+) *(.*)")
_EMPTY = bytes(4096)


def dump(pid: int) -> list[bytes]:
    """Every mapping that can be read and is not just a file of the disk: what a core dump has, too."""
    parts = []
    maps = Path(f"/proc/{pid}/maps").read_text()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for start, end, rights, inode, name in _LINE.findall(maps):
            is_a_file = inode != "0" and rights != "rw"
            if rights[0] != "r" or is_a_file or name in {"[vvar]", "[vvar_vclock]", "[vsyscall]"}:
                continue
            # Gone since, or a device's: nothing that can be read.
            with contextlib.suppress(OSError):
                memory.seek(int(start, 16))
                # Pages nobody ever wrote on are left out: there are many.
                parts.append(memory.read(int(end, 16) - int(start, 16)).replace(_EMPTY, b""))
    return parts


def found(parts: list[bytes], canaries: Canaries) -> set[str]:
    """The labels of what stands anywhere in a dump."""
    return set().union(*(canaries.found_in(part) for part in parts))


def web_process(system: LiveSystem) -> psutil.Process:
    """Granian's own: the parent of the one that serves."""
    nursery = system.processes()[0].children()[0]
    return next(child for child in nursery.children() if child.children())


def those_that_stay(system: LiveSystem) -> list[psutil.Process]:
    """Every process but the one that serves pages."""
    replaced = web_process(system).children()
    return [process for process in system.processes() if process not in replaced]


def serving(system: LiveSystem) -> psutil.Process:
    """The process that serves pages: where one is replacing another, the newer one."""
    return max(web_process(system).children(), key=lambda process: process.create_time())


def dump_after(system: LiveSystem, visit: Callable[[], object]) -> list[bytes]:
    """The memory of the process that answered `visit`, right after; again where it was replaced meanwhile."""
    while True:
        process = serving(system)
        visit()
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            parts = dump(process.pid)
            if serving(system) == process:
                return parts
