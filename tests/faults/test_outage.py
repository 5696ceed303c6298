"""A quarter of an hour in which nothing ran, with twenty of everything that falls due inside; then, by
mistake, two whole systems on one database, and somebody who says "look now" twice about everything.

Each thing is done once: what was done twice, or not at all, is another number here.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator

import pytest
from celery import Celery

from mutualaid.duties import DUTIES
from organisation import kinds
from tests.faults.rig import SEED, Rig, wait_until

pytestmark = [pytest.mark.drill, pytest.mark.once, pytest.mark.timeout(600)]

MANY = 20
FIRST_RING = kinds.get("ride").rings[0]
# Holds that ran out, ends that were interrupted, and needs that waited: one ring each is asked.
ASKED = 3 * MANY
LAPSED, CALLED_OFF, NEWS = MANY, MANY, MANY
TOLD = ASKED * FIRST_RING + LAPSED + CALLED_OFF + NEWS

AFTERWARDS = {
    "due": 0,
    "claims": {"lapsed": MANY, "released": 2 * MANY},
    "events": {"held": 3 * MANY, "approved": MANY, "lapsed": MANY, "released": 2 * MANY},
    "needs": {"open": 3 * MANY, "withdrawn": MANY, "expired": MANY},
    "asked about each task": {str(FIRST_RING): ASKED},
    "rings": {"1, again later: True": ASKED},
    "called off": CALLED_OFF,
    "expired, as counted": MANY,
    "knocks": MANY,
    "invitations": 0,
    "login restores": 0,
    "sessions": 0,
    "notices": {"sent": TOLD},
    "open needs without a key": 0,
}


@pytest.mark.parametrize("database", ["postgresql", "sqlite"])
def test_after_a_quarter_of_an_hour_everything_is_done_once_also_by_two_systems(
    a_rig: Callable[[str], Rig], database: str
) -> None:
    rig = a_rig(database)
    before = rig.ask("tests.faults.outage", seed=SEED)
    with looks(rig):
        for tree in (rig.system, rig.another_tree()):
            tree.start()
        wait_until(lambda: rig.ask("tests.faults.outage")["found"]["due"] == 0)
        # Another look or two: whoever does it again, does it now.
        told = len(rig.book.taken())
        wait_until(lambda: len(rig.book.taken()) > told, seconds=3)
    found = rig.ask("tests.faults.outage")["found"]
    keys = [entry.key for entry in rig.book.taken()]

    assert {name: count >= MANY for name, count in before["due"].items()} == {
        duty.name: True for duty in DUTIES
    }
    assert found == AFTERWARDS
    assert (len(keys), len(set(keys))) == (TOLD, TOLD)


@contextlib.contextmanager
def looks(rig: Rig) -> Iterator[None]:
    """Where there is a broker: every duty is asked for twice, twice a second, as a beat would."""
    over = threading.Event()

    def say() -> None:
        with Celery(broker=rig.system.environment["CELERY_BROKER_URL"]) as app:
            while not over.wait(0.5):
                for duty in [*DUTIES, *DUTIES]:
                    app.send_task("mutualaid.look", [duty.name], queue="look")

    thread = threading.Thread(target=say)
    if rig.servers:
        thread.start()
    try:
        yield
    finally:
        over.set()
        if rig.servers:
            thread.join()
