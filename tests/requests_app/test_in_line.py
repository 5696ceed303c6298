"""Whoever stands by: who takes over, who is passed over, and that nothing of theirs stays when it is done."""

from datetime import timedelta

import pytest
from django.db import transaction

from notify.models import Channel, Notice
from organisation import kinds
from privacy.crypto import SealingImpossible
from privacy.keyring import FileKeyring, keyring
from privacy.models import Compartment, Grant
from requests_app import standing, tasks
from requests_app.models import BedNight, Claim, Need, NotForYou, Task
from requests_app.models.claim_queryset import LIVE
from tests.requests_app.test_pages import hidden, post, text, volunteer_client
from tests.requests_app.world import World, claim_of, day, only_task, say_yes, take
from tests.volunteers.people import AT, Person
from volunteers.models import Volunteer


@pytest.fixture
def in_line(world: World) -> tuple[Claim, Person]:
    """Somebody holds a ride, somebody else stands by."""
    _visit, need = world.ask()
    cleo = world.volunteer("Cleo")
    holding = take(world.volunteer("Ben"), only_task(need))
    take(cleo, holding.task, standing_by=True)
    return holding, cleo


def statuses(need: Need) -> list[str]:
    return list(Claim.objects.filter(need=need).order_by("place_in_line").values_list("status", flat=True))


def test_when_it_is_done_nothing_of_those_who_stood_by_stays(world: World) -> None:
    visit, need = world.ask(kind="stay")
    ben, cleo = world.volunteer(), world.volunteer()
    first = take(ben, only_task(need))
    second = take(cleo, first.task, standing_by=True, place="The second street")
    say_yes(visit, first).finish(AT)

    owners = [need.slot_owner, first.slot_owner, second.slot_owner]
    slots = [(row.slot_number, row.slot_owner) for row in (need, first, second)]
    assert statuses(need) == ["done", "released"]
    assert keyring().missing(slots) == owners
    assert Compartment.objects.filter(slot_owner__in=owners).count() == 0
    assert Grant.objects.filter(slot_owner__in=owners).count() == 0
    assert Need.objects.get(pk=need.pk).status == "met"


def test_one_way_done_ends_whoever_stood_by_for_it_and_leaves_the_other_way_alone(world: World) -> None:
    visit, need = world.ask(answers={"back": "yes"})
    there, back = need.tasks.order_by("-role")
    ben, cleo = world.volunteer(), world.volunteer()
    first = say_yes(visit, take(ben, there))
    take(cleo, there, standing_by=True)
    take(cleo, back)

    first.finish(AT)

    assert {c.task.role: c.status for c in Claim.objects.filter(volunteer=cleo.volunteer)} == {
        "there": "released",
        "back": "held",
    }
    assert Need.objects.get(pk=need.pk).status == "open"


def test_whoever_presses_i_stand_by_after_the_holder_left_holds_it(world: World) -> None:
    _visit, need = world.ask()
    ben, cleo = world.volunteer("Ben"), world.volunteer("Cleo")
    holding = take(ben, only_task(need))
    client = volunteer_client(cleo)
    page = text(client.get(f"/needs/{need.pk}/"))
    holding.release(AT)

    post(client, f"/needs/{need.pk}/stand-by/", page, task=hidden(page, "task"))

    assert statuses(need) == ["released", "held"]
    assert "You hold this until" in text(client.get(f"/needs/{need.pk}/"))


def test_whoever_rested_when_it_was_passed_on_can_take_it_afterwards(in_line: tuple[Claim, Person]) -> None:
    holding, cleo = in_line
    cleo.volunteer.pause(day(3), AT)
    holding.release(AT)
    passed_over = statuses(holding.need)
    cleo.volunteer.resume(AT)
    client = volunteer_client(cleo)
    page = text(client.get(f"/needs/{holding.need_id}/"))

    post(client, f"/needs/{holding.need_id}/claim/", page, task=hidden(page, "task"))

    assert passed_over == ["released", "standby"]
    assert statuses(holding.need) == ["released", "held"]
    assert only_task(holding.need).status == "held"


@pytest.mark.parametrize("gone", ["removed", "paused"])
def test_a_host_whose_offer_is_gone_is_not_sent_anybody(world: World, gone: str) -> None:
    _visit, need = world.ask(kind="stay", decides="first")
    ben, cleo = world.volunteer(), world.volunteer()
    first = take(ben, only_task(need))
    take(cleo, first.task, standing_by=True)
    offer = cleo.volunteer.offers.get()
    if gone == "removed":
        offer.remove(AT)
    else:
        offer.set_active(AT, active=False)

    first.release(AT)

    assert (statuses(need), only_task(need).status) == (["released", "standby"], "open")


def test_a_damaged_row_in_line_keeps_nobody_from_leaving_nor_from_being_suspended(world: World) -> None:
    _visit, need = world.ask(decides="first")
    ben, cleo, dan = world.volunteer(), world.volunteer(), world.volunteer()
    first = take(ben, only_task(need))
    damaged = take(cleo, first.task, standing_by=True)
    take(dan, first.task, standing_by=True)
    keyring().destroy(damaged.slot_number, damaged.slot_owner)

    standing.suspend(ben.volunteer, AT)

    assert Volunteer.objects.get(pk=ben.volunteer.pk).is_active is False
    assert statuses(need) == ["released", "standby", "approved"]


