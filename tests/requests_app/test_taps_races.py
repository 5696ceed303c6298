"""Taps and backups at the same moment, each in a connection of its own; on both databases."""

from datetime import timedelta

import pytest
from django.db import connection

from privacy.states import MoveRefused, SomebodyWasFaster
from requests_app import tasks
from requests_app.models import Claim, Message, Tap, Task
from tests.invariants import ask_django
from tests.requests_app.company import LATE, VOLUNTEER, Company, company, hears, preset, told
from tests.requests_app.test_races import Work, at_once
from tests.requests_app.world import World, unlocked
from tests.volunteers.people import AT, Person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
ROUNDS = 5


def leaves(made: Company, person: Person) -> Work:
    def work() -> object:
        return made.claim(person).release(AT)

    return work


def promotes(made: Company, role: str) -> Work:
    """She takes the backup in one of her windows."""

    def work() -> object:
        own = Claim.objects.on_needs_of(made.visit.mailbox).get(pk=made.claim(made.dora).pk)
        return own.promote(made.visit.unlocked, Task.objects.get(pk=made.task(role).pk), AT)

    return work


def coming(made: Company) -> list[tuple[str, str]]:
    rows = Claim.objects.filter(need=made.need, status="approved").order_by("task__role")
    return list(rows.values_list("task__role", "volunteer__handle"))


def test_a_companion_leaves_while_she_takes_the_backup(world: World) -> None:
    made = company(world)
    for _round in range(ROUNDS):
        outcomes = at_once([leaves(made, made.ben), promotes(made, "companion")])
        assert all(isinstance(one, None.__class__ | SomebodyWasFaster | MoveRefused) for one in outcomes)
        assert coming(made) == [("companion", "Dora"), ("second_companion", "Cleo")]
        assert ask_django().broken() == {}
        made = company(world)


def test_two_companions_leave_at_once_and_the_backup_is_one_of_them(world: World) -> None:
    for _round in range(ROUNDS):
        made = company(world)
        outcomes = at_once([leaves(made, made.ben), leaves(made, made.cleo)])
        assert outcomes == [None, None]
        assert [handle for _role, handle in coming(made)] == ["Dora"]
        assert Task.objects.filter(need=made.need, status="open").count() == 2
        assert ask_django().broken() == {}


def test_she_takes_the_backup_for_two_tasks_at_once_and_it_is_one(world: World) -> None:
    for _round in range(ROUNDS):
        made = company(world)
        at_once([promotes(made, "companion"), promotes(made, "second_companion")])
        assert [handle for _role, handle in coming(made)].count("Dora") == 1
        assert len(coming(made)) == 2
        assert ask_django().broken() == {}


def test_a_tap_at_the_moment_it_is_missed_counts(world: World) -> None:
    for _round in range(ROUNDS):
        made = company(world)
        hears(world.coordinator.volunteer.pk)
        row = made.claim(made.ben).taps.get(slug="arrived")

        def says(made: Company = made) -> object:
            return made.claim(made.ben).say(unlocked(made.ben), VOLUNTEER, preset("arrived"), LATE)

        def misses(row: Tap = row) -> object:
            return Tap.objects.select_related("claim").get(pk=row.pk).miss(LATE)

        assert at_once([says, misses]) == [None, None]
        row.refresh_from_db()
        assert (row.status, told(world.coordinator.volunteer.pk)) == ("tapped", [])
        assert Message.objects.filter(claim=row.claim).count() == 1


def test_two_brooms_say_once_what_is_missed(world: World) -> None:
    made = company(world)
    hears(world.coordinator.volunteer.pk)
    at_once([lambda: tasks.miss(LATE), lambda: tasks.miss(LATE)])
    tasks.miss(LATE + timedelta(seconds=30))
    missed = Tap.objects.filter(claim__need=made.need, status="missed")
    assert (missed.count(), told(world.coordinator.volunteer.pk)) == (2, ["now", "now"])
    assert connection.vendor in ("sqlite", "postgresql")
