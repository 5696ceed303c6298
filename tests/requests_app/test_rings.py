"""Who is asked, when, and how it ends: nobody twice, at the end the desk."""

from datetime import datetime, timedelta

import pytest

from notify.models import Notice
from organisation import kinds
from privacy import clock
from requests_app import matching, rings, tasks
from requests_app.models import Need, Proposal, Task
from tests.requests_app.world import TOMORROW, World, only_task, take
from tests.volunteers.people import AT

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MORNING, EVENING = int(clock.Part.MORNING), int(clock.Part.EVENING)
NOON = clock.part_end(TOMORROW, clock.Part.MORNING)


def test_the_first_ring_is_asked_at_the_first_look(world: World) -> None:
    for _ in range(6):
        world.volunteer()
    _visit, need = world.ask()
    tasks.escalate(AT)
    assert Proposal.objects.filter(task__need=need).count() == kinds.get("ride").rings[0]


def test_nobody_is_asked_twice_and_the_next_ring_comes_later(world: World) -> None:
    for _ in range(6):
        world.volunteer()
    _visit, need = world.ask()
    rings.ask_next(only_task(need), AT)
    task = only_task(need)
    assert task.escalate_after > AT
    rings.ask_next(task, task.escalate_after)
    asked = list(Proposal.objects.filter(task=task).values_list("volunteer", flat=True))
    assert len(asked) == len(set(asked)) == 6


def test_the_desk_is_told_once_and_not_at_each_look(world: World) -> None:
    world.can_be_told(world.coordinator)
    _visit, need = world.ask()
    at, told = AT, []
    for _look in range(4):
        tasks.escalate(at)
        told.append(Notice.objects.count())
        # Some minutes after it was sent it is deleted: its key no longer stands in the way of another.
        Notice.objects.all().delete()
        at = only_task(need).escalate_after or at
    assert told == [1, 0, 0, 0]


def test_more_who_fit_than_the_rings_hold_are_not_all_asked(world: World) -> None:
    for _ in range(sum(kinds.get("ride").rings) + 3):
        world.volunteer()
    _visit, need = world.ask()
    at = AT
    while (task := only_task(need)).escalate_after is not None:
        at = max(at, task.escalate_after)
        rings.ask_next(task, at)
    assert Proposal.objects.filter(task__need=need).count() == sum(kinds.get("ride").rings)
    assert only_task(need).everybody_was_asked


def test_a_need_whose_time_is_over_is_not_looked_at_again_and_again(world: World) -> None:
    _visit, need = world.ask()
    assert Task.objects.to_escalate(need.expires_at).count() == 0


@pytest.mark.parametrize("urgent", [False, True])
def test_nobody_is_asked_for_a_time_that_is_over(world: World, urgent: bool) -> None:
    ben = world.volunteer("Ben")
    world.can_be_told(ben)
    _visit, need = world.ask(parts=MORNING)
    Task.objects.filter(need=need).update(urgent=urgent)

    tasks.escalate(NOON)

    ben.volunteer.refresh_from_db()
    assert (Proposal.objects.count(), Notice.objects.count(), ben.volunteer.asked_today) == (0, 0, 0)
    assert only_task(need).escalate_after is None


def test_of_two_ways_the_one_that_is_not_over_is_asked_for(world: World) -> None:
    world.volunteer()
    _visit, need = world.ask(answers={"back": "yes"}, parts=MORNING, parts_of={"back": EVENING})

    tasks.escalate(NOON)

    assert [row.task.role for row in Proposal.objects.filter(task__need=need)] == ["back"]
    assert dict(need.tasks.values_list("role", "ring")) == {"there": 0, "back": 1}


def test_what_is_over_is_on_no_board(world: World) -> None:
    ben = world.volunteer("Ben")
    _visit, ride = world.ask(parts=MORNING)
    _visit, stay = world.ask(kind="stay", nights=2, parts=EVENING)
    last_morning = clock.day_end(TOMORROW + DAY)
    moments = [NOON - HOUR, NOON, last_morning - HOUR, last_morning]

    def shown(at: datetime) -> set[Need]:
        return {need for need in (ride, stay) if matching.on_need(ben.volunteer, need.pk, at)}

    for at in moments:
        on_board = {match.task_id for match in matching.board(ben.volunteer, at)}
        assert on_board == {only_task(need).pk for need in shown(at)}
    assert [shown(at) for at in moments] == [{ride, stay}, {stay}, {stay}, set()]


def test_the_desk_is_told_while_somebody_can_still_do_something(world: World) -> None:
    """Who is next would be asked when it is over."""
    for _ in range(6):
        world.volunteer()
    world.can_be_told(world.coordinator)
    _visit, need = world.ask(parts=MORNING)

    tasks.escalate(NOON - timedelta(minutes=10))

    assert Proposal.objects.count() == kinds.get("ride").rings[0]
    assert Notice.objects.filter(recipient=world.coordinator.volunteer.pk).count() == 1
    assert (only_task(need).everybody_was_asked, only_task(need).escalate_after) == (True, None)


def test_asking_stops_when_the_task_is_held(world: World) -> None:
    people = [world.volunteer() for _ in range(6)]
    _visit, need = world.ask()
    rings.ask_next(only_task(need), AT)
    take(people[0], only_task(need))
    assert list(Task.objects.to_escalate(AT + DAY)) == []


def test_where_nobody_fits_the_desk_knows_at_once_and_whoever_joins_later_is_asked(world: World) -> None:
    _visit, need = world.ask()
    rings.ask_next(only_task(need), AT)
    told = only_task(need).everybody_was_asked
    ben = world.volunteer()
    later = only_task(need).escalate_after
    assert later is not None
    tasks.escalate(later)
    assert told is True
    assert [p.volunteer for p in Proposal.objects.filter(task__need=need)] == [ben.volunteer]


def test_after_the_last_ring_the_desk_knows(world: World) -> None:
    for _ in range(sum(kinds.get("ride").rings)):
        world.volunteer()
    _visit, need = world.ask()
    known = []
    for _ in range(len(kinds.get("ride").rings) + 1):
        rings.ask_next(only_task(need), AT)
        known.append(only_task(need).everybody_was_asked)
    assert known == [False, False, False, True]


def test_who_was_asked_least_recently_comes_first(world: World) -> None:
    first, second = world.volunteer(), world.volunteer()
    first.volunteer.mark_asked(AT - timedelta(days=2))
    second.volunteer.mark_asked(AT - timedelta(days=9))
    _visit, need = world.ask()
    rings.ask_next(only_task(need), AT)
    ordered = Proposal.objects.filter(task__need=need).order_by("-score")
    assert [row.volunteer for row in ordered] == [second.volunteer, first.volunteer]
