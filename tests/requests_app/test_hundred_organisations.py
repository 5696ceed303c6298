"""A hundred organisations of chance: what matching proposes, shows and counts is what a plain search finds.

Each is made from its seed, which stands in what fails. `make drill` makes a thousand others each time.
"""

import random
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import transaction

from privacy.keyring import keyring
from requests_app import matching, rings
from requests_app.matching import Match
from requests_app.models import BedNight, Need, Proposal, Task
from tests.requests_app import towns
from tests.requests_app.naive import Naive
from tests.requests_app.towns import Town
from tests.requests_app.world import World
from tests.volunteers.people import AT
from volunteers.models import Offer

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(600)]

# Ten at a time, so that those who run the tests side by side share them.
TENS = range(0, 100, 10)


@contextmanager
def organisation(world: World, seed: int) -> Iterator[Town]:
    """One of them; afterwards nothing is left of it."""
    mark = transaction.savepoint()
    try:
        yield towns.build(world, f"organisation {seed}", people=14, needs=4, districts=4)
    finally:
        transaction.savepoint_rollback(mark)
        keyring().reclaim(keyring().unowned([]))


def told(matches: list[Match]) -> list[tuple[object, ...]]:
    return [(match.volunteer_id, match.offer_id, match.km, match.score) for match in matches]


def holds(town: Town, naive: Naive, seed: int) -> int:
    """Everything matching promises, of one organisation; how many proposals there were."""
    proposals = 0
    for task in town.tasks():
        best = matching.best(task, AT, 20)
        fits = {(place.volunteer.pk, place.offer.pk) for place in naive.fitting(task)}
        assert (seed, {(match.volunteer_id, match.offer_id) for match in best} - fits) == (seed, set())
        assert (seed, told(best)) == (seed, naive.best(task, 20, 64))
        assert (seed, matching.best(task, AT, 20)) == (seed, best)
        why = [(row.condition, row.would_fit) for row in matching.why_nobody(task, AT)]
        plainly = naive.why_nobody(task)
        counted = {name: plainly.get(name, 0) for name in naive.rules}
        assert (seed, why) == (seed, sorted(counted.items(), key=lambda row: (-row[1], row[0])))
        proposals += len(best)
    for volunteer in town.volunteers:
        board = matching.board(volunteer, AT)
        shown = [(match.task_id, match.offer_id, match.km, match.score) for match in board]
        assert (seed, shown) == (seed, naive.board(volunteer))
        for need in town.needs:
            seen = {match.task_id for match in matching.on_need(volunteer, need.pk, AT)}
            seen -= set(need.tasks.filter(status="approved").values_list("pk", flat=True))
            on_board = {match.task_id for match in board if match.task_id in tasks_of(need)}
            assert (seed, seen) == (seed, on_board)
    return proposals


def tasks_of(need: Need) -> set[object]:
    return set(need.tasks.values_list("pk", flat=True))


def nobody_is_over(town: Town, seed: int) -> None:
    """No night of any offer has more beds taken than there are."""
    for offer in Offer.objects.all():
        taken = BedNight.objects.filter(offer=offer).values_list("night", flat=True)
        beds = offer.beds_on(set(taken))
        assert (seed, [night for night in beds if list(taken).count(night) > beds[night]]) == (seed, [])


def same_whatever_the_rows_are(town: Town, seed: int) -> None:
    """The order is that of the facts: not of the rows they stand in."""
    before = {task.pk: matching.best(task, AT, 20) for task in town.tasks()}
    offers = list(Offer.objects.select_related("volunteer").order_by("pk"))
    random.Random(seed).shuffle(offers)
    for offer in offers:
        offer.reindex(AT)
    assert (seed, {task.pk: matching.best(task, AT, 20) for task in town.tasks()}) == (seed, before)


def whoever_is_asked_fits(town: Town, seed: int) -> None:
    """What the rings propose is among what a plain search finds at that moment, and nobody is asked twice
    about one task. One moment asks about all of a need that is due."""
    for key in [task.pk for task in town.tasks()]:
        naive, task = Naive(AT), Task.objects.select_related("need").get(pk=key)
        due = Task.objects.due_with(task, AT)
        fits = {(one.pk, place.volunteer.pk) for one in due for place in naive.askable(one)}
        before = set(Proposal.objects.values_list("pk", flat=True))
        rings.ask_next(task, AT)
        new = Proposal.objects.exclude(pk__in=before)
        asked = list(new.values_list("task_id", "volunteer_id"))
        assert (seed, set(asked) - fits, len(asked)) == (seed, set(), len(set(asked)))
    every = list(Proposal.objects.values_list("task_id", "volunteer_id"))
    assert (seed, len(every)) == (seed, len(set(every)))


def check(world: World, seed: int) -> int:
    with organisation(world, seed) as town:
        naive = Naive(AT)
        proposals = holds(town, naive, seed)
        nobody_is_over(town, seed)
        if seed % 10 == 0:
            same_whatever_the_rows_are(town, seed)
        whoever_is_asked_fits(town, seed)
    return proposals


@pytest.mark.parametrize("first", TENS)
def test_every_proposal_and_every_count_is_that_of_a_plain_search(world: World, first: int) -> None:
    proposals = [check(world, seed) for seed in range(first, first + 10)]

    # Not organisations where nobody fits anything.
    assert sum(map(bool, proposals)) >= 4


@pytest.mark.parametrize(
    "hundred",
    [
        pytest.param(1, marks=pytest.mark.drill),
        # Two more take minutes that a drill has not.
        *(pytest.param(more, marks=pytest.mark.fuzz) for more in (2, 3)),
    ],
)
def test_also_in_hundreds_that_nobody_has_seen(world: World, hundred: int) -> None:
    first = secrets.randbits(32)

    for seed in range(first, first + 100):
        check(world, seed)
