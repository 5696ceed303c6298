"""Room is held on the disk for what ends: let go of when the disk is full, laid again when there is room."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from privacy import ballast

pytestmark = pytest.mark.once
MEGABYTE = 1 << 20


@dataclass
class Disk:
    """A file system of 256 MB of which so much is free, apart from the ballast."""

    folder: Path
    free: int = 200 * MEGABYTE

    @property
    def file(self) -> Path:
        return self.folder / "ballast"

    def numbers(self, _path: object) -> os.statvfs_result:
        held = self.file.stat().st_size if self.file.exists() else 0
        left = max(0, self.free - held) // 4096
        return os.statvfs_result((4096, 4096, 256 * MEGABYTE // 4096, left, left, 0, 0, 0, 0, 255))


@pytest.fixture
def disk(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    settings.BALLAST_PATH, settings.BALLAST_MB = tmp_path / "ballast", 16
    made = Disk(tmp_path)
    # A whole file system is filled in tests/journeys/test_disk_full.py.
    monkeypatch.setattr("privacy.ballast.os.statvfs", made.numbers)
    return made


def test_it_is_really_there_and_nobody_elses(disk: Disk) -> None:
    assert ballast.lay()
    found = disk.file.stat()

    assert (found.st_size, found.st_blocks * 512 >= 16 * MEGABYTE) == (16 * MEGABYTE, True)
    assert found.st_mode & 0o077 == 0
    assert [path.name for path in disk.folder.iterdir()] == ["ballast"]


def test_on_a_small_disk_it_is_small(disk: Disk, settings: Any) -> None:
    settings.BALLAST_MB = 1000

    assert ballast.size() == 256 * MEGABYTE // 16


def test_who_wants_none_has_none_and_a_disk_that_is_never_full(disk: Disk, settings: Any) -> None:
    settings.BALLAST_MB, disk.free = 0, 0
    ballast.look_after()

    assert (ballast.lay(), disk.file.exists(), ballast.is_full()) == (False, False, False)


def test_it_goes_when_the_disk_is_full_and_comes_back_when_there_is_room_for_it_twice(disk: Disk) -> None:
    seen = []
    # Megabytes free, the ballast's among them.
    for megabytes in (200, 21, 19, 19, 30, 35, 37, 37):
        disk.free = megabytes * MEGABYTE
        ballast.look_after()
        seen.append((megabytes, disk.file.exists(), ballast.is_full()))

    assert seen == [
        (200, True, False),
        (21, True, False),
        (19, False, True),
        (19, False, True),
        (30, False, True),
        (35, False, True),
        (37, True, False),
        (37, True, False),
    ]


def test_a_hollow_copy_is_none(disk: Disk) -> None:
    with disk.file.open("wb") as file:
        file.truncate(16 * MEGABYTE)
    ballast.look_after()

    assert disk.file.stat().st_blocks * 512 >= 16 * MEGABYTE


def test_a_folder_that_is_gone_is_no_error(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    shutil.rmtree(disk.folder)
    ballast.look_after()

    assert (ballast.is_full(), ballast.let_go()) == (False, False)


def test_what_ends_is_done_again_where_there_was_room_to_make(disk: Disk) -> None:
    ballast.lay()
    disk.free = 17 * MEGABYTE
    tries: list[bool] = []

    @ballast.makes_room
    def erase() -> str:
        tries.append(disk.file.exists())
        if disk.file.exists():
            raise OperationalError("database or disk is full")
        return "erased"

    assert (erase(), tries) == ("erased", [True, False])


def test_what_met_the_full_disk_before_somebody_else_let_go_is_done_again_as_well(disk: Disk) -> None:
    ballast.lay()
    disk.free = 17 * MEGABYTE
    tries: list[int] = []

    @ballast.makes_room
    def erase() -> str:
        tries.append(1)
        if len(tries) == 1:
            ballast.look_after()
            raise OperationalError("database or disk is full")
        return "erased"

    assert (erase(), disk.file.exists()) == ("erased", False)


def test_another_error_is_not_the_disks_and_nothing_is_done_twice(disk: Disk) -> None:
    ballast.lay()
    tries: list[int] = []

    @ballast.makes_room
    def erase() -> None:
        tries.append(1)
        raise OperationalError("the database is away")

    with pytest.raises(OperationalError):
        erase()
    assert (len(tries), disk.file.exists()) == (1, True)
