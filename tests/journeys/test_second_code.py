"""Somebody makes her open her page, and she types the other code."""

import pytest

from tests.journeys.clockwork import eventually
from tests.journeys.conftest import Stage
from tests.journeys.story import COMPANY, NOBODY, RIDE

UNKNOWN = "This code opens nothing here."


@pytest.mark.parametrize("does", ["hide", "erase"])
def test_she_types_the_second_code_and_nobody_walks_into_it(stage: Stage, does: str) -> None:
    ben = stage.people.get("Ben") or stage.volunteer("Ben")
    asker = stage.asker()
    asker.asks(RIDE, note="I wait behind the baker's.", desk_reads="no")
    asker.writes_the_code_on_paper().says(NOBODY)
    need = asker.need()
    second = asker.makes_a_second_code(does)
    ben.claims()
    asker.approves("Ben", place="Under the station clock").says("Yes. Somebody is coming.")
    before = len(stage.post.letters(stage.address("Ben")))
    asker.leaves()

    # Somebody stands beside her. What they see is a page like any other.
    page = asker.comes_back(stage.browser(), code=" ".join(second))
    page.says(COMPANY, "Nobody sees this now. Nobody is coming.")
    assert [said for said in ("behind the baker", "station clock", "Ben") if said in page] == []
    asker.leaves()

    # Her own code opens nothing, and whoever was on the way turns back.
    asker.comes_back(stage.browser()).says(UNKNOWN)
    over = "paused" if does == "hide" else ""
    assert eventually(lambda: stage.rows.status(need) == over), "the worker did not do it"
    assert eventually(lambda: len(stage.post.letters(stage.address("Ben"))) > before)
    ben.board().says("Please do not go.")
    assert ben.browser.visit(f"/needs/{need}/").status == 404
