"""Matching finds exactly those who fit, in the order it promises, on whichever database the tests run."""

import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from organisation import conditions, kinds, languages
from organisation.areas import NewArea
from organisation.models import Area
from privacy import clock
from requests_app import matching
from requests_app.models import BedNight, Claim, Need, NeverMatch, Proposal, Taken, Task
from tests.requests_app.naive import Naive
from tests.requests_app.world import TODAY, TOMORROW, World
from tests.volunteers.people import AT
from volunteers.account import NEVER
from volunteers.models import Offer, OfferPlace, Volunteer
from volunteers.week import ALL_WEEK

SPOKEN = ("en", "fr", "es", "ar")
TICKED = ("step_free", "smoke_free", "only_women", "scent_free")
PEOPLE, NEEDS = 45, 12


@dataclass(frozen=True)
class Town:
    """An organisation of chance: areas, people, what they offer, and what was asked."""

    dice: random.Random
    areas: list[Area]
    volunteers: list[Volunteer]
    needs: list[Need]

    def tasks(self) -> Iterator[Task]:
        for need in self.needs:
            yield need.tasks.select_related("need").order_by("role")[0]


@pytest.fixture(params=["a dull town", "a village", "harbour and hills"])
def town(world: World, request: pytest.FixtureRequest) -> Town:
    dice = random.Random(request.param)
    areas = _areas(dice)
    volunteers = [_volunteer(dice, number) for number in range(PEOPLE)]
    for volunteer in volunteers:
        for _offer in range(dice.choice((1, 1, 1, 2))):
            _make_offer(world, dice, volunteer, areas)
    needs = [_need(world, dice, areas) for _need_ in range(NEEDS)]
    _history(dice, needs, volunteers)
    return Town(dice, areas, volunteers, needs)


def _areas(dice: random.Random) -> list[Area]:
    """Two counties with districts, all within 150 km."""
    lines = [NewArea(county, "", 48.0, 11.0 + east) for east, county in enumerate(("East", "West"))]
    for number in range(10):
        centre = 47.7 + dice.random() * 0.7, 10.9 + dice.random()
        lines.append(NewArea(f"District {number}", dice.choice(("East", "West")), *centre))
    return list(Area.objects.plant(lines).values())


def _volunteer(dice: random.Random, number: int) -> Volunteer:
    return Volunteer.objects.create(
        username=f"somebody-{number}",
        handle=f"Somebody {number}",
        vouched_at=AT if dice.random() < 0.9 else None,
        status="active" if dice.random() < 0.95 else "suspended",
        paused_until=TODAY + timedelta(days=dice.randint(-1, 1)) if dice.random() < 0.2 else None,
        languages=languages.bits(dice.sample(SPOKEN, dice.randint(1, 2))),
        cap_per_week=dice.choice((None, None, 1, 2)),
        last_asked_at=dice.choice((NEVER, clock.hour(AT) - timedelta(hours=dice.randint(0, 1000)))),
        public_key=bytes(32),
        public_key_mac=bytes(32),
        wrapped_private=b"",
        wrap_salt=b"",
        wrapped_recovery=b"",
        recovery_salt=b"",
    )


def _make_offer(world: World, dice: random.Random, volunteer: Volunteer, areas: list[Area]) -> None:
    ours = [kind.slug for kind in kinds.all()]
    typed = dice.random() < 0.3
    world.offer(
        volunteer,
        id=uuid.UUID(int=dice.getrandbits(128), version=4),
        kinds=dice.sample(ours, dice.randint(1, 3)),
        home_area=None if typed else dice.choice(areas),
        areas=dice.sample(areas, 2) if typed or dice.random() < 0.1 else [],
        reach_km=dice.choice((0, 5, 10, 11, 20, 35, 60)),
        weekly=dice.choice((ALL_WEEK, ALL_WEEK, dice.getrandbits(28) | dice.getrandbits(28))),
        capacity=dice.randint(1, 4),
        conditions=conditions.bits(dice.sample(TICKED, dice.randint(1, 4))),
        active=dice.random() < 0.95,
        days={TODAY + timedelta(days=dice.randint(0, 6)): dice.choice((0, 7, 15)) for _day in range(2)}
        if dice.random() < 0.4
        else {},
    )


