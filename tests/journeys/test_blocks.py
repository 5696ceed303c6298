"""What ended is on no block of the disk any more, not even on those that were let go of.

The instance, and on PostgreSQL its whole database server, lie on a file system of their own. After the life
is over everything is stopped, the file system unmounted, and its raw blocks are read.
"""

import contextlib
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests import live, servers
from tests.journeys import loop, post_office
from tests.journeys.clockwork import eventually
from tests.journeys.conftest import on_stage
from tests.journeys.life import Life
from tests.journeys.loop import Disk
from tests.journeys.slots import halves
from tests.live import LiveSystem

pytestmark = [pytest.mark.once, pytest.mark.drill, pytest.mark.timeout(600)]
MEGABYTES = {"sqlite": 256, "postgresql": 1024}


@contextlib.contextmanager
def disk_of(database: str) -> Iterator[Disk]:
    # Whoever runs PostgreSQL must reach it: pytest's own folders are nobody else's.
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        with loop.ext4(Path(name), MEGABYTES[database]) as disk:
            yield disk


@contextlib.contextmanager
def server_on(disk: Disk) -> Iterator[str]:
    """DATABASE_URL of a PostgreSQL whose files are all on the disk."""
    folder = disk.folder / "postgresql"
    folder.mkdir()
    with (disk.image.parent / "server.log").open("wb") as said:
        command = [sys.executable, "-m", "tests.servers", "postgresql", str(folder), str(os.getpid())]
        keeper = subprocess.Popen(
            command, cwd=live.ROOT, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
        )
    try:
        assert eventually((folder / "ready").exists, servers.PATIENCE)
        server = psutil.Process(int((folder / "data" / "postmaster.pid").read_text().split()[0]))
        yield f"postgresql://postgres@/postgres?host={folder / 'socket'}"
    finally:
        keeper.terminate()
        keeper.wait(30)
    # It ends with its keeper, but not before it has written what it still had in hand.
    server.wait(30)


@contextlib.contextmanager
def instance_on(disk: Disk, database: str, **extra: str) -> Iterator[LiveSystem]:
    """Set up there from nothing, and running."""
    with contextlib.ExitStack() as stack:
        environment = live._environment(disk.folder / "data") | extra
        if database == "postgresql":
            environment["DATABASE_URL"] = stack.enter_context(server_on(disk))
        data = Path(environment["DATA_DIR"])
        system = LiveSystem(
            f"http://127.0.0.1:{environment['PORT']}", data, environment, log=disk.folder / "log"
        )
        system.setup = system.manage("setup")
        stack.callback(system.stop)
        system.start()
        yield system


def overwritten_by_renaming(folder: Path) -> bytes:
    """What a keyring would leave that writes a new file in place of the old one: the old key."""
    old = secrets.token_bytes(32)
    for content in (old, bytes(32)):
        new = folder / "key.new"
        with new.open("wb") as file:
            file.write(content.ljust(4096, b"\0"))
            file.flush()
            os.fsync(file.fileno())
        new.rename(folder / "key")
    return old


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_no_block_holds_a_key_or_a_word_of_what_ended(database: str) -> None:
    with disk_of(database) as disk:
        with post_office.opened() as post, instance_on(disk, database, **post.environment) as system:
            life = Life(on_stage(system, post))
            life.begin()
            life.end()
        # Last, so that nothing else is written where it was.
        renamed = overwritten_by_renaming(disk.folder)
        loop.unmount(disk)

        ended = [part for key in life.ended_slots() for part in halves(key)]
        words = [life.ended.found_in(chunk) for chunk in disk.chunks()]

        # Three needs, whoever came to each, and a plan: each key, and both its halves.
        assert (len(ended), disk.holds(*ended)) == (3 * 7, [])
        assert set().union(*words) == set()
        # What is looked for in the same way and must be there: a slot in use, a clear word, a key let go of.
        assert disk.holds(*life.slots["lives"], renamed) == [*life.slots["lives"], renamed]
        assert any(life.clear.found_in(chunk) for chunk in disk.chunks())


def test_nothing_is_left_mounted_when_the_drill_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        fails_over(tmp_path)

    assert str(tmp_path) not in Path("/proc/mounts").read_text()
    assert str(tmp_path) not in loop._run("losetup", "--list", "--noheadings", "--output", "BACK-FILE")


def fails_over(folder: Path) -> None:
    with loop.ext4(folder, 16) as disk:
        (disk.folder / "file").write_text("x")
        raise ZeroDivisionError
