"""Whoever has not accepted what changed reads it before the board or a need; nobody is kept from leaving."""

from typing import Any

import pytest

from notify.models import Notice
from requests_app import matching, rings
from requests_app.models import Claim, Message
from tests.requests_app.desk import Browser, browser, read
from tests.requests_app.world import TODAY, World, claim_of, only_task, say_yes, take
from tests.volunteers.people import AT, Person
from volunteers.models import Acceptance, Agreement

ASK = "/profile/agreements/"


@pytest.fixture
def ben(world: World) -> Person:
    return world.volunteer("Ben")


def words_change() -> None:
    Agreement.objects.add("Cars", "I wear a belt.", AT)


def leads(answer: Any) -> str:
    """Where an answer leads on to; "" for a page of its own."""
    return str(answer.headers.get("Location") or answer.headers.get("HX-Redirect", ""))


def agree(his: Browser, answer: Any) -> Any:
    """They read the page they were led to, and press its one button."""
    page = his.page(leads(answer))
    then = page.partition('name="next" value="')[2].partition('"')[0]
    return his.client.post(ASK, {"read": "cars:1", "next": then}, follow=True)


def test_the_board_and_a_need_come_after_what_changed(world: World, ben: Person) -> None:
    _visit, need = world.ask()
    his = browser(ben)
    words_change()
    for path in ("/board/", f"/needs/{need.pk}/"):
        assert leads(his.client.get(path)).startswith(f"{ASK}?next=%2F")
    answer = his.client.get("/board/", headers={"HX-Request": "true"})
    assert (answer.status_code, leads(answer).startswith(ASK)) == (200, True)
    assert b"You could do this" not in answer.content

    answer = agree(his, his.client.get(f"/needs/{need.pk}/"))

    assert answer.redirect_chain == [(f"/needs/{need.pk}/", 302)]
    assert "I can do this" in answer.content.decode()
    assert his.client.get("/board/").status_code == 200


@pytest.mark.parametrize("verb", ["claim", "stand-by"])
def test_nothing_is_taken_before(world: World, ben: Person, verb: str) -> None:
    _visit, need = world.ask()
    his = browser(ben)
    words_change()
    answer = his.client.post(f"/needs/{need.pk}/{verb}/", {"task": only_task(need).pk})
    assert leads(answer) == f"{ASK}?next=%2Fneeds%2F{need.pk}%2F"
    assert not Claim.objects.exists()


def test_a_message_that_was_typed_waits(world: World, ben: Person) -> None:
    visit, need = world.ask()
    claim = say_yes(visit, take(ben, only_task(need)))
    his = browser(ben)
    words_change()
    answer = his.client.post(
        f"/needs/{need.pk}/message/", {"task": claim.task_id, "text": "I have a green car."}
    )
    assert not Message.objects.exists()
    page = agree(his, answer).content.decode()
    assert "I have a green car." in page


def test_whoever_is_on_the_way_today_finds_the_door(world: World, ben: Person) -> None:
    visit, need = world.ask(day=TODAY)
    claim = say_yes(visit, take(ben, only_task(need)), place="Under the clock")
    claim.write(visit.unlocked, Message.ASKER, "I wear a scarf.", AT)
    his = browser(ben)
    words_change()
    page = his.words(f"/needs/{need.pk}/")
    assert ("Under the clock" in page, "I wear a scarf." in page) == (True, True)
    his.client.post(f"/needs/{need.pk}/message/", {"task": claim.task_id, "text": "Here."})
    assert Message.objects.count() == 2
    assert leads(his.client.get("/board/")).startswith(ASK)


@pytest.mark.parametrize(("verb", "then"), [("release", "released"), ("finish", "done")])
def test_nobody_is_kept_from_saying_that_they_cannot_come_or_that_it_is_done(
    world: World, ben: Person, verb: str, then: str
) -> None:
    visit, need = world.ask()
    say_yes(visit, take(ben, only_task(need)))
    his = browser(ben)
    words_change()
    his.client.post(f"/needs/{need.pk}/{verb}/", {"task": only_task(need).pk})
    assert claim_of(ben, only_task(need)).status == then


def test_they_are_still_asked_meanwhile(world: World, ben: Person) -> None:
    world.can_be_told(ben)
    _visit, need = world.ask()
    words_change()
    rings.ask_next(only_task(need), AT)
    assert [match.volunteer_id for match in matching.best(only_task(need), AT, 9)] == [ben.volunteer.pk]
    assert Notice.objects.count() == 1


# At the desk


def test_the_desk_changes_words_and_sees_who_has_not_accepted_them(world: World, ben: Person) -> None:
    desk = browser(world.coordinator)
    page = desk.words("/desk/settings/agreements/")
    assert page.count("Everybody has accepted it.") == 1
    typed = {"title": "We ask nothing", "text": "Nobody asks.\r\nNobody looks."}
    page = desk.post_words("/desk/settings/agreements/do-not-ask-why/", **typed)
    assert "Have not accepted it yet: Ana , Ben ." in page
    assert "Has still to read and accept: We ask nothing." in desk.words(f"/desk/people/{ben.volunteer.pk}/")
    Acceptance.objects.accept(ben.volunteer, ["do-not-ask-why:2"], AT)
    assert "Have not accepted it yet: Ana ." in desk.words("/desk/settings/agreements/")
    again = desk.post_words("/desk/settings/agreements/do-not-ask-why/", **typed)
    assert "The words are the same." in again
    assert Agreement.objects.count() == 1


def test_the_desk_adds_one_and_stops_asking_for_it_but_not_for_the_first(world: World) -> None:
    desk = browser(world.coordinator)
    desk.post("/desk/settings/agreements/", title="Cars", text="I wear a belt.")
    assert desk.client.get("/desk/settings/agreements/cars/").status_code == 200
    assert "Nobody is asked to accept it any more." in desk.post_words("/desk/settings/agreements/cars/stop/")
    for verb in ("", "stop/"):
        assert desk.client.post(f"/desk/settings/agreements/cars/{verb}").status_code == 404
    assert "This one stays." in desk.post_words("/desk/settings/agreements/do-not-ask-why/stop/")
    assert [text.slug for text in Agreement.objects.current()] == ["do-not-ask-why"]


@pytest.mark.parametrize(
    "typed", [{}, {"title": "Cars"}, {"text": "I wear a belt."}, {"title": "x" * 61, "text": "y"}]
)
@pytest.mark.parametrize("where", ["", "do-not-ask-why/"])
def test_half_a_text_comes_back_as_typed(world: World, typed: dict[str, str], where: str) -> None:
    answer = browser(world.coordinator).client.post(f"/desk/settings/agreements/{where}", typed)
    page = read(answer.content.decode())
    assert (answer.status_code, "Almost. Please look at this again:" in page) == (422, True)
    assert all(text in answer.content.decode() for text in typed.values())
    assert not Agreement.objects.exists()