def _need(world: World, dice: random.Random, areas: list[Area]) -> Need:
    kind = dice.choice(kinds.all())
    parts = dice.choice((1, 2, 4, 8, 6, 15))
    asked = [slug for slug in TICKED if slug in kind.condition_slugs]
    spoken = languages.bits(dice.sample(SPOKEN, dice.randint(0, 2)))
    _visit, need = world.ask(
        kind=kind.slug,
        area=dice.choice(areas),
        day=TODAY + timedelta(days=dice.randint(0, 6)),
        parts=parts,
        covers=parts if kind.covers_parts else 0,
        nights=dice.randint(1, 3) if kind.has_nights else 0,
        people=dice.choice((1, 1, 2, 3)) if kind.has_capacity else 1,
        languages=spoken,
        languages_hard=bool(spoken) and dice.random() < 0.5,
        conditions=conditions.bits(dice.sample(asked, min(len(asked), dice.choice((0, 0, 1, 2))))),
    )
    return need


def _history(dice: random.Random, needs: list[Need], volunteers: list[Volunteer]) -> None:
    """Beds are taken, weeks are full, some were declined, some are never brought together."""
    for volunteer in dice.sample(volunteers, 15):
        Taken.objects.note(volunteer, AT - timedelta(days=dice.choice((0, 3, 6, 7))))
    for need in needs:
        task = need.tasks.order_by("role")[0]
        some = dice.sample(volunteers, 6)
        Proposal.objects.create(task=task, volunteer=some[0], asked_at=AT, outcome="declined")
        Proposal.objects.create(task=task, volunteer=some[1], asked_at=AT)
        NeverMatch.objects.create(mailbox=need.mailbox, volunteer=some[2])
    stay = needs[0]
    offers = list(Offer.objects.order_by("pk"))
    claim = Claim.objects.create(
        need=stay,
        task=stay.tasks.order_by("role")[0],
        volunteer=offers[0].volunteer,
        offer=offers[0],
        status="done",
        claimed_at=AT,
        slot_number=stay.slot_number,
    )
    for offer in dice.sample(offers, 15):
        for night in dice.sample(range(7), 4):
            BedNight.objects.create(offer=offer, night=TODAY + timedelta(days=night), bed=0, claim=claim)


def _told(matches: list[matching.Match]) -> list[tuple[uuid.UUID, uuid.UUID, int, int]]:
    return [(match.volunteer_id, match.offer_id, match.km, match.score) for match in matches]


def test_the_best_are_those_that_a_plain_search_finds(town: Town) -> None:
    naive = Naive(AT)

    found = {task.pk: _told(matching.best(task, AT, 100)) for task in town.tasks()}

    assert found == {task.pk: naive.best(task.need, 100, 200) for task in town.tasks()}
    assert any(found.values())


def test_only_the_nearest_are_compared(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "FEWEST_ROWS", 1)
    naive = Naive(AT)

    found = {task.pk: _told(matching.best(task, AT, 1)) for task in town.tasks()}

    assert found == {task.pk: naive.best(task.need, 1, 3) for task in town.tasks()}


def test_the_same_question_has_the_same_answer(town: Town) -> None:
    for task in town.tasks():
        assert matching.best(task, AT, 20) == matching.best(task, AT, 20)


def test_somebody_with_many_offers_takes_one_place(world: World) -> None:
    eager, other = world.volunteer(), world.volunteer()
    for _more in range(9):
        world.offer(eager.volunteer)
    _visit, need = world.ask()
    task = need.tasks.get()

    found = matching.best(task, AT, 2)

    assert {match.volunteer_id for match in found} == {eager.volunteer.pk, other.volunteer.pk}
    assert [m.volunteer_id for m in matching.best(task, AT, 2, but_not=[eager.volunteer.pk])] == [
        other.volunteer.pk
    ]


def test_the_board_shows_what_a_plain_search_finds(town: Town) -> None:
    naive = Naive(AT)

    for volunteer in town.volunteers:
        board = matching.board(volunteer, AT)
        shown = [(match.task_id, match.offer_id, match.km, match.score) for match in board]
        assert shown == naive.board(volunteer)


def test_a_volunteer_sees_a_need_exactly_if_they_would_be_asked(town: Town) -> None:
    for task in town.tasks():
        asked = {match.volunteer_id for match in matching.best(task, AT, 100)}
        seen = {v.pk for v in town.volunteers if task.pk in _tasks(matching.on_need(v, task.need_id, AT))}
        on_board = {v.pk for v in town.volunteers if task.pk in _tasks(matching.board(v, AT))}
        assert asked == seen == on_board


