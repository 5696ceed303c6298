"""Not yet, or not now: nobody sees a need that its asker has paused, and whoever was coming is told."""

from datetime import timedelta

import pytest
from django.test import Client

from notify.models import Channel, Notice
from privacy import clock
from privacy.crypto import Unreadable
from privacy.states import SomebodyWasFaster
from requests_app import matching, rings, start, tasks
from requests_app.models import CalledOff, Claim, Need, Proposal, Task
from tests.requests_app.test_damaged_rows import enter
from tests.requests_app.test_pages import ask_for_a_ride, hidden, post, text, volunteer_client
from tests.requests_app.world import TOMORROW, World, claim_of, only_task, say_yes, take, unlocked
from tests.volunteers.people import AT

DAY = timedelta(days=1)
NOBODY_SEES = "Nobody sees this now. Nobody is coming."
DO_NOT_GO = "Please do not go."


def test_a_need_she_keeps_back_is_on_no_board_and_nobody_is_asked(world: World) -> None:
    ben = world.volunteer("Ben")
    _visit, need = world.ask(paused=True)

    tasks.escalate(AT)

    assert matching.board(ben.volunteer, AT) == []
    assert (Proposal.objects.count(), Need.objects.on_the_desk(AT).count()) == (0, 0)
    assert need.status == "paused"


def test_she_lets_people_see_it_and_then_they_are_asked(world: World) -> None:
    ben = world.volunteer("Ben")
    _visit, need = world.ask(paused=True)

    need.resume(AT)
    tasks.escalate(AT)

    assert [match.task_id for match in matching.board(ben.volunteer, AT)] == [only_task(need).pk]
    assert Proposal.objects.get().volunteer == ben.volunteer


def test_whoever_was_coming_reads_that_they_should_not_go_and_opens_nothing_any_more(world: World) -> None:
    ben = world.volunteer("Ben")
    world.can_be_told(ben)
    Channel.objects.update(paces=True)
    visit, need = world.ask()
    claim = say_yes(visit, take(ben, only_task(need)), place="Under the clock")
    Notice.objects.all().delete()

    need.pause(AT)

    claim = claim_of(ben, only_task(need))
    assert (claim.status, claim.ending, claim.place) == ("released", False, None)
    with pytest.raises(Unreadable):
        claim.thread(unlocked(ben))
    assert [notice.pace for notice in Notice.objects.filter(recipient=ben.volunteer.pk)] == ["changed"]
    browser = volunteer_client(ben)
    board = text(browser.get("/board/"))
    # Before anything else: whoever is on the way looks at it with one eye.
    assert 0 < board.index(DO_NOT_GO) < board.index("<h2>")
    gone = browser.get(f"/needs/{need.pk}/")
    assert (gone.status_code, DO_NOT_GO in text(gone)) == (404, True)


def test_the_word_not_to_go_outlives_a_need_that_was_erased(world: World) -> None:
    ben = world.volunteer("Ben")
    visit, need = world.ask()
    say_yes(visit, take(ben, only_task(need)))

    visit.mailbox.erase(AT)

    assert Need.objects.count() == 0
    assert DO_NOT_GO in text(volunteer_client(ben).get("/board/"))


@pytest.mark.parametrize("how", ["done", "held", "days are over"])
def test_nobody_is_called_back_who_was_not_expected(world: World, how: str) -> None:
    ben = world.volunteer("Ben")
    visit, need = world.ask()
    claim = take(ben, only_task(need))
    at = AT
    if how != "held":
        claim = say_yes(visit, claim)
    if how == "done":
        claim.finish(AT)
    elif how == "held":
        need.withdraw(AT)
    else:
        at = need.expires_at
        need.expire(at)

    assert CalledOff.objects.told(ben.volunteer, at).count() == 0


def test_the_word_not_to_go_is_gone_after_a_day(world: World) -> None:
    ben = world.volunteer("Ben")
    visit, need = world.ask()
    say_yes(visit, take(ben, only_task(need))).decline(AT)
    assert CalledOff.objects.told(ben.volunteer, AT).count() == 1

    tasks.forget_called_off(AT + DAY + timedelta(hours=1))

    assert CalledOff.objects.count() == 0


