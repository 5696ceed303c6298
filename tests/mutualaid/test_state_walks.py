"""Whatever is done in whatever order, states change along their tables; what is refused changes nothing.

The tables are data (MOVES beside each model). First every move that is not in them; then random walks with
the verbs that pages call, on rows as the database has them and on rows somebody saw long ago.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mutualaid import backup
from mutualaid.states import MACHINES
from notify import outbox
from notify.models import Channel, Notice
from organisation import checks
from privacy import clock
from privacy.crypto import Unreadable
from privacy.states import MoveRefused, SomebodyWasFaster
from requests_app import matching, start
from requests_app.models import Claim, Extension, KeyChanged, Need, NotForYou, NotNow, Tap, Task, TooLate
from requests_app.models.claim_queryset import HOLDING
from requests_app.models.extension import ASKER
from requests_app.visits import Visit
from tests.mutualaid.an_instance import world
from tests.requests_app.world import World, claim_of, only_task, say_yes, take
from tests.volunteers.people import AT, Person
from volunteers.models import Check, Offer

__all__ = ["world"]

POLITE = (SomebodyWasFaster, MoveRefused, NotNow, NotForYou, TooLate, KeyChanged, Unreadable)
LATER = AT + timedelta(hours=20)


ROOMS = {"requests_app", "notify", "privacy", "volunteers"}


def rows_now() -> list[Any]:
    """Every row of every table a verb may write to, inside the transaction of the test."""
    tables = [model for model in backup.tables() if model._meta.app_label in ROOMS]
    return [row for model in tables for row in model._default_manager.order_by("pk").values_list()]


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


# Every move


def one_of_each(world: World) -> dict[type, Any]:
    _visit, need = world.ask()
    ben = world.volunteer()
    claim = take(ben, only_task(need))
    sleeps, nights = world.ask(kind="stay")
    slept = say_yes(sleeps, take(world.volunteer(), only_task(nights)))
    extension = Extension.objects.ask(slept, 1, ASKER, AT)
    world.can_be_told(ben)
    outbox.queue(ben.volunteer.pk, "news", AT)
    assert Channel.objects.exists()
    notice = Notice.objects.all()[0]
    times = {"due_at": clock.hour(AT), "missed_after": clock.hour(LATER)}
    tap = Tap.objects.create(claim=claim, side="volunteer", slug="arrived", **times)
    by, item = world.coordinator.volunteer, checks.ALL["home-visit"]
    check = Check.objects.tick(ben.volunteer, item, by, clock.local_day(AT), AT)
    rows = {Need: need, Task: only_task(need), Claim: claim, Extension: extension, Tap: tap}
    return {**rows, Notice: notice, Check: check}


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.__name__)
def test_a_move_that_is_not_in_the_table_is_refused_and_changes_nothing(world: World, machine: Any) -> None:
    row, allowed = one_of_each(world)[machine], []
    for seen in machine.MOVES:
        for to in machine.MOVES:
            with undone():
                machine.objects.filter(pk=row.pk).update(status=seen)
                fresh, before = machine.objects.get(pk=row.pk), rows_now()
                try:
                    with transaction.atomic():
                        fresh._move(to, AT)
                except MoveRefused:
                    assert (fresh.status, rows_now()) == (seen, before)
                else:
                    allowed.append((seen, to))
    assert sorted(allowed) == sorted((seen, to) for seen, after in machine.MOVES.items() for to in after)


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.__name__)
def test_a_row_that_moved_since_it_was_seen_stays_as_it_is(world: World, machine: Any) -> None:
    row = one_of_each(world)[machine]
    for seen, after in machine.MOVES.items():
        for to in after:
            for really in machine.MOVES.keys() - {seen}:
                with undone():
                    machine.objects.filter(pk=row.pk).update(status=seen)
                    stale = machine.objects.get(pk=row.pk)
                    machine.objects.filter(pk=row.pk).update(status=really)
                    before = rows_now()
                    with pytest.raises(SomebodyWasFaster), transaction.atomic():
                        stale._move(to, AT)
                    assert rows_now() == before


# Random walks


@dataclass
class Walk:
    """One need with two parts, two people, and rows as they were at every step."""

    world: World
    visit: Visit
    need: Need
    people: list[Person]
    seen: list[Claim] = field(default_factory=list)

    def task(self, number: int) -> Task:
        return list(Task.objects.select_related("need").filter(need=self.need).order_by("role"))[number]

    def claim(self, number: int, who: int, stale: bool) -> Claim:
        """Somebody's claim on a part: as it is, or as it was seen first."""
        claim = claim_of(self.people[who], self.task(number))
        old = [one for one in self.seen if one.pk == claim.pk]
        if stale and old:
            return old[0]
        self.seen.append(claim)
        return claim


Verb = Callable[[Walk, int, int, bool], object]


def takes(walk: Walk, number: int, who: int, stale: bool, standing_by: bool = False) -> None:
    person, task = walk.people[who], walk.task(number)
    matches = [m for m in matching.on_need(person.volunteer, task.need_id, AT) if m.task_id == task.pk]
    offer = Offer.objects.of(person.volunteer)[0]
    verb = task.stand_by if standing_by else task.claim
    verb(person.volunteer, offer, AT, "", matches[0].reasons if matches else [])


def says_yes(walk: Walk, number: int, who: int, stale: bool) -> None:
    say_yes(walk.visit, walk.claim(number, who, stale), place="Under the clock")


def loses_key(walk: Walk) -> None:
    """As `setup --keyring-lost` does: endings are finished once there is a new keyring."""
    Need.objects.get(pk=walk.need.pk).lose_key(AT)
    start.finish_endings(AT)


