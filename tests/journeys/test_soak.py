"""Ten people at once, for a minute, over fifty needs that end and come anew, at random: claim, stand by,
approve, decline, release, write, pause, suspend, let back in, withdraw, erase, expire.

SOAK_SEED draws another minute.
"""

import os
from datetime import UTC, datetime

import pytest

from tests.invariants import ALWAYS, AT_REST, LATE, asking, slots_that_disagree
from tests.journeys.conftest import Stage
from tests.journeys.soak import Soak, wait_until_at_rest

pytestmark = [pytest.mark.drill, pytest.mark.once, pytest.mark.timeout(300)]

SEED = os.environ.get("SOAK_SEED", "a minute in November")
SECONDS = float(os.environ.get("SOAK_SECONDS", "60"))
WORKERS, NEEDS = 10, 50
# How often at least each of these must really have happened, seen in the rows: otherwise it proves nothing.
MOVES = {
    "asked": 55,
    "held": 40,
    "standby": 10,
    "approved": 25,
    "released": 10,
    "declined": 2,
    "lapsed": 2,
    "done": 2,
    "withdrawn": 1,
    "met": 1,
    "expired": 1,
    "paused": 1,
}
# And of these pages, answered as done.
PRESSED = {"Erase everything now 302": 1, "Suspend … 302": 1, "Reinstate 302": 1, "Send 302": 5}


def test_a_minute_in_which_everybody_does_something_leaves_nothing_wrong(stage: Stage) -> None:
    soak = Soak(stage, SEED, NEEDS)
    soak.fill(WORKERS)
    soak.run(SECONDS, enough=lambda: too_few(soak) == {})

    told = f"SOAK_SEED={SEED!r}: {dict(soak.statuses)} {dict(soak.happened())} {dict(soak.pressed)}"
    print(told)
    assert soak.wrong == [], told
    assert soak.broken == [], told
    # A calm 503 says that nothing was stored; anything else of 500 and more is a fault.
    assert [status for status in soak.statuses if status >= 500 and status != 503] == [], told
    assert (too_few(soak), soak.looks >= 10) == ({}, True), told
    # Nothing is asked of it any more: whatever is due is done, every key has its row, and every row its key.
    assert wait_until_at_rest(lambda: left_over(stage), 40) == [], told


def too_few(soak: Soak) -> dict[str, int]:
    happened, pressed = soak.happened(), soak.pressed
    few = {what: happened[what] for what, least in MOVES.items() if happened[what] < least}
    return few | {what: pressed[what] for what, least in PRESSED.items() if pressed[what] < least}


def left_over(stage: Stage) -> list[object]:
    with asking(stage.system) as ask:
        at_once = datetime.now(UTC) + LATE
        keyring = stage.system.data_dir / "keyring" / "slots"
        found = [ask.broken(ALWAYS), ask.broken(AT_REST, at_once), slots_that_disagree(ask, keyring)]
    return [one for one in found if one]
