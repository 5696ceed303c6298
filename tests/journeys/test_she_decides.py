"""The whole story, as most of them go: she asks, somebody comes, it is over, and nothing is left."""

from tests.journeys.clockwork import eventually
from tests.journeys.conftest import Stage
from tests.journeys.post_office import NEWS, says_nothing_but_news
from tests.journeys.story import CLOSED, NOBODY, RIDE, THERE


def test_she_asks_and_somebody_she_chose_comes(stage: Stage) -> None:
    rows = stage.rows

    # She asks, writes her code on paper, and leaves.
    asker = stage.asker()
    asker.asks(RIDE, note="I wait behind the baker's.", desk_reads="no").says("Your return code")
    asker.writes_the_code_on_paper().says(NOBODY)
    need = asker.need()
    assert eventually(lambda: not rows.rings_left(need)), "the worker has not looked"
    asker.looks().says("Nobody here fits it just now. Nobody is coming until this page says yes.")
    asker.leaves()

    # A coordinator invites somebody, who joins, offers, and is vouched for.
    ben = stage.volunteer("Ben")
    cleo = stage.volunteer("Cleo")

    # Half an hour later the worker asks the next ring: a proposal each, and a message that says nothing.
    rows.next_ring_is_due(need)
    assert eventually(lambda: rows.asked(need) == 2)
    for handle in ("Ben", "Cleo"):
        assert eventually(lambda who=handle: NEWS in stage.post.bodies(stage.address(who)))
        for letter in stage.post.letters(stage.address(handle)):
            says_nothing_but_news(letter)

    # The board shows it, and what she wrote is not there.
    ben.board().says(THERE, "You could do this")
    page = ben.claims()
    page.says("You hold this until", "Do not go before this page says yes.")
    assert "baker" not in page
    cleo.stands_by().says("You stand by.")

    # She comes back with her code in another browser, sees both, and says yes to one, with a place.
    asker.comes_back(stage.browser()).says("2 people offered. Nobody is coming until you say yes.")
    asker.looks().says("Ben", "Cleo", "1 member met them in person.", "Stands by")
    asker.approves("Ben", place="Under the station clock").says("Yes. Somebody is coming.")

    # He reads what was sealed to him; she who stands by reads nothing.
    ben.opens().says("Under the station clock", "I wait behind the baker's.")
    page = cleo.opens()
    assert ("baker" in page, "clock" in page) == (False, False)
    assert asker.two_words() == ben.two_words()

    # They write to each other.
    ben.writes("I have a green car.").says("I have a green car.")
    asker.looks().says("I have a green car.")
    asker.writes("Ben", "I see you.").says("I see you.")
    ben.opens().says("I see you.")

    # It is done, and closed for both.
    ben.finishes().says("Thank you. What was written is closed now.")
    assert ben.browser.visit(f"/needs/{need}/").status == 404
    page = asker.looks().says("Done. Take care.", CLOSED)
    assert ("baker" in page, "clock" in page, "green car" in page) == (False, False, False)
    assert rows.status(need) == "met"

    # A day later nothing is left but counters, and her code opens nothing.
    rows.a_day_after_the_end(need)
    assert eventually(lambda: rows.status(need) == "")
    assert rows.counters()["met.ride"] == 1
    asker.comes_back(stage.browser()).says("This code opens nothing here.")
    left = ["need", "task", "claim", "proposal", "message", "event", "mailbox", "needday", "bednight"]
    assert [name for name in left if rows.count(f"requests_app_{name}")] == []
    assert (rows.count("privacy_compartment"), rows.count("privacy_grant")) == (0, 0)
