"""The faults that really happen: nothing is lost, nothing is early, and it is soon as it was before.

A PostgreSQL and a Redis of their own, real workers, a gateway that writes everything down. What a drill found
is printed; `FAULT_SEED` gives other moments.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults import harm, outcome
from tests.faults.gateway import HANGS, REFUSES
from tests.faults.outcome import Outcome
from tests.faults.rig import NOTICES, Rig, address, rig, wait_until
from tests.journeys import loop
from tests.mutualaid.test_system import is_healthy

pytestmark = [pytest.mark.drill, pytest.mark.once, pytest.mark.timeout(600)]

GATEWAYS = 2
# Of one worker at one gateway: each of its threads may be in the middle of something.
ON_ITS_WAY = 3
SMALL_DISK = 64  # megabytes
SOON = 10.0  # seconds after the fault's end
# Seconds after which every thread has met who hangs: each is held up once until its post is cut.
FOUND_OUT = 10.0


def most_attempts(found: Outcome) -> float:
    """One probe of each gateway every three seconds by each worker, and what was on its way when it began."""
    return GATEWAYS * harm.WORKERS * (found.lasted / 3 + ON_ITS_WAY)


ARig = Callable[[str], Rig]


@pytest.fixture
def small_disk() -> Iterator[Path]:
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
        loop.ext4(Path(name), SMALL_DISK) as disk,
    ):
        yield disk.folder


def all_arrived(found: Outcome) -> None:
    """The promise, whatever happened."""
    print(found)
    broken = (found.laid, found.lost, found.strangers, found.early)
    assert broken == (NOTICES, 0, 0, 0)
    assert found.latest <= SOON


@pytest.mark.parametrize("database", ["postgresql", "sqlite"])
def test_150_killed_workers_lose_nothing(a_rig: ARig, database: str) -> None:
    all_arrived(harm.kills(a_rig(database)))


def test_without_redis_everything_is_in_time(a_rig: ARig) -> None:
    found = harm.no_redis(a_rig("postgresql"))

    all_arrived(found)


def test_a_postgresql_that_stops_at_once_three_times_loses_nothing(a_rig: ARig) -> None:
    rig = a_rig("postgresql")
    all_arrived(harm.postgres_stops(rig))

    assert wait_until(lambda: is_healthy(rig.system), seconds=15)


@pytest.mark.parametrize(
    ("database", "does"), [("postgresql", REFUSES), ("postgresql", HANGS), ("sqlite", REFUSES)]
)
def test_a_gateway_that_fails_is_not_stormed_and_each_is_told_once(
    a_rig: ARig, database: str, does: str
) -> None:
    found = harm.gateway_fails(a_rig(database), does)

    all_arrived(found)
    assert found.again == 0
    assert found.during <= most_attempts(found)


def test_a_full_disk_loses_nothing(small_disk: Path) -> None:
    with rig(small_disk / "data", None) as it:
        all_arrived(harm.disk_fills(it))


@pytest.mark.parametrize(("database", "lasts"), [("postgresql", 60), ("sqlite", 25)])
def test_one_recipient_who_hangs_keeps_nobody_else_waiting(a_rig: ARig, database: str, lasts: float) -> None:
    rig = a_rig(database)
    all_arrived(harm.one_hangs(rig, lasts))
    hanging = {address(number) for number in harm.HANGING}
    others = {key: laid for key, laid in rig.laid.items() if laid[0] not in hanging}
    theirs = [entry for entry in rig.book.entries if entry.address not in hanging]
    found = outcome.of(others, theirs, rig.began, rig.began + FOUND_OUT)
    print(found)

    assert found.lost == 0
    assert found.latest <= SOON
