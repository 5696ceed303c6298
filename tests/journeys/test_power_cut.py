"""The power goes while people ask, claim, say yes, write and erase: what was said to be done is done.

The instance (and PostgreSQL's data) lie on a file system of their own, whose image lies on another one that
can be frozen (loop.cut). Each copy is mounted as after a power cut, and the system started on it.
POWER_SEED draws other moments.
"""

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from subprocess import CalledProcessError

import pytest

from tests import live, servers
from tests.invariants import ALWAYS, AT_REST, asking, slots_that_disagree
from tests.journeys import loop, post_office
from tests.journeys.clockwork import Rows, eventually
from tests.journeys.conftest import on_stage
from tests.journeys.loop import Disk
from tests.journeys.power import NOTHING_HERE, STATUS, Evening, Story, keyring_of
from tests.journeys.slots import halves
from tests.journeys.story import Asker
from tests.journeys.walk import Browser
from tests.live import LiveSystem

pytestmark = [pytest.mark.once, pytest.mark.drill, pytest.mark.timeout(600)]

SEED = os.environ.get("POWER_SEED", "an evening in November")
PEOPLE = 4
MEGABYTES = {"sqlite": 192, "postgresql": 640}
CUTS = {"sqlite": 5, "postgresql": 3}
# So many of each sort are looked at through their pages; all of them in the rows.
OPENED = 3
# Whoever starts sooner after a worker's last beat takes it for a second instance (requests_app/start.py).
BEAT_IS_OLD = 17.0


@dataclass
class Cut:
    """One image, when it was taken, and what people had been told by then."""

    image: Path
    taken_at: float
    said: list[Story]


@contextlib.contextmanager
def database_on(folder: Path, database: str) -> Iterator[dict[str, str]]:
    """Nothing for SQLite; else a PostgreSQL that waits for the disk, its files in `folder`, new or found."""
    if database == "sqlite":
        yield {}
        return
    cluster = folder / "postgresql"
    if not cluster.exists():
        cluster.mkdir()
        servers.make_cluster(cluster)
    (cluster / "data" / "postmaster.pid").unlink(missing_ok=True)
    with servers.running_postgres(cluster, fsync="on", full_page_writes="on", max_connections="60"):
        yield {"DATABASE_URL": f"postgresql://postgres@/postgres?host={cluster / 'socket'}"}


@contextlib.contextmanager
def started(folder: Path, database: str, **extra: str) -> Iterator[LiveSystem]:
    """The system on what is in `folder`: set up (or what a start finishes done), and running."""
    with database_on(folder, database) as url:
        environment = live._environment(folder / "data") | url | extra
        (folder / "data").mkdir(exist_ok=True)
        address = f"http://127.0.0.1:{environment['PORT']}"
        system = LiveSystem(address, folder / "data", environment, log=folder / "log")
        system.setup = system.manage("setup")
        try:
            system.start()
            yield system
        finally:
            system.stop()


@contextlib.contextmanager
def cuts(database: str, moments: list[float], **extra: str) -> Iterator[list[Cut]]:
    """What is left of a running system by a power cut so many seconds after everything was done once, and
    after each other; it goes on in between."""
    with contextlib.ExitStack() as stack:
        # Whoever runs PostgreSQL must reach it: pytest's own folders are nobody else's.
        room = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        room.chmod(0o755)
        (room / "shelf").mkdir()
        shelf = stack.enter_context(loop.ext4(room / "shelf", 2 * MEGABYTES[database]))
        (shelf.folder / "inner").mkdir()
        disk = stack.enter_context(loop.ext4(shelf.folder / "inner", MEGABYTES[database]))
        found: list[Cut] = []
        with (
            post_office.opened() as post,
            started(disk.folder, database, **post.environment, **extra) as system,
        ):
            # It was installed before that evening: its programs and secrets have long been on the disk.
            os.sync()
            evening = Evening(on_stage(system, post), SEED)
            evening.begin(PEOPLE)
            try:
                assert eventually(lambda: evening.has_everything() or evening.wrong, 90)
                for number, moment in enumerate(moments):
                    time.sleep(moment)
                    found.append(taken(shelf, disk, room / f"cut-{number}", evening))
            finally:
                evening.end()
        assert evening.wrong == [], SEED
        yield found


def taken(shelf: Disk, disk: Disk, image: Path, evening: Evening) -> Cut:
    cut = Cut(image, 0.0, [])

    def note() -> None:
        # Also what was answered since it froze: it was on the disk before.
        cut.said, cut.taken_at = evening.said(), time.monotonic()

    loop.cut(shelf, disk, image, note)
    return cut


