"""At the end of the rings: whoever is on call at the desk, then, with her yes, a partner organisation."""

from datetime import datetime, time, timedelta

import pytest
from django.test import Client

from notify.models import Notice
from organisation import kinds
from organisation.models import PhoneNumber
from privacy import clock
from requests_app import desk_key, matching, rings, standing, tasks
from requests_app.models import Claim, Need, Proposal, Reveal, Task
from requests_app.visits import Visit
from tests.requests_app.desk import Browser, browser, read
from tests.requests_app.test_damaged_rows import enter
from tests.requests_app.world import TOMORROW, World, only_task, say_yes, take
from tests.volunteers import people
from tests.volunteers.people import AT, Person
from volunteers import rota
from volunteers.models import OnCall, Volunteer

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LAST = len(kinds.get("ride").rings)


def colleague(world: World, handle: str) -> Person:
    person = people.coordinator(world.coordinator, handle)
    world.can_be_told(person)
    return person


def on_call(person: Person, from_hour: int, until_hour: int, weekday: int = 0) -> OnCall:
    return OnCall.objects.add(
        coordinator=person.volunteer, weekday=weekday, from_time=time(from_hour), until_time=time(until_hour)
    )


def told(*persons: Person) -> list[int]:
    return [Notice.objects.filter(recipient=person.volunteer.pk).count() for person in persons]


def look_until_told(need: Need, at: datetime = AT) -> datetime:
    """Ring after ring as they fall due, until the desk was told."""
    while not only_task(need).everybody_was_asked:
        task = only_task(need)
        at = max(at, task.escalate_after or at)
        rings.ask_next(task, at)
    return at


# --- On call ---------------------------------------------------------------------------------------


def test_whoever_is_on_call_is_told_and_nobody_else(world: World) -> None:
    world.can_be_told(world.coordinator)
    ben, cleo = colleague(world, "Ben"), colleague(world, "Cleo")
    on_call(ben, 10, 13)
    on_call(cleo, 13, 20)
    _visit, need = world.ask()

    look_until_told(need)

    assert told(world.coordinator, ben, cleo) == [0, 1, 0]


@pytest.mark.parametrize(
    "why", ["no shift now", "no way to be told", "on a break", "left the desk", "suspended"]
)
def test_where_nobody_on_call_can_be_told_everybody_at_the_desk_is(world: World, why: str) -> None:
    world.can_be_told(world.coordinator)
    cleo = colleague(world, "Cleo")
    ben = (
        people.coordinator(world.coordinator, "Ben")
        if why == "no way to be told"
        else colleague(world, "Ben")
    )
    on_call(ben, *((14, 20) if why == "no shift now" else (10, 20)))
    if why == "on a break":
        ben.volunteer.pause(TOMORROW, AT)
    elif why == "left the desk":
        desk_key.step_down(ben.volunteer, world.coordinator.volunteer, world.coordinator.private, AT)
    elif why == "suspended":
        standing.suspend(ben.volunteer, AT)
    _visit, need = world.ask()

    look_until_told(need)

    assert told(world.coordinator, cleo) == [1, 1]


def test_whoever_leaves_the_desk_leaves_the_rota_for_good(world: World) -> None:
    ben, cleo = colleague(world, "Ben"), colleague(world, "Cleo")
    on_call(ben, 10, 20)
    on_call(cleo, 10, 20)

    desk_key.step_down(ben.volunteer, world.coordinator.volunteer, world.coordinator.private, AT)
    standing.suspend(cleo.volunteer, AT)
    Volunteer.objects.get(pk=cleo.volunteer.pk).reinstate(AT)

    assert OnCall.objects.count() == 0


def test_a_shift_passes_midnight(world: World) -> None:
    ben = colleague(world, "Ben")
    on_call(ben, 22, 6, weekday=6)
    # AT is a Monday.
    night = [datetime.combine(AT.date(), time(hour), tzinfo=clock.UTC) for hour in (0, 5, 6, 22)]
    world.can_be_told(world.coordinator)

    assert [ben.volunteer.pk in rota.who_is_told(at) for at in night] == [True] * 4
    assert [len(rota.who_is_told(at)) for at in night] == [1, 1, 2, 2]


