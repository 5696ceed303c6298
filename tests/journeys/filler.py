"""Files that take every block of a disk that is small."""

import contextlib
import os
from pathlib import Path

PIECES = (1 << 16, 512, 1)
SMALL = 1 << 30


def fill(disk: Path, name: str = "filler") -> None:
    """To the last byte that anybody gets. Never a disk that others might need."""
    numbers = os.statvfs(disk)
    assert numbers.f_blocks * numbers.f_frsize < SMALL
    with (disk / name).open("ab", buffering=0) as file:
        for piece in PIECES:
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(piece))
        with contextlib.suppress(OSError):
            os.fsync(file.fileno())


def empty(disk: Path) -> None:
    """Let go of all of it."""
    for filler in disk.glob("filler*"):
        filler.unlink()
