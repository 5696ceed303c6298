"""Nobody comes: whoever fits is asked, then the desk; the time runs out; it is closed and forgotten."""

from tests.journeys.clockwork import eventually
from tests.journeys.conftest import Stage
from tests.journeys.post_office import NEWS
from tests.journeys.story import CLOSED, NOBODY, RIDE, THERE


def test_nobody_comes_and_she_is_told_the_truth_until_it_is_forgotten(stage: Stage) -> None:
    rows, desk = stage.rows, stage.coordinator
    ben = stage.volunteer("Ben")
    channels, mailboxes = rows.count("notify_channel"), rows.count("requests_app_mailbox")
    asker = stage.asker()
    asker.asks(RIDE, note="Fifth bell.", desk_reads="no", tell_by="email", email="her@example.org")
    asker.writes_the_code_on_paper()
    need = asker.need()

    # Whoever fits is asked, and does not answer. Nobody is left to ask: the desk is told that there is news.
    assert eventually(lambda: rows.asked(need) >= 1)
    asker.looks().says("asked. " + NOBODY, "use another plan")
    assert eventually(lambda: stage.post.letters("ana@example.org")), "the one to try her address"
    told = len(stage.post.letters("ana@example.org"))
    assert eventually(lambda: rows.ring(need) == 1)
    rows.next_ring_is_due(need)
    assert eventually(lambda: not rows.rings_left(need))
    asker.looks().says("Nobody who was asked has taken it. " + NOBODY, "The desk was told at")
    assert eventually(lambda: len(stage.post.letters("ana@example.org")) == told + 1)
    assert stage.post.bodies("ana@example.org")[-1] == NEWS
    desk.desk().says(THERE, "Nobody")
    desk.looks_at().says("Ben", "No answer yet")

    # He takes it and does not wait: the hold runs out, and the worker gives it back.
    ben.claims()
    rows.hold_runs_out(need)
    assert eventually(lambda: rows.claims(need) == ["lapsed"])
    asker.looks().says(NOBODY)

    # Its time is over: closed on her page, its key destroyed, and gone for everybody who looks.
    rows.need_runs_out(need)
    assert "Fifth bell." not in asker.looks().says("Closed.")
    # The broom may be at it at this very moment: until its key is gone, the page does not say so.
    assert eventually(lambda: CLOSED in asker.looks())
    page = asker.looks().says("Closed. Its time is over.", CLOSED)
    assert "Fifth bell." not in page
    assert THERE not in ben.board()
    assert ben.browser.visit(f"/needs/{need}/").status == 404
    assert eventually(lambda: rows.status(need) == "expired")
    assert rows.count("privacy_compartment") == 0
    assert rows.count("notify_channel") == channels, "her address is deleted with the need"

    # A day later it is forgotten, and her code opens nothing.
    rows.a_day_after_the_end(need)
    assert eventually(lambda: rows.status(need) == "")
    asker.looks().says("Your return code")
    asker.comes_back(stage.browser()).says("This code opens nothing here.")
    assert rows.counters()["expired.ride"] == 1
    assert rows.count("requests_app_mailbox") == mailboxes


def test_taking_it_back_and_erasing_close_at_once_and_tell_whoever_counted_on_it(stage: Stage) -> None:
    rows = stage.rows
    cleo = stage.volunteer("Cleo")
    asker = stage.asker()
    asker.asks(RIDE, note="Sixth bell.", desk_reads="no")
    mailboxes = rows.count("requests_app_mailbox")
    asker.writes_the_code_on_paper()
    first = asker.need()
    cleo.claims()
    asker.approves("Cleo", place="By the lions")

    # She needs something more from the same page: it joins this one.
    asker.asks("Someone to come with you").says("Your page")
    second = asker.need()
    assert rows.count("requests_app_mailbox") == mailboxes

    asker.looks()
    asker.browser.press("Take it back", within="A ride").says("Closed.", CLOSED)
    assert (rows.status(first), rows.status(second)) == ("withdrawn", "open")
    assert cleo.browser.visit(f"/needs/{first}/").status == 404
    assert eventually(lambda: CHANGED in stage.post.bodies(stage.address("Cleo")))

    asker.erases().says("Everything you wrote here is erased.")
    assert (rows.status(first), rows.status(second)) == ("", "")
    asker.comes_back(stage.browser()).says("This code opens nothing here.")


CHANGED = ["Notes", "There is news.", "Something changed. Look before you go."]
