"""She cannot look again soon: the desk decides for her, and she seals the place to it beforehand."""

from tests.journeys.clockwork import eventually
from tests.journeys.conftest import Stage
from tests.journeys.post_office import NEWS
from tests.journeys.story import CLOSED, DESK_RIDE, RIDE


def test_the_desk_says_yes_with_the_place_she_left_there(stage: Stage) -> None:
    rows, desk = stage.rows, stage.coordinator
    ben, dan = stage.volunteer("Ben"), stage.volunteer("Dan")

    # She asks, lets the desk read her note and decide, and leaves.
    asker = stage.asker()
    words = {"note": "Third bell.", "desk_reads": "yes", "decides": "desk", "place": "Platform two"}
    asker.asks(RIDE, **words, looks_again="12")
    need = asker.need()
    asker.leaves()

    # The volunteers see that it is there, not what she wrote.
    assert eventually(lambda: rows.asked(need) >= 2)
    dan.claims()
    page = ben.stands_by()
    assert ("Third bell." in page, "Platform two" in page) == (False, False)

    # The desk is told nothing by name, reads what is for it, and chooses the one it knows.
    desk.desk().says(DESK_RIDE, "1 waits for you.")
    desk.looks_at().says("Third bell.", "Platform two", "Ben", "Dan")
    desk.browser.press("No, not Dan")
    desk.approves("Ben").says("You said yes. Both see it when they look here.")

    # Only the one who comes reads it.
    ben.opens().says("Yes. You are expected.", "Third bell.", "Platform two")
    assert dan.browser.visit(f"/needs/{need}/").status == 404

    # She comes back, reads who comes, and they write.
    asker.comes_back(stage.browser()).says("Yes. Somebody is coming.", "Ben")
    assert asker.two_words() == ben.two_words()
    asker.writes("Ben", "I wear a red hat.")
    ben.opens().says("I wear a red hat.")

    # It is done.
    ben.finishes()
    asker.looks().says("Done. Take care.", CLOSED)
    desk.desk().says("Nothing is open.")
    assert desk.browser.visit(f"/desk/needs/{need}/").status == 404


def test_a_note_that_is_not_for_the_desk_stays_closed_there(stage: Stage) -> None:
    asker, desk = stage.asker(), stage.coordinator
    asker.asks(RIDE, note="Only for who comes.", desk_reads="no")
    page = desk.looks_at().says("What you may read", "The note is not for the desk.")
    assert "Only for who comes." not in page
    asker.withdraws()


def test_whoever_is_suspended_loses_what_they_took_and_the_next_one_has_it(stage: Stage) -> None:
    rows, desk = stage.rows, stage.coordinator
    zara, fay = stage.volunteer("Zara"), stage.volunteer("Fay")
    asker = stage.asker()
    asker.asks(RIDE, note="Fourth bell.", desk_reads="no", tell_by="email", email="her@example.org")
    need = asker.need()
    zara.claims()
    fay.stands_by()
    asker.approves("Zara", place="Platform three")
    zara.opens().says("Fourth bell.", "Platform three")

    # Her address was tried once; she was told that somebody offered. Nobody says what.
    assert eventually(lambda: stage.post.bodies("her@example.org") == [["Notes", "There is news."]] * 2)
    desk.suspends("Zara").says("They are suspended.")

    # Every session of theirs is over, and what they took is free; the next in line has it.
    assert zara.browser.visit(f"/needs/{need}/").status == 404
    page = zara.browser.visit("/board/")
    assert page.url.endswith("/accounts/login/?next=/board/")
    zara.signs_in().says("User name and passphrase do not go together.")
    assert rows.claims(need) == ["released", "held"]
    fay.opens().says("You hold this until")
    page = asker.looks().says("Fay", "Nobody is coming until you say yes.")
    # Her name is there only for the case that something was wrong.
    offers, _fold, afterwards = page.text.partition("Was something wrong?")
    assert ("Zara" in offers, "Zara" in afterwards, "Platform three" in page) == (False, True, False)

    # She is told at once; so is whoever holds it now.
    assert eventually(lambda: stage.post.bodies("her@example.org") == [["Notes", "There is news."]] * 4)
    assert eventually(lambda: NEWS in stage.post.bodies(stage.address("Fay"))[1:])
    asker.erases().says("Everything you wrote here is erased.")
    assert rows.status(need) == ""
