"""A file that holds room on the disk, to be let go of when nothing else fits: erasing needs room, too.

While the ballast is gone the disk counts as full: nothing new is stored, so that what ends can be ended.
Set-up lays it; the worker lets go of it and lays it again (docs/decisions/disk-full.md).
"""

import contextlib
import os
from pathlib import Path

from django.conf import settings

from privacy import secret_store

# Of the whole file system at most, so that a small one has room for the rest.
LARGEST_PART = 1 / 16
MEGABYTE = 1 << 20


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