def test_whoever_is_put_back_in_line_is_told(in_line: tuple[Claim, Person]) -> None:
    holding, cleo = in_line
    Channel.objects.add(
        recipient=holding.volunteer_id, transport="email", address="a@example.org", language="en", at=AT
    )
    chosen = claim_of(cleo, holding.task)

    with transaction.atomic():
        chosen._take_over(AT)

    assert Notice.objects.filter(recipient=holding.volunteer_id).count() == 1


def test_two_companions_are_two_people(world: World) -> None:
    _visit, need = world.ask(kind="accompaniment", answers={"companions": "two", "backup": "no"})
    first, second = need.tasks.order_by("role")
    ben, cleo = world.volunteer("Ben"), world.volunteer("Cleo")
    take(ben, first)
    client = volunteer_client(ben)

    page = text(client.get(f"/needs/{need.pk}/"))
    with pytest.raises(NotForYou):
        second.claim(ben.volunteer, ben.volunteer.offers.get(), AT)
    with pytest.raises(NotForYou):
        second.stand_by(ben.volunteer, ben.volunteer.offers.get(), AT)

    assert "I can do this" not in page
    assert "You could do this" in text(client.get("/board/"))
    assert str(second.pk) not in text(client.get("/board/"))
    tasks.escalate(AT)
    assert [p.volunteer_id for p in second.proposals.all()] == [cleo.volunteer.pk]
    take(cleo, second)
    assert kinds.get("accompaniment").one_person_each is True


def test_one_driver_may_drive_both_ways(world: World) -> None:
    _visit, need = world.ask(answers={"back": "yes"})
    ben = world.volunteer()
    for task in need.tasks.all():
        take(ben, task)
    assert statuses(need) == ["held", "held"]


def test_what_came_to_nothing_does_not_count_as_taken(world: World) -> None:
    visit, need = world.ask()
    ben = world.volunteer()
    ben.volunteer.describe(AT, cap_per_week=1)
    take(ben, only_task(need))

    need.withdraw(AT)

    _visit, other = world.ask(visit)
    assert take(ben, only_task(other)).status == "held"


def test_a_stay_that_ended_early_gives_the_beds_back(world: World) -> None:
    visit, need = world.ask(kind="stay", nights=5)
    claim = say_yes(visit, take(world.volunteer(), only_task(need)))
    taken = BedNight.objects.count()

    claim.finish(AT + timedelta(days=1))

    assert (taken, BedNight.objects.count()) == (5, 0)


def test_no_claim_lives_on_a_need_that_ended_however_it_ended(world: World) -> None:
    for end in ("withdraw", "met"):
        _visit, need = world.ask()
        first = take(world.volunteer(), only_task(need))
        take(world.volunteer(), first.task, standing_by=True)
        getattr(need, end)(AT)
        assert Claim.objects.filter(need=need, status__in=LIVE).count() == 0
    assert Task.objects.filter(status__in=("open", "held", "approved")).count() == 0


def test_somebody_is_suspended_also_while_no_key_can_be_made(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _visit, need = world.ask(decides="first")
    ben, cleo = world.volunteer(), world.volunteer()
    first = take(ben, only_task(need))
    take(cleo, first.task, standing_by=True)

    def away(self: FileKeyring, *_words: object) -> None:
        raise SealingImpossible

    with monkeypatch.context() as silent:
        for verb in ("read", "destroy", "allocate"):
            silent.setattr(FileKeyring, verb, away)
        standing.suspend(ben.volunteer, AT)

    assert Volunteer.objects.get(pk=ben.volunteer.pk).is_active is False
    assert statuses(need) == ["released", "standby"]


def test_a_suspension_ends_no_need_by_a_clock_that_jumped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _visit, need = world.ask()
    ben = world.volunteer()
    take(ben, only_task(need))
    monkeypatch.setattr("privacy.clock.jumped", lambda: True)

    standing.suspend(ben.volunteer, need.expires_at + timedelta(days=40))

    assert Need.objects.get(pk=need.pk).status == "open"
    assert keyring().missing([(need.slot_number, need.slot_owner)]) == []


def test_whoever_it_was_passed_on_to_a_moment_ago_is_not_told_that_somebody_was_faster(
    in_line: tuple[Claim, Person],
) -> None:
    holding, cleo = in_line
    mine = claim_of(cleo, holding.task)

    mine.step_in(holding.held_until)

    assert statuses(holding.need) == ["lapsed", "held"]


def test_pressing_twice_at_once_is_no_other_part(world: World) -> None:
    _visit, need = world.ask(kind="accompaniment")
    ben = world.volunteer()
    take(ben, only_task(need))

    assert need.is_taken_elsewhere_by(ben.volunteer, only_task(need).pk, AT) is False
