"""A quarter of an hour in which nothing ran; then, by mistake, two whole systems on one database, and
somebody who says "look now" twice about everything."""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from celery import Celery

from tests.faults.rig import SEED, Rig, wait_until

MANY = 20
# How many of a ride's first ring are asked.
FIRST_RING = 4
# Holds that ran out, ends that were interrupted, and needs that waited: one ring each is asked.
ASKED = 3 * MANY
# And the volunteers: of holds that ran out, of needs that are called off, of news that was queued; that she
# has not said she is home; of checks that end soon, and of those that ended.
# And the desk: of the last three, of reports that nobody has read, of reports whose time is over.
TOLD = ASKED * FIRST_RING + 6 * MANY + 5 * MANY


@dataclass(frozen=True)
class Found:
    """`before`: rows due of each duty. `after`: as tests.faults.outage says. `keys`: of all that was told."""

    before: dict[str, int]
    after: dict[str, Any]
    keys: list[str]
    seconds: float


def for_a_quarter_of_an_hour(rig: Rig) -> Found:
    before = rig.ask("tests.faults.outage", seed=SEED)["due"]
    with looks(rig, list(before)):
        began = time.monotonic()
        for tree in (rig.system, rig.another_tree()):
            tree.start()
        wait_until(lambda: rig.ask("tests.faults.outage")["found"]["due"] == 0)
        seconds = time.monotonic() - began
        # Whoever does something again, does it now.
        told = len(rig.book.taken())
        wait_until(lambda: len(rig.book.taken()) > max(told, TOLD), seconds=3)
        after = rig.ask("tests.faults.outage")["found"]
    return Found(before, after, [entry.key for entry in rig.book.taken()], seconds)


@contextlib.contextmanager
def looks(rig: Rig, duties: list[str]) -> Iterator[None]:
    """Where there is a broker, every duty is asked for twice, twice a second, as a beat would."""
    over = threading.Event()

    def say() -> None:
        with Celery(broker=rig.system.environment["CELERY_BROKER_URL"]) as app:
            while not over.wait(0.5):
                for duty in [*duties, *duties]:
                    app.send_task("mutualaid.look", [duty], queue="look")

    if rig.servers is None:
        yield
        return
    thread = threading.Thread(target=say)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
