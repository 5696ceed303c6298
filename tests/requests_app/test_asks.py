"""How often somebody is asked: once about a need at one moment, never more often a day than they allow."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from notify.models import Notice
from organisation import kinds
from organisation.models import Organisation
from privacy import clock
from requests_app import matching, rings, tasks
from requests_app.models import Need, Proposal, Task
from requests_app.why_nobody import would_fit
from tests.killed import AFTER, BEFORE, killed
from tests.requests_app.desk import browser
from tests.requests_app.test_races import at_once, crowd
from tests.requests_app.world import World, only_task, take
from tests.volunteers.people import AT, Person
from volunteers import asks
from volunteers.models import OfferPlace, Volunteer

DAY = timedelta(days=1)
MOST = 2


def asked_today(person: Person) -> int:
    return Volunteer.objects.get(pk=person.volunteer.pk).asked_today


def proposals(person: Person) -> int:
    return Proposal.objects.filter(volunteer=person.volunteer, asked_at__isnull=False).count()


def needs(world: World, count: int, **values: object) -> list[Need]:
    return [world.ask(**values)[1] for _ in range(count)]


@pytest.mark.parametrize(("theirs", "everybodys", "asked"), [(1, 10, 1), (None, 2, 2), (5, 2, 2), (3, 10, 3)])
def test_nobody_is_asked_more_often_a_day_than_they_and_the_organisation_allow(
    world: World, theirs: int | None, everybodys: int, asked: int
) -> None:
    Organisation.objects.current().change(asks_per_day=everybodys)
    ben = world.volunteer()
    ben.volunteer.describe(AT, asks_per_day=theirs)
    some = needs(world, 4, day=clock.local_day(AT) + 2 * DAY)

    tasks.escalate(AT)

    assert (proposals(ben), asked_today(ben)) == (asked, asked)
    # They see all of it, and can take what they were not asked about.
    assert {match.task_id for match in matching.board(ben.volunteer, AT)} == {
        only_task(need).pk for need in some
    }
    # A new day begins at five in the morning.
    tasks.escalate(AT + DAY)
    assert proposals(ben) == min(4, 2 * asked)


def test_both_limits_are_set_on_pages(world: World) -> None:
    ben = world.volunteer("Ben")
    profile, desk = browser(ben), browser(world.coordinator)
    about = {"handle": "Ben", "interface_language": "en", "rest_days": "0"}
    names = {"cover_name": "Garden", "leave_url": "https://www.example.org/", "max_nights": "5"}

    profile.post("/profile/about/", **about, asks_per_day="2")
    wrong = profile.post("/profile/about/", **about, asks_per_day="0")
    desk.post("/desk/settings/", **names, asks_per_day="3")
    kept = Organisation.objects.current().asks_per_day
    desk.post("/desk/settings/", **names, asks_per_day="")

    theirs = Volunteer.objects.get(pk=ben.volunteer.pk).asks_per_day
    indexed = set(OfferPlace.objects.values_list("asks_per_day", flat=True))
    assert (theirs, indexed, wrong.status_code) == (2, {2}, 422)
    assert (kept, Organisation.objects.current().asks_per_day) == (3, 10)


def test_the_desk_reads_who_was_asked_enough(world: World) -> None:
    ben = world.volunteer()
    ben.volunteer.describe(AT, asks_per_day=1)
    _first, second = needs(world, 2)

    tasks.escalate(AT)

    assert matching.best(only_task(second), AT, 5) == []
    assert matching.why_nobody(only_task(second), AT)[0] == matching.Nobody("asked", 1)
    assert would_fit("asked", 1) == "1 more would fit, but was asked enough today."


def test_two_tasks_of_one_need_are_one_ask_and_one_message(world: World) -> None:
    ben = world.volunteer()
    world.can_be_told(ben)
    # Also where it is the last one of the day.
    ben.volunteer.describe(AT, asks_per_day=1)
    world.ask(answers={"back": "yes"})

    tasks.escalate(AT)

    told = Notice.objects.filter(recipient=ben.volunteer.pk).count()
    assert (proposals(ben), asked_today(ben), told) == (2, 1, 1)


def test_whoever_has_not_heard_of_it_does_not_when_it_is_held_and_is_asked_when_it_is_free(
    world: World,
) -> None:
    ben, cleo = world.volunteer("Ben"), world.volunteer("Cleo")
    world.can_be_told(cleo)
    _visit, need = world.ask()
    rings.ask_next(only_task(need), AT)
    waiting = Notice.objects.filter(recipient=cleo.volunteer.pk)
    before = waiting.count()

    held = take(ben, only_task(need))
    during = (waiting.count(), proposals(cleo))
    held.release(AT)
    rings.ask_next(only_task(need), AT)

    assert (before, during, waiting.count(), proposals(cleo)) == (1, (0, 0), 1, 1)


def test_whoever_heard_of_it_stays_asked(world: World) -> None:
    ben, cleo = world.volunteer("Ben"), world.volunteer("Cleo")
    world.can_be_told(cleo)
    _visit, need = world.ask()
    rings.ask_next(only_task(need), AT)
    Notice.objects.update(status="sent")

    take(ben, only_task(need)).release(AT)
    rings.ask_next(only_task(need), AT)

    assert (Notice.objects.filter(recipient=cleo.volunteer.pk).count(), proposals(cleo)) == (1, 1)


def test_news_of_another_part_that_nobody_has_still_leaves(world: World) -> None:
    ben, cleo = world.volunteer("Ben"), world.volunteer("Cleo")
    world.can_be_told(cleo)
    _visit, need = world.ask(answers={"back": "yes"})
    tasks.escalate(AT)

    take(ben, need.tasks.get(role="there"))
    one_left = Notice.objects.filter(recipient=cleo.volunteer.pk).count()
    take(ben, need.tasks.get(role="back"))

    assert (one_left, Notice.objects.filter(recipient=cleo.volunteer.pk).count()) == (1, 0)


def test_a_second_worker_that_saw_the_same_asks_nobody_more(world: World) -> None:
    people = [world.volunteer() for _ in range(sum(kinds.get("ride").rings))]
    _visit, need = world.ask()
    seen = [only_task(need), only_task(need)]

    for task in seen:
        rings.ask_next(task, AT)

    assert Proposal.objects.filter(task__need=need).count() == kinds.get("ride").rings[0]
    assert sum(map(asked_today, people)) == kinds.get("ride").rings[0]


def test_a_worker_that_slept_over_a_ring_leaves_both_parts_in_step(world: World) -> None:
    people = [world.volunteer() for _ in range(9)]
    _visit, need = world.ask(answers={"back": "yes"})
    slept = need.tasks.select_related("need").get(role="back")
    tasks.escalate(AT)
    counted = sum(map(asked_today, people))

    # It wakes up when the next ring is due, with what it saw before the first.
    rings.ask_next(slept, AT + timedelta(hours=1))

    assert (set(need.tasks.values_list("ring", flat=True)), counted) == ({1}, 4)
    assert sum(map(asked_today, people)) == counted


def test_what_was_reserved_and_not_used_is_given_back(world: World) -> None:
    people = [world.volunteer() for _ in range(3)]
    _visit, need = world.ask()
    seen = only_task(need)
    # Somebody takes it after the worker has seen it.
    take(people[0], only_task(need))

    rings.ask_next(seen, AT)

    assert [asked_today(person) for person in people] == [0, 0, 0]
    assert set(OfferPlace.objects.values_list("asked_today", flat=True)) == {0}


# --- At the same moment, and where a worker dies ---------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(300)
def test_many_workers_over_many_needs_never_ask_anybody_once_too_often(world: World) -> None:
    Organisation.objects.current().change(asks_per_day=MOST)
    people = crowd(world, 12)
    all_of_them = needs(world, 10)
    workers = 6

    def work() -> None:
        for need in all_of_them:
            for task in Task.objects.filter(need=need).select_related("need"):
                rings.ask_next(task, AT)

    outcomes = at_once([work] * workers)

    assert [one for one in outcomes if one is not None] == []
    asked = [Proposal.objects.filter(volunteer=person).count() for person in people]
    counted = [Volunteer.objects.get(pk=person.pk).asked_today for person in people]
    # Nobody over it, and nothing counted that was not asked: whoever reserved in vain has given it back.
    assert (asked, max(asked)) == (counted, MOST)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_reserve_at_the_same_moment_only_so_many_may(world: World) -> None:
    ben = world.volunteer()

    outcomes = at_once([lambda: asks.reserve(ben.volunteer.pk, 3, AT)] * 12)

    assert (outcomes.count(True), asked_today(ben)) == (3, 3)


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("place", "when", "nth"),
    [
        ("volunteers.asks.reserve", AFTER, 2),
        ("requests_app.models.proposal.ProposalQuerySet.make", BEFORE, 1),
        ("requests_app.models.proposal.ProposalQuerySet.make", AFTER, 1),
        ("notify.outbox.queue", AFTER, 1),
        ("requests_app.models.task.Task.escalate", AFTER, 1),
        ("volunteers.asks.give_back", BEFORE, 1),
        ("volunteers.account.Volunteer.mark_asked", BEFORE, 2),
    ],
)
def test_a_worker_killed_in_the_middle_of_a_ring_leaves_nobody_asked_twice_or_uncounted(
    world: World, place: str, when: str, nth: int
) -> None:
    people = [world.volunteer() for _ in range(3)]
    for person in people:
        world.can_be_told(person)
        person.volunteer.describe(AT, asks_per_day=MOST)
    _visit, need = world.ask()
    assert killed(lambda: rings.ask_next(only_task(need), AT), place, when, nth)

    # It is started again, and looks at what is due.
    rings.ask_next(only_task(need), AT)
    rings.ask_next(only_task(need), AT + DAY / 24)

    told = [Notice.objects.filter(recipient=person.volunteer.pk).count() for person in people]
    asked = [proposals(person) for person in people]
    assert (told, asked) == ([1, 1, 1], [1, 1, 1])
    assert all(1 <= asked_today(person) <= MOST for person in people)


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(300)
def test_a_claim_while_a_ring_is_asked_leaves_nobody_with_news_of_it(world: World) -> None:
    people = [world.volunteer() for _ in range(8)]
    for person in people:
        world.can_be_told(person)
    for _round in range(6):
        _visit, need = world.ask()
        seen = only_task(need)
        gate = threading.Barrier(2)
        # In turn the one and the other is a little ahead.
        outcomes: list[object] = []

        def ring(task: Task = seen, gate: threading.Barrier = gate) -> None:
            gate.wait()
            rings.ask_next(task, AT)

        def claim(need: Need = need, gate: threading.Barrier = gate) -> None:
            gate.wait()
            take(people[0], only_task(need))

        outcomes = at_once([ring, claim])

        assert [one for one in outcomes if one is not None] == []
        assert only_task(need).status == "held"
        asked = Proposal.objects.filter(task__need=need).exclude(volunteer=people[0].volunteer)
        waiting = Notice.objects.filter(status="queued").exclude(recipient=need.pk)
        assert (asked.count(), waiting.count(), connection.in_atomic_block) == (0, 0, False)
