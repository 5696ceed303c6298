"""Beds are not promised twice: of two stays at the same moment, and of a stay and a host with fewer beds.

Each works in a thread with a connection of its own; the suite runs on SQLite and again on PostgreSQL.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.db.models import Count

from privacy.keyring import keyring
from privacy.states import SomebodyWasFaster
from requests_app.models import BedNight, Claim, Need, Task
from requests_app.visits import Visit
from tests.requests_app.test_races import Work, approve, at_once, claim, nothing_is_broken
from tests.requests_app.world import TODAY, World, claim_of, day, only_task, take
from tests.volunteers.people import AT, Person
from volunteers.models import Offer
from volunteers.nights import Promised

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

BEDS = 2
# Nights 1 to 3 for two people, 3 to 5 for one: the third night has two beds, and three people.
TOO_MANY = ((1, 2), (3, 1))
# The same for one person each: all fit.
BOTH_FIT = ((1, 1), (3, 1))
OFTEN = [4, pytest.param(100, marks=pytest.mark.drill)]


@dataclass(frozen=True)
class Home:
    """A host with two beds, and somebody with room for everybody, who holds what the host stands by for."""

    world: World
    host: Person
    holder: Person

    @property
    def offer(self) -> Offer:
        return Offer.objects.get(volunteer=self.host.volunteer)

    def stay(self, first: int, people: int, **values: object) -> tuple[Visit, Need]:
        return self.world.ask(kind="stay", day=day(first), nights=3, people=people, **values)

    def beds_taken(self) -> dict[int, int]:
        """Night → how many beds of the host are taken."""
        rows = BedNight.objects.filter(offer=self.offer).values_list("night")
        return {(night - TODAY).days: beds for night, beds in rows.annotate(Count("pk"))}


@pytest.fixture
def home(world: World) -> Home:
    # Slots that other tests left behind are not this test's.
    keyring().reclaim(keyring().unowned([]))
    host = world.volunteer("Host", capacity=BEDS, kinds=["stay"])
    return Home(world, host, world.volunteer("Holder", capacity=50, kinds=["stay"]))


def approved_at_once(home: Home, stays: tuple[tuple[int, int], ...]) -> list[object]:
    """Each asker says yes, at the same moment, to the host who stands by for it."""
    visits, works = [], []
    for first, people in stays:
        visit, need = home.stay(first, people)
        task = only_task(need)
        take(home.holder, task)
        mine = take(home.host, task, standing_by=True)
        visits.append(visit)
        works.append(approve(visit, mine, place=""))
    outcomes = at_once(works)
    nothing_is_broken()
    return _tidied(outcomes, home, visits)


def first_at_once(home: Home, stays: tuple[tuple[int, int], ...]) -> list[object]:
    """The host takes both at the same moment, and the first who takes it comes: claimed is approved."""
    return _claimed(home, stays, decides="first")


def claimed_at_once(home: Home, stays: tuple[tuple[int, int], ...]) -> list[object]:
    return _claimed(home, stays)


def _claimed(home: Home, stays: tuple[tuple[int, int], ...], **values: object) -> list[object]:
    asked = [home.stay(first, people, **values) for first, people in stays]
    outcomes = at_once([claim(only_task(need), home.host.volunteer) for _visit, need in asked])
    nothing_is_broken()
    return _tidied(outcomes, home, [visit for visit, _need in asked])


def passed_on_at_once(home: Home, stays: tuple[tuple[int, int], ...]) -> list[object]:
    """Whoever held both leaves both at the same moment; the host is next in line for each."""
    visits, works, tasks = [], [], []
    for first, people in stays:
        visit, need = home.stay(first, people)
        held = take(home.holder, only_task(need))
        take(home.host, only_task(need), standing_by=True)
        visits.append(visit)
        tasks.append(held.task)
        works.append(lambda held=held: claim_of(home.holder, held.task).release(AT))
    outcomes = at_once(works)
    assert outcomes == [None, None], outcomes
    nothing_is_broken()
    states = [claim_of(home.host, task).status for task in tasks]
    has = [Claim() if state == "held" else SomebodyWasFaster() for state in states]
    return _tidied(has, home, visits)


def _tidied(outcomes: list[object], home: Home, visits: list[Visit]) -> list[object]:
    """The outcomes, and how full each night was; then nothing is left of it."""
    taken = home.beds_taken()
    for visit in visits:
        visit.mailbox.erase(AT)
    assert home.beds_taken() == {}
    refused = sum(isinstance(outcome, SomebodyWasFaster) for outcome in outcomes)
    assert refused + sum(outcome is None or isinstance(outcome, Claim) for outcome in outcomes) == 2, outcomes
    return [refused, taken]


WAYS = [approved_at_once, claimed_at_once, first_at_once, passed_on_at_once]


@pytest.mark.parametrize("often", OFTEN)
@pytest.mark.parametrize("way", WAYS)
def test_of_two_stays_that_do_not_fit_together_exactly_one_gets_its_beds(
    home: Home, way: Callable[..., list[object]], often: int
) -> None:
    first_won = [1, {1: 2, 2: 2, 3: 2}]
    second_won = [1, {3: 1, 4: 1, 5: 1}]

    for _time in range(often):
        assert way(home, TOO_MANY) in (first_won, second_won)


@pytest.mark.parametrize("often", OFTEN)
@pytest.mark.parametrize("way", WAYS)
def test_of_two_stays_that_fit_together_both_get_their_beds(
    home: Home, way: Callable[..., list[object]], often: int
) -> None:
    for _time in range(often):
        assert way(home, BOTH_FIT) == [0, {1: 1, 2: 1, 3: 2, 4: 1, 5: 1}]


@pytest.mark.parametrize("often", OFTEN)
def test_a_host_who_has_fewer_beds_at_this_moment_keeps_what_they_promised(home: Home, often: int) -> None:
    """Either the stay is booked and the host is told so, or the beds are gone and nobody gets them."""
    seen = Counter[str]()
    ways: tuple[tuple[str, Callable[[], Work], Callable[[], None]], ...] = (
        ("a night", lambda: lower_night(home), lambda: home.offer.clear_nights(day(1), day(5), AT)),
        ("the offer", lambda: lower_offer(home, 1), lambda: lower_offer(home, BEDS)()),
    )

    for number in range(2 * often):
        what, lower, undo = ways[number % 2]
        visit, need = home.stay(1, 2)
        booked, lowered = at_once([claim(only_task(need), home.host.volunteer), lower()])
        if isinstance(booked, Claim):
            assert isinstance(lowered, Promised), (what, lowered)
            assert home.beds_taken() == {1: 2, 2: 2, 3: 2}
            seen["booked"] += 1
        else:
            assert (type(booked), lowered) == (SomebodyWasFaster, None), (what, booked)
            assert home.beds_taken() == {}
            seen["lowered"] += 1
        visit.mailbox.erase(AT)
        undo()

    assert sum(seen.values()) == 2 * often


def lower_night(home: Home) -> Work:
    return lambda: home.offer.set_nights(day(2), day(2), [], 1, AT)


def lower_offer(home: Home, capacity: int) -> Work:
    def work() -> None:
        offer = home.offer
        offer.capacity = capacity
        offer.write(AT, [])

    return work


def test_a_bed_that_is_free_on_every_night_is_not_refused_because_of_its_number(home: Home) -> None:
    """Bed 0 is taken on one night and bed 1 on the next: whoever stays both nights changes beds."""
    _visit, long = home.stay(1, 1)
    _other, more = home.stay(1, 1)
    take(home.host, only_task(long))
    take(home.host, only_task(more))
    BedNight.objects.filter(night=day(1), bed=1).delete()
    BedNight.objects.filter(night=day(2), bed=0).delete()
    BedNight.objects.filter(night=day(3)).delete()

    take(home.host, only_task(home.stay(1, 1)[1]))

    assert home.beds_taken() == {1: 2, 2: 2, 3: 1}


def test_fewer_beds_later_count_those_with_a_high_number_too(home: Home) -> None:
    """Of three beds the third is taken; then there are two: one is free, not two."""
    offer = home.offer
    offer.capacity = 3
    offer.write(AT, [])
    _visit, need = home.stay(1, 1)
    take(home.host, only_task(need))
    BedNight.objects.filter(offer=offer).update(bed=2)
    home.offer.set_nights(day(1), day(3), [], 2, AT)

    _two, two = home.stay(1, 2)
    with pytest.raises(StopIteration):
        take(home.host, only_task(two))
    with pytest.raises(SomebodyWasFaster):
        claim(only_task(two), home.host.volunteer)()

    take(home.host, only_task(home.stay(1, 1)[1]))
    assert home.beds_taken() == {1: 2, 2: 2, 3: 2}
    assert Task.objects.get(need=two).status == "open"