def test_the_desk_keeps_its_rota_on_the_settings_page(world: World) -> None:
    desk, ben = browser(world.coordinator), colleague(world, "Ben")
    shift = {
        "coordinator": str(ben.volunteer.pk),
        "weekday": "0",
        "from_time": "10:00",
        "until_time": "13:00",
    }
    settings = "/desk/settings/"

    added = desk.post_words(f"{settings}on-call/", **shift)
    row = OnCall.objects.get()
    changed = desk.post_words(f"{settings}on-call/{row.pk}/", **shift | {"until_time": "18:00"})
    wrong = desk.post(f"{settings}on-call/", **shift | {"from_time": "ten"})
    outsider = desk.post(
        f"{settings}on-call/", **shift | {"coordinator": str(world.volunteer().volunteer.pk)}
    )
    removed = desk.post_words(f"{settings}on-call/{row.pk}/remove/")

    assert "Ben Monday 10:00 – 13:00" in added
    assert "Ben Monday 10:00 – 18:00" in changed
    assert (wrong.status_code, outsider.status_code, OnCall.objects.count()) == (422, 422, 0)
    assert 'value="ten"' in wrong.content.decode()
    assert "Ben Monday" not in removed


# --- A partner -------------------------------------------------------------------------------------


def partner(world: World, handle: str = "Harbour") -> Person:
    person = world.volunteer(handle)
    person.volunteer.set_partner(AT, is_partner=True)
    return person


def sees(person: Person, need: Need, at: datetime = AT) -> bool:
    on_board = {match.task_id for match in matching.board(person.volunteer, at)}
    on_page = {match.task_id for match in matching.on_need(person.volunteer, need.pk, at)}
    assert on_board == on_page
    return only_task(need).pk in on_board


def test_a_partner_is_asked_last_after_the_desk_and_a_further_pace(world: World) -> None:
    harbour = partner(world)
    others = [world.volunteer() for _ in range(3)]
    _visit, need = world.ask(partner_ok=True)

    at = look_until_told(need)
    before = (sees(harbour, need), Proposal.objects.filter(volunteer=harbour.volunteer).count())
    task = only_task(need)
    assert task.escalate_after is not None
    wait = task.escalate_after - at
    rings.ask_next(task, task.escalate_after)

    assert before == (False, 0)
    assert wait >= kinds.get("ride").pace(only_task(need).begins_at(), at)
    assert only_task(need).partner_was_asked
    assert sees(harbour, need)
    assert [sees(person, need) for person in others] == [True] * 3


def test_without_her_yes_no_partner_is_asked_nor_sees_it(world: World) -> None:
    harbour = partner(world)
    _visit, need = world.ask()
    at = look_until_told(need)
    for _look in range(3):
        at = only_task(need).escalate_after or at
        rings.ask_next(only_task(need), at)
    assert (sees(harbour, need, at), Proposal.objects.count()) == (False, 0)


def test_a_partner_comes_like_anybody_and_she_reads_where_from(world: World) -> None:
    harbour = partner(world)
    visit, need = world.ask(partner_ok=True, note="Please ring twice.")
    look_until_told(need)
    rings.ask_next(only_task(need), AT)
    her_page = enter(visit)
    asked = read(her_page.get("/a/mine/").content.decode())

    take(harbour, only_task(need))
    offered = read(her_page.get("/a/mine/").content.decode())
    claim = say_yes(visit, need.claims.select_related("task", "need", "need__mailbox", "volunteer").get())

    assert "The desk was told at 12:00. A partner organisation was asked at 12:00." in asked
    assert "Harbour The way there." in offered
    assert "From a partner organisation." in offered
    assert {row.reader for row in Reveal.objects.filter(claim=claim)} == {"partner"}
    assert "From a partner organisation." in browser(world.coordinator).words(f"/desk/needs/{need.pk}/")


def test_the_question_is_asked_only_where_there_is_a_partner(world: World) -> None:
    without = Client().get("/a/ride/").content.decode()
    partner(world)
    asked = Client().get("/a/ride/").content.decode()
    assert ('name="partner_ok"' in without, 'name="partner_ok"' in asked) == (False, True)


