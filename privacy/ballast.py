"""A file that holds room on the disk, to be let go of when nothing else fits: erasing needs room, too.

While the ballast is gone the disk counts as full: nothing new is stored, so that what ends can be ended.
Set-up lays it; the worker lets go of it and lays it again (docs/decisions/disk-full.md).
"""

import contextlib
import functools
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.db import OperationalError, connection

from privacy import secret_store

# What was filled already, bytes by inode: a file system that keeps no promise is not asked again.
_filled: dict[int, int] = {}
View = TypeVar("View", bound=Callable[..., Any])

# Of the whole file system at most, so that a small one has room for the rest.
LARGEST_PART = 1 / 16
MEGABYTE = 1 << 20


class NoRoom(OperationalError):
    """The disk is full, or about to be: what room there is, is for what ends."""


def size() -> int:
    """Bytes it should hold; 0 where the operator wants none."""
    disk = os.statvfs(_path().parent)
    return min(int(settings.BALLAST_MB) * MEGABYTE, int(disk.f_blocks * disk.f_frsize * LARGEST_PART))


def is_full() -> bool:
    """Whether the disk with DATA_DIR is as good as full. Reads nothing but the file system's numbers."""
    with contextlib.suppress(OSError):
        if wanted := size():
            return _free() < (_low(wanted) if _is_laid(wanted) else _room_to_lay(wanted))
    return False


def look_after() -> None:
    """Let go of it where the disk is full, lay it where there is room for it again. Cheap; raises nothing."""
    with contextlib.suppress(OSError):
        wanted = size()
        laid = _is_laid(wanted)
        if laid and _free() < _low(wanted):
            let_go()
        elif not laid and wanted and _free() >= _room_to_lay(wanted):
            lay()


def fill_holes() -> None:
    """Give every block of SQLite's shared index a place on the disk, where it has holes. Raises nothing.

    It is mapped into memory: whoever writes to a hole of it on a full disk is killed. SQLite takes care of
    that itself where blocks are of 4,096 bytes. In a process of its own: closing the file here would let go
    of the locks that SQLite has on it.
    """
    if connection.vendor != "sqlite":
        return
    index = Path(f"{connection.settings_dict['NAME']}-shm")
    with contextlib.suppress(OSError):
        found = index.stat()
        if found.st_blocks * 512 < found.st_size and found.st_size > _filled.get(found.st_ino, 0):
            _filled[found.st_ino] = found.st_size
            words = ["fallocate", "--length", str(found.st_size), str(index)]
            subprocess.run(words, check=False, capture_output=True)  # noqa: S603


def lay() -> bool:
    """Put it there, really allocated; whether it is there now."""
    wanted = size()
    if not wanted or _is_laid(wanted):
        return bool(wanted)
    new = _path().with_suffix(".part")
    with contextlib.suppress(OSError):
        descriptor = os.open(new, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, wanted)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        new.replace(_path())
        return True
    # There is less room than there seemed to be.
    with contextlib.suppress(OSError):
        new.unlink()
    return False


def let_go() -> bool:
    """Whether there was any to let go of. What it held is free when this returns."""
    try:
        _path().unlink()
    except OSError:
        return False
    # Some file systems give blocks out again only once the deletion is on the disk.
    with contextlib.suppress(OSError):
        secret_store.sync_directory(_path().parent)
    return True


def makes_room(view: View) -> View:
    """For views that end something: on a full disk the ballast goes, and what they do is done again.

    They must bear being called twice.
    """

    @functools.wraps(view)
    def ends(*args: Any, **kwargs: Any) -> Any:
        try:
            return view(*args, **kwargs)
        except OperationalError:
            if not is_full():
                raise
            # The worker may have let go of it a moment ago.
            let_go()
        return view(*args, **kwargs)

    return ends  # type: ignore[return-value]


def _path() -> Path:
    return Path(settings.BALLAST_PATH)


def _free() -> int:
    disk = os.statvfs(_path().parent)
    return disk.f_bavail * disk.f_frsize


def _is_laid(wanted: int) -> bool:
    """Whether it holds most of what it should: a copy may be hollow, or of another size."""
    try:
        return _path().stat().st_blocks * 512 >= wanted / 2
    except FileNotFoundError:
        return False


def _low(wanted: int) -> int:
    """Less than this, and whoever writes next may find no room."""
    return wanted // 4


def _room_to_lay(wanted: int) -> int:
    """So much must be free, that it is not let go of again at once."""
    return 2 * wanted + _low(wanted)
