"""What a page says is so: nothing is called destroyed, told, asked or coming that is not."""

from datetime import time, timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from notify.models import Channel, Notice
from organisation.models import Hours
from privacy import clock
from privacy.crypto import SealingImpossible
from privacy.keyring import FileKeyring, keyring
from requests_app import rings, tasks
from requests_app.models import Claim, Mailbox, Need
from requests_app.models.need_queryset import NeedQuerySet
from tests.requests_app.test_damaged_rows import enter
from tests.requests_app.test_pages import ask_for_a_ride, hidden, post, text, volunteer_client
from tests.requests_app.world import TODAY, TOMORROW, World, only_task, say_yes, take
from tests.volunteers.people import AT, PASSPHRASE

DESTROYED = "The key is destroyed."


@pytest.fixture
def keyring_is_away(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    def silent(self: FileKeyring, number: int, owner: str) -> None:
        raise SealingImpossible

    monkeypatch.setattr(FileKeyring, "destroy", silent)
    return monkeypatch


def test_a_page_says_destroyed_only_of_a_key_that_is(
    world: World, keyring_is_away: pytest.MonkeyPatch
) -> None:
    visit, need = world.ask()
    asker = enter(visit)
    page = text(asker.get("/a/mine/"))

    answer = post(asker, f"/a/mine/needs/{need.pk}/withdraw/", page)
    before = text(asker.get("/a/mine/"))
    keyring_is_away.undo()
    keyring_is_away.setattr("privacy.clock.now", lambda: AT)
    tasks.end_needs(AT)
    after = text(asker.get("/a/mine/"))

    assert answer.status_code == 302
    assert (DESTROYED in before, "Its key is destroyed as soon as the machine can." in before) == (
        False,
        True,
    )
    assert DESTROYED in after
    assert keyring().missing([(need.slot_number, need.slot_owner)]) == [need.slot_owner]


def test_a_need_whose_time_is_over_is_ended_when_she_looks_though_no_worker_runs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit, need = world.ask()
    monkeypatch.setattr("privacy.clock.now", lambda: need.expires_at)

    page = text(enter(visit).get("/a/mine/"))

    assert Need.objects.get(pk=need.pk).status == "expired"
    assert keyring().missing([(need.slot_number, need.slot_owner)]) == [need.slot_owner]
    assert "Closed. Its time is over." in page


def test_a_clock_that_jumped_ends_nothing_when_she_looks(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit, need = world.ask()
    monkeypatch.setattr("privacy.clock.now", lambda: need.expires_at)
    monkeypatch.setattr("privacy.clock.jumped", lambda: True)

    page = text(enter(visit).get("/a/mine/"))

    assert Need.objects.get(pk=need.pk).status == "open"
    assert (DESTROYED in page, "Closed. Nobody is coming." in page) == (False, True)


def test_erased_is_said_when_it_is_and_until_then_her_code_opens_nothing(
    world: World, keyring_is_away: pytest.MonkeyPatch
) -> None:
    visit, _need = world.ask()
    asker = enter(visit)

    answer = post(asker, "/a/mine/erase/", text(asker.get("/a/mine/")))
    page = text(asker.get(answer["Location"]))
    opens = Mailbox.objects.behind(visit.secret or b"", AT)
    keyring_is_away.undo()
    for duty in (tasks.end_needs, tasks.purge):
        duty(AT + timedelta(hours=1))

    assert (answer["Location"], "Everything you wrote here is erased." in page) == ("/a/erasing/", False)
    assert "Nobody can open here what you wrote." in page
    assert opens is None
    assert (Need.objects.count(), Mailbox.objects.count()) == (0, 0)


def test_what_was_done_is_met_though_the_keyring_was_away(
    world: World, keyring_is_away: pytest.MonkeyPatch
) -> None:
    visit, need = world.ask()
    claim = say_yes(visit, take(world.volunteer(), only_task(need)), place="Under the clock")

    claim.finish(AT)
    met = Need.objects.get(pk=need.pk)
    keyring_is_away.undo()
    tasks.end_needs(AT)

    assert (met.status, met.ending) == ("met", True)
    slots = [(row.slot_number, row.slot_owner) for row in (need, claim)]
    assert keyring().missing(slots) == [need.slot_owner, claim.slot_owner]


def test_yes_says_that_they_do_not_know_where_until_it_is_written(world: World) -> None:
    visit, need = world.ask()
    claim = say_yes(visit, take(world.volunteer("Ben"), only_task(need)))
    asker = enter(visit)

    before = text(asker.get("/a/mine/"))
    Claim.objects.on_needs_of(visit.mailbox).get(pk=claim.pk).meet_at("Under the clock", AT)

    assert "They do not know where yet. Write it below." in before
    assert "They do not know where yet." not in text(asker.get("/a/mine/"))


@pytest.mark.parametrize(
    ("decides", "said"),
    [("asker", "You said yes."), ("desk", "The desk said yes."), ("first", "Took it first.")],
)
def test_who_said_yes_is_told_as_it_was(world: World, decides: str, said: str) -> None:
    visit, need = world.ask(decides=decides)
    claim = take(world.volunteer("Ben"), only_task(need))
    if decides != "first":
        claim.approve(visit.unlocked if decides == "asker" else world.desk(), claim.key_fingerprint(), AT)

    page = text(enter(visit).get("/a/mine/"))

    told = [words for words in ("You said yes.", "The desk said yes.", "Took it first.") if words in page]
    assert told == [said]


def test_where_nobody_fits_the_desk_hears_at_once_and_she_reads_it(world: World) -> None:
    world.can_be_told(world.coordinator)
    visit, need = world.ask()

    rings.ask_next(only_task(need), AT)

    assert only_task(need).everybody_was_asked
    assert Notice.objects.filter(recipient=world.coordinator.volunteer.pk).count() == 1
    page = text(enter(visit).get("/a/mine/"))
    assert "Nobody here fits it just now. Nobody is coming until this page says yes." in page
    assert "The desk was told at 12:00." in page


def test_the_desk_hears_that_it_is_to_decide_and_the_hold_waits_until_somebody_is_there(world: World) -> None:
    world.can_be_told(world.coordinator)
    at = AT.replace(hour=12, minute=0)
    Hours.objects.add(
        weekday=TOMORROW.weekday(), from_time=at.time().replace(hour=9), until_time=at.time().replace(hour=18)
    )
    _visit, need = world.ask(decides="desk", day=TODAY + timedelta(days=3))

    claim = take(world.volunteer(), only_task(need))

    assert claim.held_until == at.replace(hour=10) + timedelta(days=1)
    assert Notice.objects.filter(recipient=world.coordinator.volunteer.pk).count() == 1


def test_a_hold_for_the_desk_does_not_end_after_the_last_has_gone_home(world: World) -> None:
    # On until 12:40 today; it is 12:34, and a hold of half an hour would end at 13:15.
    for day in (TODAY, TOMORROW):
        Hours.objects.add(weekday=day.weekday(), from_time=time(9), until_time=time(12, 40))
    _visit, need = world.ask(decides="desk", day=TODAY + timedelta(days=3))

    claim = take(world.volunteer(), only_task(need))

    assert claim.held_until == AT.replace(hour=10, minute=0) + timedelta(days=1)


def test_times_of_messages_are_those_of_the_wall_clock_here(world: World, settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Paris"
    visit, need = world.ask()
    ben = world.volunteer("Ben")
    claim = say_yes(visit, take(ben, only_task(need)))
    claim.write(visit.unlocked, "asker", "Here I am.", AT)

    page = text(enter(visit).get("/a/mine/"))

    assert "Mon 13:00" in page


def test_a_form_sent_again_with_other_answers_is_another_need(world: World) -> None:
    asker = Client(enforce_csrf_checks=True)
    page = text(asker.get("/a/ride/"))
    answers = {"area": world.area.pk, "day": TOMORROW.isoformat(), "token": hidden(page, "token")}

    for day in (TOMORROW, TOMORROW, TOMORROW + timedelta(days=1)):
        post(asker, "/a/ride/", page, **answers | {"day": day.isoformat()})

    assert sorted(Need.objects.values_list("day", flat=True)) == [TOMORROW, TOMORROW + timedelta(days=1)]
    assert Mailbox.objects.count() == 1


def test_nothing_says_when_she_asked_while_nobody_was_asked_yet(world: World) -> None:
    at = AT + timedelta(minutes=3, seconds=13)
    _visit, need = world.ask(at=at)

    assert only_task(need).escalate_after == clock.quarter_down(at) < at
    escalate = next(duty for duty in tasks.DUTIES if duty.name == "escalate")
    assert list(escalate.due(at)) == [only_task(need)]


def test_an_address_is_not_thrown_away_silently(world: World, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    answer = ask_for_a_ride(Client(enforce_csrf_checks=True), world, email="her@example.org", tell_by="")

    assert answer.status_code == 422
    assert "Choose e-mail here, or take the address out." in text(answer)
    assert "her@example.org" in text(answer)


def test_she_reads_that_our_messages_come_back_and_can_stop_them(world: World, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    asker = Client(enforce_csrf_checks=True)
    ask_for_a_ride(asker, world, email="her@example.org", tell_by="email")
    page = text(asker.get("/a/mine/"))
    Channel.objects.get().broken(AT)
    broken = text(asker.get("/a/mine/"))

    post(asker, f"/a/mine/needs/{Need.objects.get().pk}/stop-telling/", broken)

    assert "We write to you when there is news." in page
    assert "Since March 2, 2026 our messages to you come back. Please look here yourself." in broken
    assert Channel.objects.count() == 0


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"broken_at": AT}, "our messages to you come back."),
        ({"tested_at": None}, "Nobody has tried that yet."),
    ],
)
def test_she_can_have_one_message_to_try_where_none_arrived_and_no_more(
    world: World, settings: Any, state: dict[str, Any], said: str
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    asker = Client(enforce_csrf_checks=True)
    ask_for_a_ride(asker, world, email="her@example.org", tell_by="email")
    Notice.objects.all().delete()
    works = text(asker.get("/a/mine/"))
    Channel.objects.update(**state)
    page = text(asker.get("/a/mine/"))

    for _twice in range(2):
        post(asker, f"/a/mine/needs/{Need.objects.get().pk}/try-telling/", page)

    after = text(asker.get("/a/mine/"))
    pages = (works, page, after)
    assert [said in one for one in pages] == [False, True, False]
    assert ["Send me one to try" in one for one in pages] == [False, True, False]
    assert Notice.objects.count() == 1
    assert Channel.objects.to_be_tried().count() == 0


@pytest.mark.parametrize(("path", "who"), [("/board/", "ben"), ("/desk/", "ana")])
def test_whoever_is_told_nothing_any_more_reads_so_where_they_look_first(
    world: World, path: str, who: str
) -> None:
    person = world.coordinator if who == "ana" else world.volunteer("Ben")
    other = world.volunteer("Eve")
    for somebody in (person, other):
        Channel.objects.add(
            recipient=somebody.volunteer.pk,
            transport="email",
            address="kestrel@example.org",
            language="en",
            at=AT,
        )
    client, pages = volunteer_client(person), []
    Channel.objects.get(recipient=other.volunteer.pk).broken(AT)
    pages.append(text(client.get(path)))
    Channel.objects.get(recipient=person.volunteer.pk).broken(AT)
    pages.append(text(client.get(path)))
    Channel.objects.get(recipient=person.volunteer.pk).test(AT)
    pages.append(text(client.get(path)))

    assert ["Our messages to you come back." in page for page in pages] == [False, True, False]
    assert '<a href="/profile/#news">' in pages[1]


def test_a_message_typed_while_the_key_was_closed_waits_for_the_passphrase(world: World) -> None:
    visit, need = world.ask()
    ben = world.volunteer("Ben")
    say_yes(visit, take(ben, only_task(need)))
    client = volunteer_client(ben)
    page = text(client.get(f"/needs/{need.pk}/"))
    post(client, "/accounts/lock/", page)

    asked = post(
        client, f"/needs/{need.pk}/message/", page, task=hidden(page, "task"), text="I am at the gate."
    )
    unlock = text(client.get(asked["Location"]))
    post(client, "/accounts/unlock/", unlock, passphrase=PASSPHRASE, next=hidden(unlock, "next"))

    assert asked["Location"] == f"/accounts/unlock/?next=%2Fneeds%2F{need.pk}%2F"
    assert "I am at the gate." in text(client.get(f"/needs/{need.pk}/"))
    assert "I am at the gate." not in text(client.get(f"/needs/{need.pk}/"))


def test_what_was_typed_still_waits_after_looking_at_the_locked_page(world: World) -> None:
    visit, need = world.ask()
    ben = world.volunteer("Ben")
    say_yes(visit, take(ben, only_task(need)))
    client = volunteer_client(ben)
    page = text(client.get(f"/needs/{need.pk}/"))
    post(client, "/accounts/lock/", page)
    post(client, f"/needs/{need.pk}/message/", page, task=hidden(page, "task"), text="I am at the gate.")

    locked = text(client.get(f"/needs/{need.pk}/"))
    unlock = text(client.get(f"/accounts/unlock/?next=/needs/{need.pk}/"))
    post(client, "/accounts/unlock/", unlock, passphrase=PASSPHRASE, next=hidden(unlock, "next"))

    assert "I am at the gate." not in locked
    assert "I am at the gate." in text(client.get(f"/needs/{need.pk}/"))


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/a/mine/erase/", "/a/mine/"),
        ("/desk/people/invite/", "/desk/people/"),
        ("/desk/settings/hours/1/remove/", "/desk/settings/hours/1/"),
        ("/profile/about/", "/profile/"),
    ],
)
def test_a_page_that_came_from_a_button_can_be_loaded_again(world: World, path: str, page: str) -> None:
    client = world.coordinator.sign_in(Client())
    answer = client.get(path)
    assert (answer.status_code, answer["Location"]) == (302, page)


