"""A file system of its own in a file: its raw blocks can be read, those in use and those let go of."""

import contextlib
import gc
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("losetup", "mkfs.ext4", "mount", "umount", "fsfreeze")
CAP_SYS_ADMIN = 21
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
CHUNK = 8 << 20
# So much of a chunk is read again with the next: nothing looked for is longer.
OVERLAP = 4096
PATIENCE = 20.0  # seconds until whatever still has a file open must have let go


@dataclass(frozen=True)
class Disk:
    """An image and where it is mounted."""

    image: Path
    folder: Path

    def chunks(self) -> Iterator[bytes]:
        """Every block of the image that is not all zeros. Unmount it before."""
        with self.image.open("rb") as file:
            before = b""
            while content := file.read(CHUNK):
                if content.count(0) != len(content):
                    yield before + content
                before = content[-OVERLAP:]

    def holds(self, *needles: bytes) -> list[bytes]:
        """Those of the needles that are in some block."""
        found: set[bytes] = set()
        for chunk in self.chunks():
            found |= {needle for needle in needles if needle in chunk}
        return [needle for needle in needles if needle in found]


def _run(*words: str | Path) -> str:
    environment = {"PATH": PATH, "LC_ALL": "C"}
    done = subprocess.run(words, env=environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def missing() -> list[str]:
    """What this machine lacks for reading raw blocks; empty where it can be done."""
    found = [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]
    effective = re.search(r"CapEff:\s*(\w+)", Path("/proc/self/status").read_text())
    may_mount = effective is not None and int(effective[1], 16) >> CAP_SYS_ADMIN & 1
    if not found and not (may_mount and _has_loop_devices()):
        found = ["root, and a machine that has loop devices"]
    return found


def _has_loop_devices() -> bool:
    return subprocess.run(["losetup", "--find"], env={"PATH": PATH}, capture_output=True).returncode == 0


@contextlib.contextmanager
def ext4(folder: Path, megabytes: int) -> Iterator[Disk]:
    """A mounted file system; `unmount(disk)` before reading its blocks. Whatever happens, nothing is left."""
    disk = Disk(folder / "image", folder / "mounted")
    with disk.image.open("wb") as file:
        file.truncate(megabytes << 20)
    # Blocks as real disks have them: small ones have them smaller.
    _run("mkfs.ext4", "-q", "-F", "-b", "4096", disk.image)
    try:
        with mounted(disk):
            yield disk
    finally:
        disk.image.unlink()


@contextlib.contextmanager
def mounted(disk: Disk) -> Iterator[None]:
    """An image there is; its journal is replayed, as after a power cut."""
    disk.folder.mkdir()
    device = _run("losetup", "--find", "--show", disk.image)
    try:
        _run("mount", device, disk.folder)
        yield
    finally:
        unmount(disk)
        _run("losetup", "--detach", device)


def cut(shelf: Disk, disk: Disk, copy: Path, meanwhile: Callable[[], object]) -> None:
    """What a power cut at this moment leaves of `disk`, whose image lies on `shelf`, as the file `copy`.

    The shelf takes no write while it is frozen: the image is of one moment, in the midst of whatever the
    kernel was writing, and has nothing of what was still to be written. `meanwhile` runs before it thaws.
    """
    _run("fsfreeze", "--freeze", shelf.folder)
    try:
        _run("cp", "--sparse=always", disk.image, copy)
        meanwhile()
    finally:
        _run("fsfreeze", "--unfreeze", shelf.folder)


def unmount(disk: Disk) -> None:
    """Everything is in the image then. Twice is harmless."""
    end = time.monotonic() + PATIENCE
    # A connection that met a full disk is closed when nobody remembers its error any more.
    gc.collect()
    while os.path.ismount(disk.folder):
        try:
            _run("umount", disk.folder)
        except subprocess.CalledProcessError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
