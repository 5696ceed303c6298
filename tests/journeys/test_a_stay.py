"""A stay from the first night to the last, with its ugly half: a no, a host who leaves, moving on twice."""

from tests.journeys.clockwork import eventually
from tests.journeys.conftest import Stage
from tests.journeys.story import CLOSED, NOBODY, STAY, today

ADDRESS, OTHER = "Fern street 5, second floor", "Harbour road 9"


def test_she_stays_and_stays_longer_and_elsewhere_and_moves_on(stage: Stage) -> None:
    rows, ana = stage.rows, stage.coordinator
    ben, cleo = stage.volunteer("Ben"), stage.volunteer("Cleo")

    # She asks for two nights from today, for herself and a child.
    asker = stage.asker()
    asker.asks(
        STAY,
        day=today(),
        nights="2",
        q_adults="1",
        q_children_3_6="1",
        q_ride="no",
        wishes=["own_room"],
        note="The bell is broken.",
        desk_reads="no",
    )
    asker.writes_the_code_on_paper()
    asker.looks().says(NOBODY, "2 people", "Children come with me", "Would be good: A room of my own")
    need = asker.need()
    assert eventually(lambda: not rows.rings_left(need)), "the worker has not looked"

    # Nobody has said that children are welcome: both say so now, and one of them takes it.
    for person in (ben, cleo):
        assert STAY not in person.board()
        person.offers("stay", conditions=["children_welcome"])
    ben.claims(STAY, place=ADDRESS).says("You hold this until")
    assert ADDRESS not in asker.looks()
    asker.approves("Ben").says("Yes. Somebody is coming.", ADDRESS)

    # Somebody says no to a third night; then all three say yes.
    asker.browser.press("Ask for more nights", nights="1").says("1 more night is asked for.", "You said yes.")
    ben.opens(STAY).says("1 more night is asked for.")
    ben.browser.press("No, as agreed before").says("It does not become longer. All goes on as agreed before.")
    asker.looks().says("It does not become longer. All goes on as agreed before.", "2 nights")
    asker.browser.press("Ask for more nights", nights="1")
    ana.desk().says("More nights wait for your yes")
    ana.browser.follow(STAY)
    ana.browser.press("Yes, more nights")
    ben.opens(STAY)
    ben.browser.press("Yes, more nights").says("Everybody said yes to more nights.", "3 nights")
    asker.looks().says("Everybody said yes to more nights.", "3 nights", ADDRESS)

    # The host cannot any more. The rest is asked for at once, and nobody pretends.
    ben.releases(STAY)
    page = asker.looks().says("That place is gone. Nobody is coming until this page says yes.")
    assert ADDRESS not in page
    ana.looks_at(STAY).says("Nobody yet.", "3 nights")

    # Somebody else takes her in. She moves on, and nobody asks why.
    cleo.claims(STAY, place=OTHER)
    asker.approves("Cleo").says("Yes. Somebody is coming.", OTHER)
    page = asker.browser.press("I need another place for the nights that are left")
    page.says("That place is gone.")
    assert OTHER not in page
    cleo.board().says("A stay with you is over.")
    assert STAY not in cleo.board().links()
    assert cleo.browser.visit(f"/needs/{need}/").status == 404
    assert rows.claims(need) == ["released", "done"]

    # A third one has a bed; in the end she has somewhere else, and all of it is closed.
    dan = stage.volunteer("Dan")
    dan.offers("stay", conditions=["children_welcome"])
    dan.claims(STAY, place=ADDRESS)
    asker.approves("Dan").says(ADDRESS)
    page = asker.browser.press("I have somewhere else, or I am done").says("Done. Take care.", CLOSED)
    assert (ADDRESS in page, OTHER in page, "bell" in page) == (False, False, False)
    dan.board().says("A stay with you is over.")
    assert rows.status(need) == "met"
    rows.a_day_after_the_end(need)
    assert eventually(lambda: rows.status(need) == "")
    assert (rows.count("requests_app_bednight"), rows.count("requests_app_extension")) == (0, 0)
    assert (rows.count("privacy_compartment"), rows.count("privacy_grant")) == (0, 0)


def test_a_ride_there_comes_with_it_and_goes_on_by_itself(stage: Stage) -> None:
    asker = stage.asker()
    asker.asks(STAY, q_ride="yes", note="The bell is broken.", desk_reads="no")
    asker.writes_the_code_on_paper()
    page = asker.looks().says("You asked for this together with: A ride.")
    assert page.text.count("The bell is broken.") == 1
    assert page.buttons().count("Take back both") == 2
    eve = stage.volunteer("Eve")
    eve.claims()
    asker.approves("Eve", place="At the corner").says("Yes. Somebody is coming.")

    # The stay is taken back; the ride asks nobody, and goes on.
    asker.browser.press("Take it back", within=STAY)
    asker.looks().says("You asked for this together with: A place to sleep. That is closed. This goes on.")
    eve.opens().says("At the corner")
    asker.browser.press("Take this back, too")
    eve.board().says("Please do not go.")
    asker.erases()