def test_a_stranger_learns_nothing_at_the_address_of_a_need(world: World) -> None:
    _visit, need = world.ask()
    stranger = Client()
    page = text(stranger.get(f"/needs/{need.pk}/"))
    other = text(stranger.get("/needs/00000000-0000-4000-8000-000000000000/"))

    assert stranger.get(f"/needs/{need.pk}/").status_code == 404
    assert page.replace(str(need.pk), "") == other.replace("00000000-0000-4000-8000-000000000000", "")
    assert f"/accounts/login/?next=%2Fneeds%2F{need.pk}%2F" in page


def test_a_poll_of_a_page_whose_session_ended_leads_the_page_to_the_door(world: World) -> None:
    answer = Client().get(
        "/board/", headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/board/"}
    )
    assert (answer.status_code, answer["HX-Redirect"]) == (200, "/accounts/login/?next=%2Fboard%2F")
    odd = Client().get("/board/", headers={"HX-Request": "true", "HX-Current-URL": "http://["})
    assert odd["HX-Redirect"] == "/accounts/login/?next=%2Fboard%2F"


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        ("", "Nothing fits you now."),
        ("break", "You are on a break."),
        ("enough", "You took enough this week."),
        ("no offers", "You have not offered anything yet."),
    ],
)
def test_an_empty_board_says_why(world: World, prepare: str, said: str) -> None:
    ben = world.volunteer("Ben", offers=prepare != "no offers")
    if prepare == "break":
        ben.volunteer.pause(TODAY + timedelta(days=2), AT)
    if prepare == "enough":
        visit, need = world.ask()
        claim = say_yes(visit, take(ben, only_task(need)))
        claim.finish(AT)
        ben.volunteer.describe(AT, cap_per_week=1)

    assert said in text(volunteer_client(ben).get("/board/"))


