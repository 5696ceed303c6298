"""The asker's and the volunteer's pages, as they are walked without a script."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client

from privacy import codes
from privacy.keyring import keyring
from requests_app.models import Claim, Mailbox, Need
from tests.requests_app.world import TOMORROW, World, only_task, say_yes, take
from tests.volunteers.people import AT, Person


@pytest.fixture
def asker(world: World) -> Client:
    return Client(enforce_csrf_checks=True)


def hidden(page: str, name: str) -> str:
    """The value of a hidden field of the page."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"no hidden field {name}"
    return unescape(found[1])


def post(client: Client, path: str, page: str, **typed: Any) -> Any:
    """Post a form the way the page that shows it would."""
    return client.post(path, {"csrfmiddlewaretoken": hidden(page, "csrfmiddlewaretoken"), **typed})


def text(response: Any) -> str:
    return response.content.decode()


def ask_for_a_ride(client: Client, world: World, **typed: Any) -> Any:
    page = text(client.get("/a/ride/"))
    answers = {"area": world.area.pk, "day": TOMORROW.isoformat(), "token": hidden(page, "token")}
    return post(client, "/a/ride/", page, **answers, **typed)


def code_words(page: str) -> list[str]:
    return re.findall(r"<li>([a-z]+)</li>", page.split('class="code"')[1])[:8]


def volunteer_client(person: Person) -> Client:
    client = Client(enforce_csrf_checks=True)
    page = text(client.get("/accounts/login/"))
    response = post(
        client, "/accounts/login/", page, login=person.volunteer.username, password=person.passphrase
    )
    assert response.status_code == 302, text(response)
    return client


def test_where_and_when_are_enough_to_ask(asker: Client, world: World) -> None:
    response = ask_for_a_ride(asker, world)
    assert (response.status_code, response["Location"]) == (302, "/a/code/")
    assert Need.objects.get().kind == "ride"


def test_she_writes_two_words_of_her_code_and_it_is_not_shown_again(asker: Client, world: World) -> None:
    ask_for_a_ride(asker, world)
    page = text(asker.get("/a/code/"))
    words = code_words(page)
    response = post(asker, "/a/code/", page, first=words[1], second=words[6])
    assert (response.status_code, response["Location"]) == (302, "/a/mine/")
    assert asker.get("/a/code/")["Location"] == "/a/mine/"
    assert Mailbox.objects.get().confirmed


def test_another_browser_opens_her_page_with_the_code(asker: Client, world: World) -> None:
    ask_for_a_ride(asker, world, note="The blue door.", desk_reads="no")
    words = code_words(text(asker.get("/a/code/")))
    other = Client(enforce_csrf_checks=True)
    page = text(other.get("/a/return/"))
    response = post(
        other, "/a/return/", page, ticket=hidden(page, "ticket"), code=" ".join(w[:4] for w in words)
    )
    assert (response.status_code, response["Location"]) == (302, "/a/mine/")
    assert "The blue door." in text(other.get("/a/mine/"))


def test_a_wrong_code_is_not_echoed_and_opens_nothing(asker: Client, world: World) -> None:
    page = text(asker.get("/a/return/"))
    typed = "zebra zebra zebra zebra zebra zebra zebra zebra"
    response = post(asker, "/a/return/", page, ticket=hidden(page, "ticket"), code=typed)
    assert response.status_code == 422
    assert "opens nothing here" in text(response)
    assert "zebra" not in text(response)


def test_the_same_form_posted_twice_makes_one_need(asker: Client, world: World) -> None:
    page = text(asker.get("/a/ride/"))
    answers = {"area": world.area.pk, "day": TOMORROW.isoformat(), "token": hidden(page, "token")}
    post(asker, "/a/ride/", page, **answers)
    first = code_words(text(asker.get("/a/code/")))
    del asker.cookies["s"]
    post(asker, "/a/ride/", page, **answers)
    assert code_words(text(asker.get("/a/code/"))) == first
    assert Need.objects.count() == 1