def test_whoever_was_called_back_can_take_it_once_it_is_seen_again(world: World) -> None:
    ben = world.volunteer("Ben")
    visit, need = world.ask()
    say_yes(visit, take(ben, only_task(need)))
    need.pause(AT)

    need.resume(AT)

    assert say_yes(visit, take(ben, only_task(need))).status == "approved"
    assert CalledOff.objects.told(ben.volunteer, AT).count() == 0


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_pressed_twice_it_happens_once(world: World, verb: str) -> None:
    visit, need = world.ask(paused=verb == "resume")
    asker = enter(visit)
    page = text(asker.get("/a/mine/"))

    answers = [post(asker, f"/a/mine/needs/{need.pk}/{verb}/", page) for _ in range(2)]

    assert [answer["Location"] for answer in answers] == ["/a/mine/", "/a/mine/"]
    # To the hour, and so in no order.
    happened = sorted(need.events.values_list("verb", flat=True))
    assert happened == ["asked", {"pause": "paused"}.get(verb, "open")]


def test_a_need_that_ended_is_neither_paused_nor_seen_again(world: World) -> None:
    _visit, need = world.ask()
    need.withdraw(AT)

    need.pause(AT)

    assert Need.objects.get().status == "withdrawn"
    with pytest.raises(SomebodyWasFaster):
        need.resume(AT)


def test_its_time_runs_out_all_the_same(world: World) -> None:
    _visit, need = world.ask(paused=True)

    tasks.expire(need.expires_at)

    assert Need.objects.get().status == "expired"


def test_a_claim_that_was_under_way_does_not_hold_it(world: World) -> None:
    ben = world.volunteer("Ben")
    _visit, need = world.ask()
    offer, task = ben.volunteer.offers.get(), only_task(need)
    need.pause(AT)

    with pytest.raises(SomebodyWasFaster):
        task.claim(ben.volunteer, offer, AT)

    assert Claim.objects.count() == 0


def test_an_asking_that_was_under_way_asks_nobody(world: World) -> None:
    world.volunteer("Ben")
    _visit, need = world.ask()
    task = only_task(need)
    need.pause(AT)

    rings.ask_next(task, AT)

    assert Proposal.objects.count() == 0


def test_her_page_says_that_nobody_sees_it_and_keeps_what_she_wrote(world: World) -> None:
    visit, _need = world.ask(paused=True, note="The blue door.")

    page = text(enter(visit).get("/a/mine/"))

    assert (NOBODY_SEES in page, "The blue door." in page, "Ask now" in page) == (True, True, True)


def test_she_can_say_not_yet_while_she_asks(client: Client, world: World) -> None:
    page = text(client.get("/a/ride/"))
    answers = {"area": world.area.pk, "day": TOMORROW.isoformat(), "token": hidden(page, "token")}
    post(client, "/a/ride/", page, **answers, not_yet="on")

    assert (Need.objects.get().status, Task.objects.get().escalate_after) == ("paused", None)


def test_asking_without_that_is_seen_at_once(client: Client, world: World) -> None:
    ask_for_a_ride(client, world)

    task = Task.objects.get()
    assert (Need.objects.get().status, task.escalate_after) == ("open", clock.quarter_down(AT))


def test_a_paused_need_whose_key_is_gone_is_closed_at_the_start(world: World) -> None:
    _visit, need = world.ask(paused=True)
    need.pause(AT)
    copy = {"status": "paused", "purge_after": None, "ending": False}
    need.withdraw(AT)
    Need.objects.filter(pk=need.pk).update(**copy)

    start.close_what_has_no_key(AT)

    assert Need.objects.get().status == "expired"


def test_with_the_keyring_lost_a_paused_need_waits_to_be_written_again(world: World) -> None:
    world.ask(paused=True)

    start.lose_every_key(AT)

    lost = Need.objects.get()
    assert (lost.status, list(Need.objects.cannot_be_read(AT))) == ("unreadable", [])
    lost.write_again(world.asked(), AT)
    assert Need.objects.get().status == "paused"
