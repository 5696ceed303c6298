"""The process that serves is replaced on a steady beat, and nobody notices."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from mutualaid.run import DRAIN, RENEWAL, SETTLE
from privacy import shared_cache
from privacy.shared_cache import SLOT_BYTES
from tests.journeys.memory import serving, web_process
from tests.journeys.walk import Browser
from tests.live import LiveSystem
from tests.mutualaid.test_system import eventually

pytestmark = pytest.mark.once
VISITORS = 6


@pytest.fixture
def system(live_system: Callable[..., LiveSystem]) -> LiveSystem:
    return live_system("sqlite", "memory")


def renew(system: LiveSystem) -> None:
    """Now, and not when half a minute is over."""
    with renewing(system):
        pass


@contextmanager
def renewing(system: LiveSystem) -> Iterator[None]:
    """The block runs once another process serves; afterwards the one before is gone."""
    before = serving(system)
    os.kill(web_process(system).pid, signal.SIGHUP)
    assert eventually(lambda: serving(system) != before)
    yield
    assert eventually(lambda: not before.is_running(), seconds=SETTLE + 2 * DRAIN)


@contextmanager
def visitors(system: LiveSystem) -> Iterator[list[int]]:
    """People who look again and again; the answers they get. A connection that is refused or cut is none."""
    answers: list[int] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            try:
                answers.append(Browser(system.url).visit("/a/ride/").status)
            except OSError:
                answers.append(0)

    threads = [threading.Thread(target=look) for _ in range(VISITORS)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_nobody_is_turned_away_while_one_process_replaces_another(system: LiveSystem) -> None:
    with visitors(system) as answers:
        for _time in range(3):
            seen = len(answers)
            renew(system)
            assert eventually(lambda seen=seen: len(answers) > seen + VISITORS)  # type: ignore[misc]

    assert set(answers) == {200}


def test_whoever_has_come_in_and_speaks_only_a_moment_later_is_answered(system: LiveSystem) -> None:
    """As a telephone with a bad connection does: the door is open, and the first word is still on its way."""
    callers = [socket.create_connection(address(system)) for _caller in range(VISITORS)]
    assert eventually(lambda: all(is_let_in(system, caller) for caller in callers))
    with renewing(system):
        for caller in callers:
            caller.sendall(b"GET /a/ride/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")

    answers = [caller.makefile("rb").readline() for caller in callers]
    for caller in callers:
        caller.close()
    assert answers == [b"HTTP/1.1 200 OK\r\n"] * VISITORS


def address(system: LiveSystem) -> tuple[str, int]:
    parts = urlsplit(system.url)
    return parts.hostname or "", parts.port or 0


def is_let_in(system: LiveSystem, caller: socket.socket) -> bool:
    """Whether a process holds the other end; before, it waits in the kernel. Another one may serve by now."""
    held = [there for process in web_process(system).children() for there in other_ends(process)]
    return caller.getsockname() in held


def other_ends(process: psutil.Process) -> list[tuple[str, int]]:
    with suppress(psutil.NoSuchProcess):
        return [tuple(one.raddr) for one in process.net_connections("tcp") if one.raddr]
    return []


def test_they_listen_on_one_socket_which_their_parent_holds(system: LiveSystem) -> None:
    """Whoever waits there when a process ends is answered by the next one, not sent away."""
    parent = listening_sockets(web_process(system))
    before = listening_sockets(serving(system))
    renew(system)

    assert (len(parent), before, listening_sockets(serving(system))) == (1, parent, parent)


def listening_sockets(process: psutil.Process) -> set[str]:
    """The names that the kernel gives to them."""
    handles = [c.fd for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    return {str(Path(f"/proc/{process.pid}/fd/{handle}").readlink()) for handle in handles}


def test_what_was_counted_before_is_counted_afterwards(system: LiveSystem) -> None:
    """Tries, spent tickets, the day's salt: the process that comes has what the one that goes had."""
    browser = Browser(system.url)
    browser.visit("/a/return/")
    browser.press("Open", code="nobody has this code")
    before = counted(serving(system))
    renew(system)
    after, now = counted(serving(system)), time.time()

    # Midnight ends the day's salt, and it may be now.
    lasting = [{at: slot for at, slot in slots.items() if ends(slot) > now} for slots in (before, after)]
    assert lasting[0] == lasting[1] != {}
    assert before.keys() >= after.keys()


def counted(process: psutil.Process) -> dict[int, bytes]:
    """What lies in the cache of a process: its slots, by their place."""
    handles = Path(f"/proc/{process.pid}/fd").iterdir()
    # Mapped, it has a second handle.
    memory = next(one for one in handles if str(one.readlink()).startswith("/memfd:cache")).read_bytes()
    slots = {at: memory[at : at + SLOT_BYTES] for at in range(0, len(memory), SLOT_BYTES)}
    return {at: slot for at, slot in slots.items() if any(slot)}


def ends(slot: bytes) -> float:
    """When what lies in a slot is over."""
    return float(shared_cache._HEAD.unpack_from(slot)[1])


def test_no_line_says_that_it_happened(system: LiveSystem) -> None:
    log = system.log.read_text()
    renew(system)
    renew(system)

    assert system.log.read_text().removeprefix(log) == ""
    assert log.count("Serving on") == 1


@pytest.mark.drill
def test_it_happens_though_nobody_came(system: LiveSystem) -> None:
    before = serving(system)

    assert eventually(lambda: not before.is_running(), seconds=2 * RENEWAL + SETTLE + DRAIN)


def test_it_is_over_within_a_minute_whatever_a_visitor_does() -> None:
    assert RENEWAL + SETTLE + DRAIN < 60


def test_a_crash_writes_nothing_of_the_memory_to_a_disk(system: LiveSystem) -> None:
    found = [limits for process in system.processes() if (limits := of_a_core(process.pid))]
    # The one that served a moment ago may be gone by now.
    assert len(found) >= 5
    assert found == [("1", "1", "00000000")] * len(found)


def of_a_core(pid: int) -> tuple[str, ...]:
    """How large it may become, and what is left out of it; nothing of a process that ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
        size = next(line for line in lines if line.startswith("Max core file size")).split()[4:6]
        return *size, Path(f"/proc/{pid}/coredump_filter").read_text().strip()
    return ()
