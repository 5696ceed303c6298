"""Nights that go on: longer with three yeses, moving on without a reason, a host who leaves in the middle."""

from datetime import datetime, timedelta

import pytest

from notify.models import Notice
from organisation.models import Organisation
from privacy import clock
from privacy.crypto import Unreadable
from privacy.keyring import keyring
from privacy.states import SomebodyWasFaster
from requests_app import desk_page, matching, rings, standing
from requests_app.models import BedNight, CalledOff, Claim, Extension, Need, NeedDay, Proposal, Task, TooLong
from requests_app.models.asked import Tell
from requests_app.models.extension import ASKER, AT_DESK, HOST
from requests_app.sentences import what_happens
from requests_app.visits import Visit
from tests.invariants import ask_django
from tests.requests_app.world import TODAY, TOMORROW, World, claim_of, day, only_task, say_yes, take, unlocked
from tests.volunteers.people import AT, Person

NIGHT = int(clock.Part.NIGHT)
ADDRESS = "Fern street 5, second floor"


def moment(days: int, hour: int) -> datetime:
    """A full hour, so many days after the Monday these tests live in."""
    return datetime(AT.year, AT.month, AT.day, hour, tzinfo=clock.UTC) + timedelta(days=days)


def a_stay(world: World, ben: Person, nights: int = 3, **values: object) -> tuple[Visit, Claim]:
    """From this Monday on she sleeps at Ben's; she arrived in the evening."""
    asked = {"kind": "stay", "day": TODAY, "parts": int(clock.Part.EVENING), "nights": nights}
    visit, need = world.ask(**{**asked, **values})
    rings.ask_next(only_task(need), AT)
    return visit, say_yes(visit, take(ben, only_task(need), place=ADDRESS))


def again(claim: Claim) -> Claim:
    related = Claim.objects.select_related("task", "need", "need__mailbox", "volunteer", "offer")
    return related.get(pk=claim.pk)


def fresh(extension: Extension) -> Extension:
    return Extension.objects.on_need(extension.claim.need_id).get(pk=extension.pk)


def beds(claim: Claim) -> list[object]:
    return list(BedNight.objects.filter(claim=claim).order_by("night").values_list("night", flat=True))


# Longer


def test_it_becomes_longer_with_three_yeses_in_any_order(world: World) -> None:
    visit, claim = a_stay(world, world.volunteer())
    extension = Extension.objects.ask(claim, 2, ASKER, moment(1, 9))

    fresh(extension).agree(AT_DESK, moment(1, 10))
    assert (again(claim).need.nights, len(beds(claim))) == (3, 3)
    fresh(extension).agree(HOST, moment(1, 11))

    claim = again(claim)
    assert (fresh(extension).status, claim.need.nights) == ("agreed", 5)
    assert beds(claim) == [day(n) for n in range(5)]
    assert list(NeedDay.objects.filter(night=True).values_list("day", flat=True).order_by("day")) == beds(
        claim
    )
    # The address goes with it, until the new last morning and not longer; so does the need.
    assert claim.read_place(visit.unlocked, moment(5, 11)) == ADDRESS
    assert claim.read_place(visit.unlocked, moment(5, 12)) == ""
    assert claim.need.expires_at == clock.day_end(day(5)) + timedelta(days=2)
    assert ask_django().broken() == {}


@pytest.mark.parametrize("side", [ASKER, HOST, AT_DESK])
def test_anybodys_no_ends_it_and_nothing_says_whose_it_was(world: World, side: str) -> None:
    _visit, claim = a_stay(world, world.volunteer())
    asks = HOST if side == ASKER else ASKER
    extension = Extension.objects.ask(claim, 2, asks, moment(1, 9))
    for other in {ASKER, HOST, AT_DESK} - {side, asks}:
        fresh(extension).agree(other, moment(1, 10))

    fresh(extension).refuse(moment(1, 11))

    row = Extension.objects.values().get()
    assert {key: row[key] for key in row if key.endswith("yes")} == dict.fromkeys(
        (ASKER, HOST, AT_DESK), False
    )
    assert (row["status"], again(claim).status, again(claim).need.nights) == ("refused", "approved", 3)
    assert beds(claim) == [day(n) for n in range(3)]
    with pytest.raises(SomebodyWasFaster):
        fresh(extension).agree(side, moment(1, 12))


def test_where_no_bed_is_left_the_last_yes_changes_nothing(world: World) -> None:
    ben = world.volunteer(capacity=1)
    _visit, claim = a_stay(world, ben)
    a_stay(world, ben, 1, day=day(4))
    extension = Extension.objects.ask(claim, 2, HOST, moment(1, 9))
    fresh(extension).agree(ASKER, moment(1, 10))
    before = (Need.objects.filter(pk=claim.need_id).values().get(), beds(claim))

    fresh(extension).agree(AT_DESK, moment(1, 11))

    assert (fresh(extension).status, fresh(extension).no_bed) == ("refused", True)
    assert (Need.objects.filter(pk=claim.need_id).values().get(), beds(claim)) == before
    assert ask_django().broken() == {}


