"""Whom one can trust, in the middle of a story: a check runs out, somebody does not come, words change."""

from datetime import date

from tests.journeys.clockwork import eventually
from tests.journeys.conftest import Stage
from tests.journeys.story import DAY, NOBODY, RIDE, THERE, today


def test_a_check_runs_out_while_somebody_is_expected(stage: Stage) -> None:
    rows, desk = stage.rows, stage.coordinator
    ben, day = stage.volunteer("Ben"), today()
    desk.checks("Ben", "licence", day).says("It counts now.", "Ana, ")
    asker = stage.asker()
    in_a_week = (date.fromisoformat(day) + 8 * DAY).isoformat()
    asker.asks(RIDE, note="Ninth bell.", desk_reads="no", day=in_a_week)
    asker.writes_the_code_on_paper()
    need = asker.need()
    ben.claims().says("You hold this until")
    asker.approves("Ben", place="Under the ninth bell").says("Yes. Somebody is coming.")
    ben.opens().says("Under the ninth bell")
    told = len(stage.post.letters("ana@example.org"))

    rows.check_runs_out(day)

    # What he had is free again; she reads it, he reads it, the desk reads it.
    assert eventually(lambda: rows.claims(need) == ["released"])
    page = asker.looks().says(NOBODY)
    assert "Somebody is coming." not in page
    ben.board().says("Please do not go.")
    assert THERE not in ben.board()
    assert ben.browser.visit(f"/needs/{need}/").status == 404
    ben.browser.visit("/profile/").says("this ran out on", "Please talk to the desk.")
    assert eventually(lambda: len(stage.post.letters("ana@example.org")) > told)
    desk.desk().says("1 check ends soon, or has ended.")
    desk.person("Ben").says("They are not sent until it is done anew.")

    # Done anew, he can take it again.
    desk.checks("Ben", "licence", day).says("It counts now.")
    ben.claims().says("You hold this until")
    asker.approves("Ben", place="Under the ninth bell").says("Yes. Somebody is coming.")
    ben.finishes().says("Thank you.")


def test_somebody_does_not_come_and_somebody_else_does(stage: Stage) -> None:
    rows, desk = stage.rows, stage.coordinator
    dee, eve = stage.volunteer("Dee"), stage.volunteer("Eve")
    asker = stage.asker()
    asker.asks(RIDE, note="Tenth bell.", desk_reads="no", day=today())
    asker.writes_the_code_on_paper()
    need = asker.need()
    dee.claims()
    eve.stands_by()
    asker.approves("Dee", place="Under the tenth bell").says("They did not come")

    asker.browser.press("They did not come")

    asker.looks().says("Eve", "Nobody is coming until you say yes.")
    assert rows.claims(need) == ["declined", "held"]
    assert THERE not in dee.board()
    dee.browser.visit("/profile/").says("1 time somebody said that you did not come.")
    desk.person("Dee").says("1 time somebody said that they did not come.")
    assert "did not come" not in desk.person("Eve")
    assert "did not come" not in desk.looks_at()
    asker.approves("Eve", place="Under the tenth bell").says("Yes. Somebody is coming.")
    eve.finishes()


def test_words_change_and_everybody_reads_them_before_they_go_on(stage: Stage) -> None:
    desk, fay = stage.coordinator, stage.volunteer("Fay", "ride")
    asker = stage.asker()
    asker.asks(RIDE, note="Eleventh bell.", desk_reads="no")
    asker.writes_the_code_on_paper()
    fay.opens()
    desk.browser.visit("/desk/settings/agreements/")
    desk.browser.press("Add", title="Cars", text="I wear a belt.").says("I wear a belt.", "Fay")

    fay.browser.press("I can do this").says("Please read this first", "I wear a belt.")
    fay.browser.press("I agree").says("I can do this")
    fay.browser.press("I can do this").says("You hold this until")

    page = desk.board().says("Please read this first")
    assert "I can do this" not in page
    desk.browser.press("I agree")
    desk.browser.visit("/desk/settings/agreements/")
    desk.browser.press("Stop asking for “Cars”").says("Nobody is asked to accept it any more.")
    asker.erases()
