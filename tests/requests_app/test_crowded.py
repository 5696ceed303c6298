"""While many try at once: who asks waits a moment, and loses nothing of what she typed."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from privacy import codes, gate, limits
from requests_app.models import Mailbox, Need
from tests.full_gate import everybody_waits
from tests.requests_app.test_pages import code_words, hidden, post, text
from tests.requests_app.world import TOMORROW, World
from tests.volunteers.people import AT

NOTE = "Please ring at the green door."
pytestmark = pytest.mark.once


@pytest.fixture
def paused(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that somebody was kept waiting, without the waiting."""
    found: list[float] = []
    monkeypatch.setattr(gate, "pause", found.append)
    return found


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here came a thousand tries before."""
    monkeypatch.setattr(limits, "hit", lambda request, purpose, at: 1000)


def a_ride(page: str, world: World, **typed: str) -> dict[str, Any]:
    """The form of a ride, filled."""
    brought = {name: hidden(page, name) for name in ("token", "ticket")}
    return {"area": world.area.pk, "day": TOMORROW.isoformat(), **brought, **typed}


def later(monkeypatch: pytest.MonkeyPatch, span: timedelta) -> None:
    monkeypatch.setattr("privacy.clock.now", lambda: AT + span)


@pytest.mark.usefixtures("eager")
def test_who_fills_the_form_in_her_own_time_waits_for_nothing(
    world: World, paused: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    asker = Client(enforce_csrf_checks=True)
    page = text(asker.get("/a/ride/"))
    later(monkeypatch, timedelta(seconds=5))

    assert post(asker, "/a/ride/", page, **a_ride(page, world))["Location"] == "/a/code/"
    assert paused == []


@pytest.mark.usefixtures("eager")
def test_who_is_very_fast_waits_and_asks_all_the_same(world: World, paused: list[float]) -> None:
    asker = Client(enforce_csrf_checks=True)
    page = text(asker.get("/a/ride/"))

    assert post(asker, "/a/ride/", page, **a_ride(page, world))["Location"] == "/a/code/"
    assert paused == [pytest.approx(2.0, abs=0.01)]


@pytest.mark.usefixtures("eager")
def test_where_too_many_wait_she_presses_ask_once_more_and_has_lost_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asker = Client(enforce_csrf_checks=True)
    page = text(asker.get("/a/ride/"))
    typed = a_ride(page, world, note=NOTE, desk_reads="no")

    with everybody_waits():
        refused = post(asker, "/a/ride/", page, **typed)
    back = text(refused)
    later(monkeypatch, timedelta(seconds=5))
    asked = post(asker, "/a/ride/", back, **typed | {"ticket": hidden(back, "ticket")})

    assert (refused.status_code, Need.objects.count()) == (422, 1)
    assert ("Please press Ask once more." in back, NOTE in back) == (True, True)
    assert hidden(back, "token") == typed["token"]
    assert asked["Location"] == "/a/code/"


def test_a_full_gate_gives_the_form_back_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asker = Client(enforce_csrf_checks=True)
    page = text(asker.get("/a/ride/"))

    with everybody_waits():
        back = post(asker, "/a/ride/", page, **a_ride(page, world, note=NOTE, desk_reads="no"))

    assert (back.status_code, NOTE in text(back), Need.objects.count()) == (422, True, 0)


@pytest.mark.usefixtures("eager")
def test_a_form_that_comes_back_keeps_its_ticket(world: World, paused: list[float]) -> None:
    asker = Client(enforce_csrf_checks=True)
    page = text(asker.get("/a/ride/"))
    typed = a_ride(page, world)

    wrong = text(post(asker, "/a/ride/", page, **typed | {"day": "never"}))
    french = text(post(asker, "/a/ride/", page, **typed, switch_language="fr"))

    assert hidden(wrong, "ticket") == hidden(french, "ticket") == typed["ticket"]
    assert paused == []


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("open_for", [timedelta(hours=5), timedelta(days=2)])
def test_a_form_left_open_for_long_waits_a_moment_and_asks(
    world: World, paused: list[float], monkeypatch: pytest.MonkeyPatch, open_for: timedelta
) -> None:
    asker = Client(enforce_csrf_checks=True)
    page = text(asker.get("/a/ride/"))
    later(monkeypatch, open_for)
    day = (TOMORROW + open_for).isoformat()

    assert post(asker, "/a/ride/", page, **a_ride(page, world) | {"day": day})["Location"] == "/a/code/"
    assert paused == [pytest.approx(2.0, abs=0.01)]


@pytest.mark.usefixtures("eager")
def test_pressing_ask_again_and_again_makes_one_need_and_shows_one_code(
    world: World, paused: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    asker = Client(enforce_csrf_checks=True)
    page = text(asker.get("/a/ride/"))
    typed = a_ride(page, world)
    later(monkeypatch, timedelta(seconds=5))

    shown = []
    for _press in range(5):
        asker.cookies.pop("s", None)
        post(asker, "/a/ride/", page, **typed)
        shown.append(tuple(code_words(text(asker.get("/a/code/")))))

    assert (len(set(shown)), Need.objects.count(), Mailbox.objects.count()) == (1, 1, 1)
    # Three of them for one ticket; the others pay.
    assert paused == [pytest.approx(2.0, abs=0.01)] * 2


@pytest.mark.usefixtures("eager")
def test_where_too_many_wait_she_types_her_code_once_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit, _need = world.ask()
    code = codes.as_words(visit.secret or b"", "en")
    asker = Client(enforce_csrf_checks=True)
    page = text(asker.get("/a/return/"))

    with everybody_waits():
        refused = post(asker, "/a/return/", page, code=code, ticket=hidden(page, "ticket"))
    back = text(refused)
    later(monkeypatch, timedelta(seconds=5))
    entered = post(asker, "/a/return/", back, code=code, ticket=hidden(back, "ticket"))

    assert (refused.status_code, "Please type your code once more." in back) == (422, True)
    assert (code in back, entered["Location"]) == (False, "/a/mine/")


@pytest.mark.usefixtures("eager")
def test_after_a_slip_the_right_code_opens_at_once(
    world: World, paused: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    visit, _need = world.ask()
    asker = Client(enforce_csrf_checks=True)
    page = text(asker.get("/a/return/"))
    later(monkeypatch, timedelta(seconds=5))
    wrong = text(post(asker, "/a/return/", page, code="zebra", ticket=hidden(page, "ticket")))
    later(monkeypatch, timedelta(seconds=10))

    code = codes.as_words(visit.secret or b"", "en")
    right = post(asker, "/a/return/", wrong, code=code, ticket=hidden(wrong, "ticket"))

    assert (right["Location"], paused) == ("/a/mine/", [])
