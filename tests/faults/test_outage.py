"""After a quarter of an hour in which nothing ran each thing is done once, also by two systems at once.

What was done twice, or not at all, is another number here.
"""

from collections.abc import Callable

import pytest

from mutualaid.duties import DUTIES
from organisation import kinds
from tests.faults import down
from tests.faults.down import ASKED, FIRST_RING, MANY, TOLD
from tests.faults.rig import Rig

pytestmark = [pytest.mark.drill, pytest.mark.once, pytest.mark.timeout(600)]

AFTERWARDS = {
    "due": 0,
    "claims": {"lapsed": MANY, "released": 2 * MANY, "approved": MANY},
    "events": {"held": 4 * MANY, "approved": 2 * MANY, "lapsed": MANY, "released": 2 * MANY},
    "needs": {"open": 4 * MANY, "withdrawn": MANY, "expired": MANY},
    # One ring, not the three whose time has passed meanwhile.
    "asked about each task": {str(FIRST_RING): ASKED},
    "rings": {"1, again later: True": ASKED},
    "called off": MANY,
    "expired, as counted": MANY,
    "knocks": MANY,
    "invitations": 0,
    "login restores": 0,
    "sessions": 0,
    "taps": {"missed": MANY},
    "plans": 0,
    "checks": {"done": MANY, "expired": MANY},
    "slips": 0,
    "nights": 0,
    "reports, and those nobody was reminded of": [MANY, 0],
    "debriefs": 0,
    "notices": {"sent": TOLD},
    "open needs without a key": 0,
}


@pytest.mark.parametrize("database", ["postgresql", "sqlite"])
def test_after_a_quarter_of_an_hour_everything_is_done_once_also_by_two_systems(
    a_rig: Callable[[str], Rig], database: str
) -> None:
    found = down.for_a_quarter_of_an_hour(a_rig(database))

    assert kinds.get("ride").rings[0] == FIRST_RING
    assert sorted(name for name, rows in found.before.items() if rows >= MANY) == sorted(
        duty.name for duty in DUTIES
    )
    assert found.after == AFTERWARDS
    assert (len(found.keys), len(set(found.keys))) == (TOLD, TOLD)