def test_it_never_becomes_longer_than_the_organisation_allows(world: World) -> None:
    _visit, claim = a_stay(world, world.volunteer())
    Organisation.objects.current().change(max_nights=5)
    with pytest.raises(TooLong):
        Extension.objects.ask(claim, 3, ASKER, AT)
    extension = Extension.objects.ask(claim, 2, ASKER, AT)
    fresh(extension).agree(HOST, AT)
    Organisation.objects.current().change(max_nights=4)

    fresh(extension).agree(AT_DESK, AT)

    assert (fresh(extension).status, again(claim).need.nights) == ("refused", 3)


def test_what_nobody_answered_is_over_with_the_last_morning(world: World) -> None:
    _visit, claim = a_stay(world, world.volunteer())
    extension = Extension.objects.ask(claim, 2, ASKER, moment(1, 9))
    for side in (HOST, AT_DESK):
        with pytest.raises(SomebodyWasFaster):
            fresh(extension).agree(side, moment(3, 12))
    assert not Extension.objects.waiting(moment(3, 12)).exists()
    with pytest.raises(SomebodyWasFaster):
        Extension.objects.ask(claim, 1, HOST, moment(3, 12))


def test_what_is_asked_for_falls_with_the_claim(world: World) -> None:
    _visit, claim = a_stay(world, world.volunteer())
    extension = Extension.objects.ask(claim, 2, ASKER, moment(1, 9))
    again(claim).release(moment(1, 10))
    assert fresh(extension).status == "dropped"
    with pytest.raises(SomebodyWasFaster):
        fresh(extension).agree(HOST, moment(1, 11))


def test_asked_twice_is_asked_once_and_whoever_said_no_is_left_in_peace(world: World) -> None:
    _visit, claim = a_stay(world, world.volunteer())
    first = Extension.objects.ask(claim, 2, ASKER, AT)
    assert Extension.objects.ask(claim, 1, HOST, AT) == first
    for _time in range(4):
        Extension.objects.asked().get().refuse(AT)
        Extension.objects.ask(claim, 1, ASKER, AT)
    Extension.objects.asked().get().refuse(AT)
    with pytest.raises(TooLong):
        Extension.objects.ask(claim, 1, ASKER, AT)


def test_each_of_the_others_hears_that_it_was_asked_and_what_came_of_it(world: World) -> None:
    ben = world.volunteer()
    world.can_be_told(ben)
    world.can_be_told(world.coordinator)
    _visit, claim = a_stay(world, ben)
    Notice.objects.all().delete()

    extension = Extension.objects.ask(claim, 2, ASKER, AT)
    told = {ben.volunteer.pk, world.coordinator.volunteer.pk}
    assert set(Notice.objects.values_list("recipient", flat=True)) == told
    fresh(extension).refuse(AT)

    assert list(Notice.objects.values_list("recipient", flat=True)) == [ben.volunteer.pk]


def test_news_of_more_nights_does_not_leave_once_the_stay_is_over(world: World) -> None:
    ben = world.volunteer()
    for person in (ben, world.coordinator):
        world.can_be_told(person)
    _visit, claim = a_stay(world, ben)
    fresh(Extension.objects.ask(claim, 2, HOST, AT)).refuse(AT)
    Extension.objects.ask(claim, 1, ASKER, AT)
    again(claim).release(moment(1, 9))
    Need.objects.get().withdraw(moment(1, 10))
    # Neither what was asked, nor what came of it, nor that the host left: it is over.
    assert Notice.objects.filter(status="queued").count() == 0


def test_the_desks_table_says_that_one_waits(world: World) -> None:
    _visit, claim = a_stay(world, world.volunteer())
    world.ask(kind="stay")
    extension = Extension.objects.ask(claim, 2, ASKER, AT)

    rows = desk_page.desk(AT).rows
    assert (rows[0].task.pk, bool(rows[0].longer)) == (claim.task_id, True)

    fresh(extension).agree(AT_DESK, AT)
    assert [row for row in desk_page.desk(AT).rows if row.longer] == []


# Moving on


@pytest.mark.parametrize("elsewhere", [False, True])
def test_moving_on_frees_the_beds_and_closes_the_address_at_once(world: World, elsewhere: bool) -> None:
    ben = world.volunteer(capacity=1)
    visit, claim = a_stay(world, ben, 5)
    slot = (claim.slot_number, claim.slot_owner)

    again(claim).move_on(moment(2, 15), elsewhere=elsewhere)

    now = again(claim)
    assert (now.status, now.place, beds(claim), keyring().missing([slot])) == ("done", None, [], [slot[1]])
    assert now.read_place(visit.unlocked, moment(2, 15)) == ""
    with pytest.raises(Unreadable):
        claim.need.read_note(unlocked(ben))
    assert (CalledOff.objects.counts(ben.volunteer, moment(2, 15))) == (0, 1)
    assert ask_django().broken() == {}