def test_bad_answers_come_back_with_what_was_typed_and_a_sentence(asker: Client, world: World) -> None:
    response = ask_for_a_ride(asker, world, note="x" * 2001 + "tail", desk_reads="no")
    assert response.status_code == 422
    assert "too long" in text(response)
    assert "x" * 2001 + "tail" in text(response)


def test_a_past_day_is_refused_with_a_sentence(asker: Client, world: World) -> None:
    page = text(asker.get("/a/ride/"))
    answers = {"area": world.area.pk, "day": "2020-01-01", "token": hidden(page, "token")}
    response = post(asker, "/a/ride/", page, **answers)
    assert (response.status_code, "This day is over" in text(response)) == (422, True)


def test_leaving_ends_her_session(asker: Client, world: World) -> None:
    ask_for_a_ride(asker, world)
    response = asker.get("/a/leave/")
    assert response.status_code == 303
    assert asker.get("/a/mine/")["Location"] == "/a/return/"


def test_a_volunteer_takes_it_she_says_yes_and_they_write(asker: Client, world: World) -> None:
    ask_for_a_ride(asker, world, note="Third bell.", desk_reads="no")
    ben = world.volunteer("Ben")
    client = volunteer_client(ben)
    need = Need.objects.get()
    page = text(client.get(f"/needs/{need.pk}/"))
    assert "I can do this" in page
    assert "Third bell." not in page
    task = hidden(page, "task")
    assert post(client, f"/needs/{need.pk}/claim/", page, task=task).status_code == 302
    claim = Claim.objects.get()
    hers = text(asker.get("/a/mine/"))
    assert "Ben" in hers
    yes = {"fingerprint": hidden(hers, "fingerprint"), "place": "Under the clock"}
    assert post(asker, f"/a/mine/people/{claim.pk}/approve/", hers, **yes).status_code == 302
    opened = text(client.get(f"/needs/{need.pk}/"))
    assert ("Third bell." in opened, "Under the clock" in opened) == (True, True)
    post(client, f"/needs/{need.pk}/message/", opened, task=task, text="I am in a green car.")
    assert "I am in a green car." in text(asker.get("/a/mine/"))
    post(asker, f"/a/mine/people/{claim.pk}/message/", hers, text="I see you.")
    assert "I see you." in text(client.get(f"/needs/{need.pk}/"))
    assert post(client, f"/needs/{need.pk}/finish/", opened, task=task).status_code == 302
    assert client.get(f"/needs/{need.pk}/").status_code == 404
    assert "The key is destroyed" in text(asker.get("/a/mine/"))


def test_somebody_was_faster_is_said_politely_with_the_board_as_it_is_now(
    asker: Client, world: World
) -> None:
    ask_for_a_ride(asker, world)
    need = Need.objects.get()
    ben, cleo = volunteer_client(world.volunteer("Ben")), volunteer_client(world.volunteer("Cleo"))
    seen = text(cleo.get(f"/needs/{need.pk}/"))
    page = text(ben.get(f"/needs/{need.pk}/"))
    post(ben, f"/needs/{need.pk}/claim/", page, task=hidden(page, "task"))
    late = post(cleo, f"/needs/{need.pk}/claim/", seen, task=hidden(seen, "task"))
    assert (late.status_code, "Somebody was faster" in text(late)) == (409, True)
    again = text(cleo.get(f"/needs/{need.pk}/"))
    assert post(cleo, f"/needs/{need.pk}/stand-by/", again, task=hidden(again, "task")).status_code == 302


def test_erasing_says_so_only_when_it_is_true(asker: Client, world: World) -> None:
    ask_for_a_ride(asker, world)
    page = text(asker.get("/a/mine/"))
    response = post(asker, "/a/mine/erase/", page)
    assert (response["Location"], Need.objects.count(), Mailbox.objects.count()) == ("/a/erased/", 0, 0)


