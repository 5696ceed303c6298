"""She is in a hurry: the first volunteer the organisation let in is expected at once."""

from tests.journeys.clockwork import eventually
from tests.journeys.conftest import Stage
from tests.journeys.story import CLOSED, RIDE, STAY


def test_the_first_who_takes_it_is_expected_and_reads_after_her_next_visit(stage: Stage) -> None:
    rows = stage.rows
    ben, cleo = stage.volunteer("Ben"), stage.volunteer("Cleo")

    # She asks, and leaves.
    asker = stage.asker()
    asker.asks(RIDE, note="Ring twice.", desk_reads="no", decides="first")
    need = asker.need()
    asker.leaves()

    # The first one has it at once, and it leaves the other's board. The note waits: only she has a key.
    assert eventually(lambda: rows.asked(need) >= 2)
    ben.opens().says("It is yours at once.")
    page = ben.browser.press("I can do this").says("Yes. You are expected.")
    assert "Ring twice." not in page
    page.says("The note opens when the person looks here next.")
    cleo.board().says("Nothing fits you now.")

    # At her next visit note and place open to him.
    asker.comes_back(stage.browser()).says("Yes. Somebody is coming.")
    ben.opens().says("Ring twice.")
    asker.says_where("Ben", "At the fountain")
    ben.opens().says("At the fountain")

    # He cannot come after all: everything closes to him at once, and she is told.
    ben.releases().says("Thank you for saying so. Somebody else will be asked.")
    page = ben.opens().says("I can do this")
    assert ("Ring twice." in page, "At the fountain" in page) == (False, False)
    asker.looks().says("Nobody is coming until this page says yes.")

    # The other one takes it, and it happens. She says so.
    # She is still there: looking at her page is a visit, too.
    page = cleo.claims().says("Yes. You are expected.")
    assert "Ring twice." not in page
    asker.looks().says("Cleo")
    cleo.opens().says("Ring twice.")
    asker.looks()
    asker.browser.press("It is done").says("Done. Take care.", CLOSED)
    assert rows.claims(need) == ["released", "done"]


def test_a_hosts_place_is_seen_by_her_alone_and_only_after_the_yes(stage: Stage) -> None:
    rows = stage.rows
    gus, hal = stage.volunteer("Gus", "stay"), stage.volunteer("Hal", "stay")
    asker = stage.asker()
    asker.asks(STAY, nights="2", people="1")
    need = asker.need()
    gus.claims(STAY, place="The yellow gate")
    hal.opens(STAY)
    hal.browser.press("I stand by", place="The green gate")

    page = asker.looks().says("Gus", "Hal")
    assert ("yellow gate" in page, "green gate" in page) == (False, False)
    page = asker.approves("Hal").says("Yes. Somebody is coming.", "The green gate")
    assert "yellow gate" not in page
    assert rows.claims(need) == ["standby", "approved"]

    # She says no after all: both places are gone, and the one who stood by has it.
    page = asker.declines("Hal")
    assert ("yellow gate" in page, "green gate" in page) == (False, False)
    assert rows.claims(need) == ["held", "declined"]
    asker.erases()