def test_whoever_was_expected_reads_on_the_board_that_it_is_not_needed_any_more(world: World) -> None:
    visit, need = world.ask()
    ben = world.volunteer("Ben")
    say_yes(visit, take(ben, only_task(need)))
    need.withdraw(AT)

    page = text(volunteer_client(ben).get("/board/"))

    assert "1 thing you had is not needed any more." in page
    assert "The way there" not in page


@pytest.mark.parametrize("stored", [False, True], ids=["not stored", "stored, and its answer lost"])
def test_what_was_asked_on_a_full_disk_comes_back_as_it_was_typed_and_makes_one_need(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch, stored: bool
) -> None:
    ask = NeedQuerySet.ask

    def full(queryset: NeedQuerySet, *args: Any) -> Need:
        if stored:
            ask(queryset, *args)
        raise OperationalError("database or disk is full")

    page = text(client.get("/a/ride/"))
    answers = {"area": world.area.pk, "day": TOMORROW.isoformat(), "token": hidden(page, "token")}
    answers |= {"note": "Under the lamp.", "desk_reads": "no"}
    with monkeypatch.context() as context:
        context.setattr(NeedQuerySet, "ask", full)
        refused = post(client, "/a/ride/", page, **answers)
    again = post(client, "/a/ride/", text(refused), **answers)

    assert refused.status_code == 503
    assert "Under the lamp." in text(refused)
    assert "We cannot store it just now. Press Ask once more in a minute." in text(refused)
    assert (again.status_code, again["Location"], Need.objects.count()) == (302, "/a/code/", 1)


def test_nothing_is_asked_into_the_room_that_is_for_what_ends(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("privacy.ballast.is_full", lambda: True)

    refused = ask_for_a_ride(client, world)

    assert (refused.status_code, Need.objects.count()) == (503, 0)
    assert "We cannot store it just now." in text(refused)