def test_whoever_is_done_has_what_was_asked_for(world: World) -> None:
    _visit, claim = a_stay(world, world.volunteer())
    again(claim).move_on(moment(1, 15))
    assert Need.objects.get().status == "met"


def test_for_another_place_only_the_nights_that_are_left_are_asked_for(world: World) -> None:
    ben, cleo = world.volunteer(), world.volunteer()
    _visit, claim = a_stay(world, ben, 5)

    again(claim).move_on(moment(2, 15), elsewhere=True)

    need, at = Need.objects.get(), moment(2, 15)
    assert (need.status, need.day, need.nights) == ("open", day(2), 3)
    assert need.parts == int(clock.Part.AFTERNOON | clock.Part.EVENING | clock.Part.NIGHT)
    assert matching.on_need(ben.volunteer, need.pk, at) == []
    assert [m.volunteer_id for m in matching.best(only_task(need), at, 9)] == [cleo.volunteer.pk]
    assert beds(take(cleo, only_task(need), at)) == [day(2), day(3), day(4)]
    assert ask_django().broken() == {}


def test_on_the_last_morning_nothing_is_left_to_be_asked_for(world: World) -> None:
    _visit, claim = a_stay(world, world.volunteer())
    again(claim).move_on(moment(3, 9), elsewhere=True)
    assert Need.objects.get().status == "met"


def test_nobody_moves_on_from_where_they_have_not_been(world: World) -> None:
    _visit, claim = a_stay(world, world.volunteer(), day=TOMORROW)
    with pytest.raises(SomebodyWasFaster):
        again(claim).move_on(AT)


# In the middle


def left_in_the_middle(
    world: World, at: datetime, how: str = "release", **values: object
) -> tuple[Visit, Claim]:
    """The host cannot any more, or is suspended, in the middle of five nights."""
    ben = world.volunteer("Ben")
    visit, claim = a_stay(world, ben, 5, **values)
    if how == "suspend":
        standing.suspend(ben.volunteer, at)
    elif how == "decline":
        again(claim).decline(at)
    else:
        again(claim).release(at)
    return visit, again(claim)


def test_somebody_who_stands_by_for_a_stay_that_goes_on_changes_nothing_of_it(world: World) -> None:
    _visit, claim = a_stay(world, world.volunteer(), 5)
    take(world.volunteer(), only_task(claim.need), moment(2, 9), standing_by=True)
    need = Need.objects.get()
    assert (need.day, need.nights) == (TODAY, 5)


def test_a_host_she_slept_at_is_not_told_to_stay_at_home(world: World) -> None:
    ben, cleo = world.volunteer(), world.volunteer()
    for host, at in ((ben, moment(0, 15)), (cleo, moment(1, 15))):
        _visit, claim = a_stay(world, host)
        again(claim).need.withdraw(at)
    counts = [CalledOff.objects.counts(host.volunteer, moment(1, 15)) for host in (ben, cleo)]
    assert counts == [(1, 0), (0, 1)]


@pytest.mark.parametrize("how", ["release", "suspend", "decline"])
def test_when_the_host_leaves_at_ten_at_night_the_rest_is_asked_for_at_once(world: World, how: str) -> None:
    asked_before = world.volunteer("Cleo")
    world.can_be_told(world.coordinator)
    at = moment(1, 22)

    visit, claim = left_in_the_middle(world, at, how, tell=Tell("email", "cleo@example.org", "en"))

    need, task = Need.objects.get(), only_task(claim.need)
    assert (need.status, need.day, need.nights, need.parts) == ("open", day(1), 4, NIGHT)
    assert (task.any_bits, task.all_bits) == (
        clock.weekly_bits(day(1), NIGHT),
        sum(clock.weekly_bits(day(n), NIGHT) for n in range(1, 5)),
    )
    nights = list(NeedDay.objects.values_list("day", "night").order_by("day"))
    assert nights == [(day(n), True) for n in range(1, 5)]
    assert (task.status, task.ring, task.escalate_after) == ("open", 0, at)
    told = [world.coordinator.volunteer.pk, *([] if how == "decline" else [need.pk])]
    assert set(Notice.objects.filter(send_after=at).values_list("recipient", flat=True)) == set(told)
    rings.ask_next(task, at)
    asked = [(p.volunteer, p.asked_at) for p in Proposal.objects.filter(outcome="asked")]
    assert asked == [(asked_before.volunteer, at)]
    assert beds(take(asked_before, task, at)) == [day(n) for n in range(1, 5)]
    assert claim.read_place(visit.unlocked, at) == ""
    assert ask_django().broken() == {}