def test_a_volunteer_whom_it_does_not_fit_gets_404_everywhere(asker: Client, world: World) -> None:
    ask_for_a_ride(asker, world)
    need = Need.objects.get()
    client = volunteer_client(world.volunteer("Dan", kinds=["stay"]))
    page = text(client.get("/board/"))
    codes = [client.get(f"/needs/{need.pk}/").status_code]
    for verb in ("claim", "stand-by", "release", "finish", "message"):
        codes.append(post(client, f"/needs/{need.pk}/{verb}/", page, text="x").status_code)
    assert codes == [404] * 6


def test_the_calendar_says_the_day_and_nothing_else(world: World) -> None:
    visit, need = world.ask(note="Third bell.")
    ben = world.volunteer()
    say_yes(visit, take(ben, only_task(need)), place="Under the clock")
    token = ben.volunteer.new_calendar_token()
    entries = text(Client().get(f"/calendar/{token}.ics"))
    assert f"DTSTART;VALUE=DATE:{TOMORROW:%Y%m%d}" in entries
    told = ("Third bell", "clock", "ride", str(need.pk), str(need.claims.get().pk), world.area.name)
    assert [word for word in told if word.casefold() in entries.casefold()] == []


def test_an_unknown_calendar_is_not_there(world: World) -> None:
    assert Client().get("/calendar/nothing.ics").status_code == 404


@pytest.mark.parametrize("foreign", ["foo[bar]=1", "path=/", "a@b=1", "expires=never", "x=1; s=gone"])
def test_leave_now_leaves_whatever_other_cookies_the_browser_brings(asker: Client, foreign: str) -> None:
    response = asker.get("/a/leave/", headers={"cookie": foreign})
    assert (response.status_code, sorted(response.cookies)) == (303, ["c", "l", "s"])


def test_her_code_opens_her_page_also_where_a_key_of_somebody_who_comes_is_gone(
    asker: Client, world: World
) -> None:
    visit, need = world.ask(decides="first")
    claim = take(world.volunteer(), only_task(need))
    keyring().destroy(claim.slot_number, claim.slot_owner)
    page = text(asker.get("/a/return/"))
    code = codes.as_words(visit.secret or b"", "en")
    response = post(asker, "/a/return/", page, code=code, ticket=hidden(page, "ticket"))
    assert (response.status_code, response["Location"]) == (302, "/a/mine/")
    assert asker.get("/a/mine/").status_code == 200


def test_a_form_posted_again_opens_nothing_once_her_code_is_on_paper(asker: Client, world: World) -> None:
    page = text(asker.get("/a/ride/"))
    answers = {"area": world.area.pk, "day": TOMORROW.isoformat(), "token": hidden(page, "token")}
    post(asker, "/a/ride/", page, **answers)
    before = post(asker, "/a/ride/", page, **answers)
    Mailbox.objects.get().confirm()
    del asker.cookies["s"]
    again = post(asker, "/a/ride/", page, **answers)
    assert (before["Location"], again["Location"]) == ("/a/code/", "/a/return/")
    assert (Need.objects.count(), "s" in asker.cookies) == (1, False)


def test_a_form_posted_again_hours_later_opens_nothing(
    asker: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = text(asker.get("/a/ride/"))
    answers = {"area": world.area.pk, "day": TOMORROW.isoformat(), "token": hidden(page, "token")}
    post(asker, "/a/ride/", page, **answers)
    monkeypatch.setattr("privacy.clock.now", lambda: AT + timedelta(hours=2))
    del asker.cookies["s"]
    assert post(asker, "/a/ride/", page, **answers)["Location"] == "/a/return/"


def test_the_form_of_a_second_need_posted_again_in_a_dead_session_asks_for_the_code(
    asker: Client, world: World
) -> None:
    ask_for_a_ride(asker, world)
    page = text(asker.get("/a/ride/"))
    answers = {"area": world.area.pk, "day": TOMORROW.isoformat(), "token": hidden(page, "token")}
    post(asker, "/a/ride/", page, **answers)
    del asker.cookies["s"]
    again = post(asker, "/a/ride/", page, **answers)
    assert (again.status_code, again["Location"], Need.objects.count()) == (302, "/a/return/", 2)