def test_the_desk_says_who_is_a_partner(world: World) -> None:
    desk, ben = browser(world.coordinator), world.volunteer("Ben")
    path = f"/desk/people/{ben.volunteer.pk}/"
    _visit, need = world.ask()

    made = desk.post_words(f"{path}partner/", is_partner="1")
    found = matching.best(only_task(need), AT, 5)
    undone = desk.post_words(f"{path}partner/")

    assert "This account is a partner organisation." in made
    assert (found, len(matching.best(only_task(need), AT, 5))) == ([], 1)
    assert "This is a partner organisation" in undone
    desk.post(f"/desk/people/{world.coordinator.volunteer.pk}/partner/", is_partner="1")
    assert Volunteer.objects.partners().count() == 0


def test_the_desks_table_says_how_far_it_has_got(world: World) -> None:
    desk: Browser = browser(world.coordinator)
    partner(world)
    _visit, need = world.ask(partner_ok=True)

    look_until_told(need)
    first = desk.words("/desk/")
    rings.ask_next(only_task(need), AT)

    assert "Nobody fits now. The desk was told at 12:00." in first
    assert "1 person, all rings. The desk was told at 12:00. A partner organisation was asked at 12:00." in (
        desk.words("/desk/")
    )


# --- Lost again ------------------------------------------------------------------------------------


def news_left() -> None:
    """Everything that waited was sent, and within the hour deleted."""
    Notice.objects.all().delete()


def lose(visit: Visit, claim: Claim, how: str, at: datetime) -> None:
    """Somebody has it no longer."""
    if how == "ran out":
        Claim.objects.filter(pk=claim.pk).update(held_until=at)
        tasks.lapse(at)
    elif how == "she says no":
        claim.decline(at)
    elif how == "did not come":
        say_yes(visit, claim, at).did_not_come(at)
    else:
        (say_yes(visit, claim, at) if how == "cannot after a yes" else claim).release(at)


def look_while_due(need: Need, at: datetime) -> datetime:
    """The broom, for as long as it may, up to a few hours."""
    for _look in range(8):
        after = only_task(need).escalate_after
        if after is None:
            break
        at = max(at, after)
        tasks.escalate(at)
    return at


LOSSES = ("ran out", "she says no", "cannot", "cannot after a yes", "did not come")


@pytest.mark.parametrize("how", LOSSES)
def test_what_was_taken_and_is_lost_again_is_told_to_the_desk_again(world: World, how: str) -> None:
    ben, _cleo = world.volunteer("Ben"), world.volunteer("Cleo")
    world.can_be_told(world.coordinator)
    visit, need = world.ask(kind="accompaniment", answers={"setting": "clinic"})
    look_until_told(need)
    first = told(world.coordinator)
    news_left()
    at = only_task(need).begins_at() + HOUR
    claim = take(ben, only_task(need), at)

    lose(visit, claim, how, at)
    look_while_due(need, at)

    assert only_task(need).everybody_was_asked
    assert (first, told(world.coordinator)) == ([1], [1])


def test_the_desk_is_told_of_two_losses_within_an_hour_twice(world: World) -> None:
    world.can_be_told(world.coordinator)
    ben, cleo = world.volunteer("Ben"), world.volunteer("Cleo")
    _visit, need = world.ask()
    at = look_until_told(need)
    Notice.objects.update(status="sent")
    for person in (ben, cleo):
        take(person, only_task(need), at).release(at)
        Notice.objects.update(status="sent")
    assert told(world.coordinator) == [3]


def test_what_somebody_else_has_at_once_is_no_news_for_the_desk(world: World) -> None:
    world.can_be_told(world.coordinator)
    ben, cleo = world.volunteer("Ben"), world.volunteer("Cleo")
    _visit, need = world.ask()
    at = look_until_told(need)
    claim = take(ben, only_task(need), at)
    take(cleo, only_task(need), at, standing_by=True)
    news_left()

    claim.release(at)

    assert (only_task(need).status, told(world.coordinator)) == ("held", [0])


def test_the_desk_does_not_hear_of_a_loss_that_was_made_good(world: World) -> None:
    world.can_be_told(world.coordinator)
    ben, cleo = world.volunteer("Ben"), world.volunteer("Cleo")
    _visit, need = world.ask()
    at = look_until_told(need)
    news_left()
    take(ben, only_task(need), at).release(at)
    before = told(world.coordinator)

    take(cleo, only_task(need), at)

    assert (before, told(world.coordinator)) == ([1], [0])