@contextlib.contextmanager
def again(cut: Cut, database: str, **extra: str) -> Iterator[tuple[LiveSystem, Disk]]:
    """The power is back: the journal of the file system is replayed, and the system starts."""
    time.sleep(max(0.0, cut.taken_at + BEAT_IS_OLD - time.monotonic()))
    disk = Disk(cut.image, cut.image.with_suffix(".mounted"))
    with loop.mounted(disk), started(disk.folder, database, **extra) as system:
        yield system, disk


# What must be so afterwards


def missing_in_rows(said: list[Story], rows: Rows) -> list[str]:
    """Whatever was said to be done, and is not."""
    missing = []
    for story in said:
        if not story.need:
            continue
        status = rows.status(story.need)
        if story.ended:
            missing += [f"{story.ended} undone"] if status != STATUS[story.ended] else []
        elif not (story.ending and status in (STATUS[story.ending], "")):
            claims = rows.claims(story.need)
            missing += ["ask"] if status != "open" else []
            missing += ["claim"] if story.claim and not {"held", "approved"} & set(claims) else []
            missing += ["approval"] if story.place and "approved" not in claims else []
    return missing


def missing_on_pages(said: list[Story], system: LiveSystem, rng: Random) -> list[str]:
    """The same with a code typed in: what was written is there, and of what was erased nothing."""
    missing = []
    told = [story for story in said if story.code]
    erased = [story for story in told if story.ended == "erase"]
    living = [story for story in told if not story.ending]
    for story in rng.sample(erased, min(OPENED, len(erased))):
        missing += [] if NOTHING_HERE in page_of(story, system) else ["erased, and opens"]
    for story in [*living[-1:], *rng.sample(living, min(OPENED, len(living)))]:
        page = page_of(story, system)
        missing += [text for text in (story.note, story.place, *story.messages) if text not in page]
    return missing


def page_of(story: Story, system: LiveSystem) -> str:
    browser = Browser(system.url, source=f"127.0.1.{len(story.note) + hash(story.code) % 200}")
    return Asker(browser).comes_back(code=story.code).html


def keys_left(said: list[Story], disk: Disk) -> int:
    """How many keys of what had ended are in some block of the image, whole or half."""
    ended = [part for story in said if story.ended for key in story.keys for part in halves(key)]
    living = [story.keys[0] for story in said if story.keys and not story.ending]
    # What is looked for in the same way and must be there.
    assert disk.holds(*living) == living
    return len(disk.holds(*ended))


def left_over(system: LiveSystem) -> list[object]:
    with asking(system) as ask:
        found = [ask.broken({**ALWAYS, **AT_REST}), slots_that_disagree(ask, keyring_of(system.data_dir))]
    return [one for one in found if one]


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_what_was_said_to_be_done_outlives_a_power_cut_and_what_was_destroyed_does_not(database: str) -> None:
    rng = Random(SEED)
    moments = [rng.uniform(0.0, 3.0) for _ in range(CUTS[database])]
    with cuts(database, moments) as images:
        for cut in images:
            # Before anything is written to it again.
            assert keys_left(cut.said, Disk(cut.image, cut.image)) == 0, SEED
            with again(cut, database) as (system, _disk):
                assert missing_in_rows(cut.said, Rows(system)) == [], SEED
                assert missing_on_pages(cut.said, system, rng) == [], SEED
                assert eventually(lambda system=system: not left_over(system)), left_over(system)


def test_a_system_that_does_not_wait_for_the_disk_is_found_out() -> None:
    """The control: the same evening, the same cut, and a database that says "done" too early."""
    careless = {"DJANGO_SETTINGS_MODULE": "tests.journeys.careless"}
    with cuts("sqlite", [1.0], **careless) as (cut,):
        try:
            with again(cut, "sqlite", **careless) as (system, _disk):
                missing = missing_in_rows(cut.said, Rows(system))
        except CalledProcessError:
            missing = ["everything: what is left does not start"]

    assert missing != []


def test_a_keyring_that_does_not_wait_for_the_disk_is_found_out(tmp_path: Path) -> None:
    """The other control: overwritten, and the power goes before that is on the disk."""
    old = os.urandom(32)
    (tmp_path / "shelf").mkdir()
    with loop.ext4(tmp_path / "shelf", 48) as shelf:
        (shelf.folder / "inner").mkdir()
        with loop.ext4(shelf.folder / "inner", 16) as disk:
            file = disk.folder / "slots"
            for content, synced in ((old, True), (bytes(32), False)):
                descriptor = os.open(file, os.O_RDWR | os.O_CREAT)
                os.pwrite(descriptor, content.ljust(4096, b"\0"), 0)
                if synced:
                    os.fsync(descriptor)
                os.close(descriptor)
            loop.cut(shelf, disk, tmp_path / "cut", lambda: None)
            left = Disk(tmp_path / "cut", tmp_path).holds(old)

    assert left == [old]
