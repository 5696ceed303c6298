"""She calls the desk: two words close what she asked, and open nothing."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from privacy import codes
from privacy.crypto import Unreadable
from requests_app.models import Mailbox, Need
from requests_app.models.call_words import MOST_TRIES
from requests_app.models.knock import HIDE
from requests_app.visits import Visit
from tests.forms_seen import typed_in
from tests.requests_app.desk import Browser, browser, read
from tests.requests_app.test_for_somebody import code_on, typed
from tests.requests_app.world import World, only_task, say_yes, take
from tests.volunteers.people import AT

NOTE = "The key lies under the third stone."
REFUSED = "That did not close it. After five tries a day nothing does."
CLOSED = "It is closed. Nobody is coming to them any more."


@pytest.fixture
def desk(world: World) -> Browser:
    return browser(world.coordinator)


def calls(desk: Browser, need: Need, words: str) -> Any:
    return desk.post(f"/desk/needs/{need.pk}/call/", words=words)


def status(need: Need) -> str:
    return Need.objects.get(pk=need.pk).status


def ways_to_say(words: str) -> list[str]:
    first, second = words.split()
    return [
        words,
        words.upper(),
        f" {first},  {second}. ",
        f"{first[:4]} {second[:4]}",
        f"{first}-{second}",
        f"{first[0]}\u0301{first[1:]}\n{second}",
    ]


@pytest.mark.parametrize("way", range(6))
@pytest.mark.parametrize("decides", ["asker", "desk"])
def test_the_right_words_close_it_and_its_key_is_destroyed(
    world: World, desk: Browser, way: int, decides: str
) -> None:
    visit, need = world.ask(note=NOTE, decides=decides)
    claim = say_yes(visit, take(world.volunteer(), only_task(need)), place="The bench")

    answer = calls(desk, need, ways_to_say(visit.call_words)[way])

    assert CLOSED in read(answer.content.decode())
    assert status(need) == "withdrawn"
    for unreadable in (lambda: need.read_note(visit.unlocked), lambda: claim.two_words()):
        with pytest.raises(Unreadable):
            unreadable()


def test_wrong_words_and_too_many_tries_are_one_answer_that_repeats_nothing(
    world: World, desk: Browser
) -> None:
    visit, need = world.ask(note=NOTE)
    other = world.ask()[0].call_words
    first, second = visit.call_words.split()
    wrong = ["meadow lantern", other, f"{second} {first}", first, f"{first} {second} {second}"]
    answers = [calls(desk, need, words) for words in [*wrong, visit.call_words]]

    # What was said would make each of them another page: one word alone may be any word of it.
    shown = [answer.content.decode() for answer in answers]
    pages = {read(page) for page in shown}
    assert ({answer.status_code for answer in answers}, len(pages)) == ({422}, 1)
    assert REFUSED in pages.pop()
    assert [typed_in(page, "words") for page in shown] == [[[""]]] * len(shown)
    assert status(need) == "open"


def test_the_tries_are_counted_for_each_need_and_for_a_day(
    world: World, desk: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit, need = world.ask()
    _visit, another = world.ask(visit)
    for _try in range(MOST_TRIES):
        calls(desk, need, "meadow lantern")

    assert calls(desk, another, visit.call_words).status_code == 200
    assert (status(need), status(another)) == ("open", "withdrawn")
    tomorrow = AT.replace(day=AT.day + 1)
    monkeypatch.setattr("privacy.clock.now", lambda: tomorrow)
    # Signed in anew: nobody is signed in for so long.
    calls(Browser(world.coordinator.sign_in(Client())), need, visit.call_words)
    assert status(need) == "withdrawn"


def test_where_nothing_can_be_counted_nobody_may_guess(
    world: World, desk: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit, need = world.ask()
    monkeypatch.setattr(cache, "set", lambda *args, **named: None)

    assert calls(desk, need, visit.call_words).status_code == 503
    assert status(need) == "open"


def hide(visit: Visit) -> None:
    Mailbox.objects.get(pk=visit.mailbox.pk).hide(AT)


@pytest.mark.parametrize("away", ["paused", "hidden", "ended", "nothing"])
def test_what_the_desk_does_not_see_it_cannot_close(world: World, desk: Browser, away: str) -> None:
    visit, need = world.ask()
    {
        "paused": lambda: need.pause(AT),
        "hidden": lambda: hide(visit),
        "ended": lambda: need.met(AT),
        "nothing": lambda: need.erase(AT),
    }[away]()

    assert calls(desk, need, visit.call_words).status_code == 404


def test_they_stand_beside_her_code_and_on_her_page_and_are_stored_nowhere(world: World) -> None:
    client = Client()
    form = typed(client.get("/a/ride/").content.decode(), world)
    client.post("/a/ride/", form)
    shown = client.get("/a/code/")
    found = Mailbox.objects.behind(codes.read(code_on(shown)), AT)
    assert found is not None
    words = Visit(*found).call_words

    pages = [read(answer.content.decode()) for answer in (shown, client.get("/a/mine/"))]
    assert [words in page for page in pages] == [True, True]
    kept = bytes(Mailbox.objects.get().call_words or b"")
    assert (len(kept), words.split()[0].encode() in kept) == (32, False)


def test_the_page_of_a_second_code_has_words_as_well(world: World) -> None:
    visit, _need = world.ask()
    _second, _decoy = world.ask(paused=True)
    assert visit.errand(HIDE).mailbox == visit.mailbox.pk
    assert (len(visit.call_words.split()), len(_second.call_words.split())) == (2, 2)


@pytest.mark.parametrize("language", ["en", "fr", "es"])
def test_words_are_understood_in_every_language_they_are_said_in(language: str) -> None:
    keys = [bytes([number]) * 32 for number in range(200)]
    for key in keys:
        said = " ".join(codes.words_from(key, 2, language))
        assert codes.positions_from(key, 2) in codes.positions_meant(said, 2)