def test_after_a_yes_whoever_was_asked_long_ago_is_asked_again(world: World) -> None:
    ben, cleo, dora = (world.volunteer(name) for name in ("Ben", "Cleo", "Dora"))
    visit, need = world.ask()
    at = look_until_told(need)
    Proposal.objects.filter(volunteer=dora.volunteer).update(outcome=Proposal.DECLINED)
    claim = say_yes(visit, take(ben, only_task(need), at), at)
    world.can_be_told(cleo)
    world.can_be_told(dora)

    claim.release(at + 3 * HOUR)
    tasks.escalate(at + 3 * HOUR)

    # Neither whoever said no nor whoever had it.
    assert told(cleo, dora) == [1, 0]
    assert Proposal.objects.get(volunteer=cleo.volunteer).asked_at == clock.hour(at + 3 * HOUR)


def test_whoever_was_asked_a_moment_ago_is_not_asked_again(world: World) -> None:
    ben, cleo = world.volunteer("Ben"), world.volunteer("Cleo")
    visit, need = world.ask()
    rings.ask_next(only_task(need), AT)
    claim = say_yes(visit, take(ben, only_task(need)))
    world.can_be_told(cleo)

    claim.release(AT + HOUR / 4)
    tasks.escalate(AT + HOUR / 4)

    assert told(cleo) == [0]


def test_her_page_says_when_the_desk_was_told_last(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ben, _cleo = world.volunteer("Ben"), world.volunteer("Cleo")
    visit, need = world.ask(kind="accompaniment", answers={"setting": "clinic"})
    look_until_told(need)
    at = only_task(need).begins_at() + HOUR
    say_yes(visit, take(ben, only_task(need), at), at).did_not_come(at)
    asked = only_task(need)

    at = look_until_told(need, at)
    monkeypatch.setattr("privacy.clock.now", lambda: at)
    page = read(enter(visit).get("/a/mine/").content.decode())

    assert not asked.everybody_was_asked
    assert "The desk was told at Monday" not in page
    assert f"The desk was told at {clock.hour(at):%H}:00." in page


def test_a_partner_is_asked_again_last_after_a_yes_was_lost(world: World) -> None:
    harbour, ben = partner(world), world.volunteer("Ben")
    visit, need = world.ask(partner_ok=True)
    at = look_until_told(need)
    rings.ask_next(only_task(need), at)
    before = sees(harbour, need, at)
    claim = say_yes(visit, take(ben, only_task(need), at), at)

    at += 3 * HOUR
    claim.release(at)
    meanwhile = sees(harbour, need, at)
    look_while_due(need, at)

    assert (before, meanwhile, sees(harbour, need, at)) == (True, False, True)


# --- What she reads meanwhile ----------------------------------------------------------------------


def test_she_reads_who_is_asked_next_and_when(world: World) -> None:
    for _ in range(6):
        world.volunteer()
    visit, need = world.ask(answers={"back": "yes"})
    rings.ask_next(Task.objects.get(need=need, role="there"), AT)
    client = enter(visit)

    first = read(client.get("/a/mine/").content.decode())
    for task in Task.objects.filter(need=need).select_related("need"):
        rings.ask_next(task, AT)

    # Four people, about two ways each.
    assert "4 volunteers were asked. Nobody is coming until this page says yes." in first
    assert "If nobody takes it by 13:15, up to 2 more can be asked." in first
    assert "Nobody more fits now. At 13:15 the desk is told." in read(client.get("/a/mine/").content.decode())


def test_where_nobody_is_left_the_numbers_stand_in_that_card(world: World) -> None:
    PhoneNumber.objects.add(label="Night line", number="555 0100")
    visit, need = world.ask()
    client = enter(visit)
    before = client.get("/a/mine/").content.decode().partition("</section>")[0]

    look_until_told(need)

    card = client.get("/a/mine/").content.decode().partition("</section>")[0]
    assert ("555 0100" in before, "555 0100" in card) == (False, True)
    assert "We cannot say when somebody is here. You can also call:" in read(card)