def test_after_midnight_it_is_still_the_same_night(world: World) -> None:
    left_in_the_middle(world, moment(2, 4))
    need = Need.objects.get()
    assert (need.day, need.nights, need.parts) == (day(1), 4, NIGHT)


def test_in_the_morning_that_night_is_over(world: World) -> None:
    left_in_the_middle(world, moment(2, 5))
    need = Need.objects.get()
    assert (need.day, need.nights, need.parts) == (day(2), 3, int(clock.ALL_PARTS))


def test_whoever_stands_by_holds_the_nights_that_are_left(world: World) -> None:
    ben, cleo = world.volunteer(), world.volunteer(capacity=1)
    _visit, claim = a_stay(world, ben, 5)
    # Cleo's only bed is taken on a night that is over by then.
    other = a_stay(world, world.volunteer(capacity=1), 1)[1]
    take(cleo, only_task(claim.need), standing_by=True)
    BedNight.objects.filter(claim=other).update(offer=cleo.volunteer.offers.get())

    again(claim).release(moment(1, 22))

    held = claim_of(cleo, claim.task)
    assert (held.status, beds(held)) == ("held", [day(n) for n in range(1, 5)])


def test_a_host_who_leaves_once_all_nights_are_over_leaves_nothing_to_ask_for(
    world: World, django_capture_on_commit_callbacks: object
) -> None:
    _visit, claim = a_stay(world, world.volunteer(), 2)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        again(claim).release(moment(2, 9))
    need = Need.objects.get()
    assert (need.status, need.ending, need.note) == ("met", False, None)


def test_before_it_has_begun_a_host_who_cannot_leaves_all_of_it(world: World) -> None:
    _visit, claim = a_stay(world, world.volunteer(), day=TOMORROW)
    again(claim).release(moment(0, 22))
    need = Need.objects.get()
    assert (need.day, need.nights, need.parts, need.broken_off) == (
        TOMORROW,
        3,
        int(clock.Part.EVENING),
        False,
    )


def test_her_page_says_what_to_do_now_until_somebody_is_said_yes_to(world: World) -> None:
    visit, claim = left_in_the_middle(world, moment(1, 22))
    need = Need.objects.get()
    sentence = what_happens(need, [], list(need.tasks.all()), 2, moment(1, 22))
    assert sentence.now == "That place is gone. Nobody is coming until this page says yes."
    assert "2 people were asked." in sentence.more
    assert "Please make another plan for tonight as well." in sentence.more

    say_yes(visit, take(world.volunteer(), only_task(claim.need), moment(1, 22)), moment(1, 22))

    assert Need.objects.get().broken_off is False


def test_what_nobody_took_is_not_proposed_for_nights_that_are_over(world: World) -> None:
    _visit, need = world.ask(kind="stay", day=TODAY, nights=3, parts=int(clock.Part.EVENING))
    cleo = world.volunteer(capacity=1)
    _other, full = a_stay(world, world.volunteer(), 1)
    BedNight.objects.filter(claim=full).update(offer=cleo.volunteer.offers.get())
    rings.ask_next(only_task(need), moment(0, 18))
    assert not Proposal.objects.filter(task__need=need, volunteer=cleo.volunteer).exists()
    Task.objects.filter(need=need).update(escalate_after=moment(1, 9))

    rings.ask_next(only_task(need), moment(1, 9))

    assert Proposal.objects.filter(task__need=need, volunteer=cleo.volunteer).exists()
    need.refresh_from_db()
    assert (need.day, need.nights, need.parts) == (day(1), 2, int(clock.Part.EVENING))
    Task.objects.filter(need=need).update(escalate_after=moment(3, 9), ring=0)
    Proposal.objects.filter(task__need=need).delete()
    rings.ask_next(only_task(need), moment(3, 9))
    assert not Proposal.objects.filter(task__need=need).exists()


def test_a_paused_stay_goes_on_with_the_nights_that_are_left(world: World) -> None:
    _visit, claim = a_stay(world, world.volunteer(), 5)
    again(claim).need.pause(moment(1, 9))
    Need.objects.get().resume(moment(3, 9))
    need = Need.objects.get()
    assert (need.day, need.nights) == (day(3), 2)


# The address


def test_after_the_last_morning_the_address_is_closed_for_both(world: World) -> None:
    ben = world.volunteer()
    visit, claim = a_stay(world, ben)
    reads = [
        (claim.read_place(visit.unlocked, at), claim.read_place(unlocked(ben), at))
        for at in (moment(3, 11), moment(3, 12))
    ]
    assert reads == [(ADDRESS, ADDRESS), ("", "")]