def _tasks(matches: list[matching.Match]) -> set[uuid.UUID]:
    return {match.task_id for match in matches}


def test_why_nobody_counts_who_would_fit_if_one_thing_were_given_up(town: Town) -> None:
    naive = Naive(AT)

    for need in town.needs:
        counted = {row.condition: row.would_fit for row in matching.why_nobody(need, AT)}
        expected = naive.why_nobody(need)
        assert counted == {name: expected.get(name, 0) for name in counted}
        assert set(expected) <= set(counted)


@pytest.mark.parametrize(
    ("unlike", "condition"),
    [
        ({"people": 5}, "capacity"),
        ({"conditions": conditions.bits(["wheelchair"])}, "conditions"),
        ({"languages": languages.bits(["ase"]), "languages_hard": True}, "language"),
        ({"kind": "stay"}, "kind"),
    ],
)
def test_the_one_thing_in_the_way_is_named_first(
    world: World, unlike: dict[str, int], condition: str
) -> None:
    world.volunteer(kinds=["ride"], capacity=4)
    _visit, need = world.ask(**unlike)
    assert matching.best(need.tasks.get(), AT, 20) == []

    assert matching.why_nobody(need, AT)[0] == matching.Nobody(condition, 1)


SMOKE_FREE, FRENCH = conditions.bits(["smoke_free"]), languages.bits(["fr"])


@pytest.mark.parametrize(
    ("lack", "change"),
    [
        ({"weekly": 0}, lambda offer: offer.set_day(TOMORROW, 15, AT)),
        ({"weekly": 0}, lambda offer: _rewrite(offer, weekly=ALL_WEEK)),
        ({"capacity": 1}, lambda offer: _rewrite(offer, capacity=4)),
        ({"conditions": 0}, lambda offer: _rewrite(offer, conditions=SMOKE_FREE)),
        ({"reach_km": 5}, lambda offer: _rewrite(offer, reach_km=60)),
        ({"active": False}, lambda offer: offer.set_active(AT, active=True)),
        ({"languages": 0}, lambda offer: offer.volunteer.describe(AT, languages=FRENCH)),
    ],
    ids=["a day", "a week", "more seats", "a condition", "further", "again", "a language"],
)
def test_who_could_not_come_is_found_once_they_can(
    world: World, lack: dict[str, int], change: Callable[[Offer], object]
) -> None:
    """Whole areas are left out by what their offers could meet at most: that follows each change."""
    home = Area.objects.add(name="There", lat=48.0, lon=11.0)
    person, lack = world.volunteer(offers=False), dict(lack)
    person.volunteer.describe(AT, languages=lack.pop("languages", FRENCH))
    offer = {"home_area": home, "reach_km": 60, "capacity": 4, "conditions": SMOKE_FREE} | lack
    made = world.offer(person.volunteer, **offer)
    _visit, need = world.ask(
        area=Area.objects.add(name="Nearby", lat=48.0, lon=11.5),
        people=4,
        conditions=SMOKE_FREE,
        languages=FRENCH,
        languages_hard=True,
    )
    assert matching.best(need.tasks.get(), AT, 20) == []

    change(Offer.objects.select_related("volunteer").get(pk=made.pk))

    assert [match.offer_id for match in matching.best(need.tasks.get(), AT, 20)] == [made.pk]


def _rewrite(offer: Offer, **values: object) -> None:
    for name, value in values.items():
        setattr(offer, name, value)
    offer.write(AT, [])


def test_asking_for_the_best_takes_three_queries_at_most(town: Town) -> None:
    for task in Task.objects.filter(need__in=town.needs):
        with CaptureQueriesContext(connection) as queries:
            matching.best(task, AT, 20)
        assert len(queries) <= 3


def test_what_left_no_longer_counts_once_all_is_counted_anew(world: World) -> None:
    ben = world.volunteer(capacity=9)
    ben.volunteer.offers.get().remove()
    world.volunteer(capacity=2)

    OfferPlace.objects.tighten_supply()

    _visit, need = world.ask(people=2)
    assert len(matching.best(need.tasks.get(), AT, 20)) == 1