VERBS: dict[str, Verb] = {
    "claim": takes,
    "stand by": lambda w, n, who, s: takes(w, n, who, s, standing_by=True),
    "approve": says_yes,
    "decline": lambda w, n, who, s: w.claim(n, who, s).decline(AT),
    "release": lambda w, n, who, s: w.claim(n, who, s).release(AT),
    "finish": lambda w, n, who, s: w.claim(n, who, s).finish(AT),
    "lapse": lambda w, n, who, s: w.claim(n, who, s).lapse(LATER),
    "lapse too early": lambda w, n, who, s: w.claim(n, who, s).lapse(AT),
    "step in": lambda w, n, who, s: w.claim(n, who, s).step_in(AT),
    "meet": lambda w, n, who, s: w.claim(n, who, s).meet_at("By the gate", AT),
    "withdraw": lambda w, n, who, s: Need.objects.get(pk=w.need.pk).withdraw(AT),
    "met": lambda w, n, who, s: Need.objects.get(pk=w.need.pk).met(AT),
    "expire too early": lambda w, n, who, s: Need.objects.get(pk=w.need.pk).expire(AT),
    "expire": lambda w, n, who, s: Need.objects.get(pk=w.need.pk).expire(AT + timedelta(days=9)),
    "lose key": lambda w, n, who, s: loses_key(w),
    "write again": lambda w, n, who, s: Need.objects.get(pk=w.need.pk).write_again(w.world.asked(), AT),
}
# Those that lead on more often than those that lead nowhere, and an end rarely: a walk is to get far.
ENDS = ["withdraw", "met", "expire", "lose key"]
OFTEN = [
    *["claim"] * 4,
    *["approve"] * 4,
    *["finish"] * 2,
    *sorted(VERBS.keys() - set(ENDS)),
    ENDS[0],
    ENDS[3],
]
steps = st.tuples(
    st.sampled_from(OFTEN) | st.sampled_from([*OFTEN, *ENDS]),
    # Mostly the same part and the same person: three steps have to fit for somebody to finish.
    st.sampled_from([0, 0, 0, 1]),
    st.sampled_from([0, 0, 0, 1]),
    st.booleans(),
)


@pytest.fixture
def walk(world: World) -> Walk:
    visit, need = world.ask(answers={"back": "yes"})
    return Walk(world, visit, need, [world.volunteer("Ben"), world.volunteer("Cleo")])


@pytest.mark.parametrize(
    "examples", [12, pytest.param(100, marks=[pytest.mark.drill, pytest.mark.timeout(900)])]
)
def test_any_walk_keeps_to_the_tables(walk: Walk, examples: int) -> None:
    done: set[str] = set()

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=examples < 100,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(steps, min_size=10, max_size=20))
    def one(path: list[tuple[str, int, int, bool]]) -> None:
        with undone():
            walk.seen.clear()
            for step in path:
                done.update(_take_step(walk, *step))

    one()
    assert "claim" in done


PATHS = [
    ["claim", "approve", "meet", "finish"],
    ["claim", "release"],
    ["claim", "decline"],
    ["claim", "lapse"],
    ["claim", "withdraw"],
    ["lose key", "write again", "claim"],
]


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_each_verb_of_a_walk_leads_somewhere(walk: Walk, path: list[str]) -> None:
    """Otherwise walks would only ever be refused."""
    with undone():
        assert [_take_step(walk, verb, 0, 0, False) for verb in path] == [{verb} for verb in path]


def _take_step(walk: Walk, verb: str, number: int, who: int, stale: bool) -> set[str]:
    """Do it; check what it did. The verb, where it was not refused."""
    states, before = _states(walk), rows_now()
    try:
        with transaction.atomic():
            VERBS[verb](walk, number, who, stale)
    except (*POLITE, Claim.DoesNotExist):
        assert rows_now() == before, f"{verb} was refused, and something changed"
        return set()
    after = _states(walk)
    for row, status in after.items():
        machine, was = row[0], states.get(row)
        assert was in (None, status) or _leads(machine.MOVES, was, status), (verb, row, was, status)
        if was is not None and status in machine.MOVES[was] and row in _acted_on(walk, verb, number, who):
            assert verb.replace(" ", "_") in machine.MOVES[was][status].split(", "), (verb, was, status)
    _check(walk)
    return {verb}


def _acted_on(walk: Walk, verb: str, number: int, who: int) -> set[tuple[Any, Any]]:
    """The row whose verb it is; what happens to others with it has names of its own."""
    if verb in ("approve", "decline", "release", "finish", "lapse", "step in"):
        return {(Claim, claim_of(walk.people[who], walk.task(number)).pk)}
    return {(Need, walk.need.pk)}


def _states(walk: Walk) -> dict[tuple[Any, Any], str]:
    found: dict[tuple[Any, Any], str] = {(Need, walk.need.pk): Need.objects.get(pk=walk.need.pk).status}
    for machine in (Task, Claim):
        found |= {(machine, row.pk): row.status for row in machine.objects.filter(need=walk.need)}
    return found


def _leads(moves: Any, was: str, now: str) -> bool:
    """Whether at most two moves lead there: a verb may take both (held, and at once approved)."""
    return now in moves[was] or any(now in moves[between] for between in moves[was])


def _check(walk: Walk) -> None:
    """What is true at every moment, whatever happened before."""
    need = Need.objects.get(pk=walk.need.pk)
    for task in Task.objects.filter(need=need):
        holding = Claim.objects.filter(task=task, status__in=HOLDING)
        assert [claim.status for claim in holding] == ([task.status] if task.status in HOLDING else [])
        assert need.status == "open" or task.status not in HOLDING
    # Outside a transaction that still goes on, nothing waits to be destroyed.
    assert (Need.objects.ending().count(), Claim.objects.ending().count()) == (0, 0)
