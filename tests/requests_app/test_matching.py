"""Matching finds exactly those who fit, in the order it promises, on whichever database the tests run."""

import uuid
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from organisation import conditions, languages
from organisation.models import Area, Organisation
from requests_app import matching
from requests_app.models import Task
from tests.requests_app import towns
from tests.requests_app.naive import Naive
from tests.requests_app.towns import Town
from tests.requests_app.world import TODAY, TOMORROW, World, day, only_task, take
from tests.volunteers.people import AT
from volunteers.models import Offer, OfferPlace, Volunteer
from volunteers.nights import packed
from volunteers.week import ALL_WEEK


@pytest.fixture(params=["a dull town", "a village", "harbour and hills"])
def town(world: World, request: pytest.FixtureRequest) -> Town:
    return towns.build(world, request.param)


def _told(matches: list[matching.Match]) -> list[tuple[uuid.UUID, uuid.UUID, int, int]]:
    return [(match.volunteer_id, match.offer_id, match.km, match.score) for match in matches]


def test_the_best_are_those_that_a_plain_search_finds(town: Town) -> None:
    naive = Naive(AT)

    found = {task.pk: _told(matching.best(task, AT, 100)) for task in town.tasks()}

    assert found == {task.pk: naive.best(task, 100, 200) for task in town.tasks()}
    assert any(found.values())


def test_only_the_nearest_are_compared(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "FEWEST_ROWS", 1)
    naive = Naive(AT)

    found = {task.pk: _told(matching.best(task, AT, 1)) for task in town.tasks()}

    assert found == {task.pk: naive.best(task, 1, 3) for task in town.tasks()}


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
    Volunteer.objects.update(is_partner=False, asked_today=0)
    Offer.objects.reindex_all(AT)
    # One that somebody comes for already is on nobody's board.
    for task in (task for task in town.tasks() if task.status != "approved"):
        asked = {match.volunteer_id for match in matching.best(task, AT, 100)}
        seen = {v.pk for v in town.volunteers if task.pk in _tasks(matching.on_need(v, task.need_id, AT))}
        on_board = {v.pk for v in town.volunteers if task.pk in _tasks(matching.board(v, AT))}
        assert asked == seen == on_board


def _tasks(matches: list[matching.Match]) -> set[uuid.UUID]:
    return {match.task_id for match in matches}


def test_why_nobody_counts_who_would_fit_if_one_thing_were_given_up(town: Town) -> None:
    naive = Naive(AT)

    for task in town.tasks():
        counted = {row.condition: row.would_fit for row in matching.why_nobody(task, AT)}
        expected = naive.why_nobody(task)
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

    assert matching.why_nobody(need.tasks.get(), AT)[0] == matching.Nobody(condition, 1)


@pytest.mark.parametrize(
    ("unlike", "condition"),
    [
        ({"nights": 3}, "most_nights"),
        ({"day": TODAY}, "notice"),
        ({"parts": 8}, "arrival"),
        ({"people": 3}, "nights"),
        ({"day": TODAY + timedelta(days=6)}, "nights"),
        ({"day": TODAY + timedelta(days=5)}, "rest"),
    ],
)
def test_what_keeps_a_host_from_a_stay_is_named_first(
    world: World, unlike: dict[str, Any], condition: str
) -> None:
    """Two beds, both taken in six nights; a day to rest, a day's notice, two nights at most, until ten."""
    limits = {"most_nights": 2, "arrivals": 7, "notice_hours": 24, "beds_week": packed([2] * 7)}
    host = world.volunteer(kinds=["stay"], capacity=4, **limits)
    host.volunteer.describe(AT, rest_days=1)
    take(host, only_task(world.ask(kind="stay", day=TODAY + timedelta(days=6), people=2)[1]))
    assert len(matching.best(only_task(world.ask(kind="stay")[1]), AT, 20)) == 1

    _visit, need = world.ask(kind="stay", **unlike)

    assert matching.best(need.tasks.get(), AT, 20) == []
    assert matching.why_nobody(need.tasks.get(), AT)[0] == matching.Nobody(condition, 1)


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
    ben.volunteer.offers.get().remove(AT)
    world.volunteer(capacity=2)

    OfferPlace.objects.tighten_supply()

    _visit, need = world.ask(people=2)
    assert len(matching.best(need.tasks.get(), AT, 20)) == 1


def test_whoever_rests_between_two_stays_is_asked_again_when_the_rest_is_over(world: World) -> None:
    host = world.volunteer(kinds=["stay"], capacity=2)
    host.volunteer.describe(AT, rest_days=2)
    take(host, only_task(world.ask(kind="stay", day=day(5), nights=2)[1]))

    asked = {
        first: bool(matching.best(only_task(world.ask(kind="stay", day=day(first), nights=1)[1]), AT, 20))
        for first in range(1, 11)
    }

    # Two nights before and after nobody comes; at the same time there is a second bed.
    assert asked == {
        1: True,
        2: True,
        3: False,
        4: False,
        5: True,
        6: True,
        7: False,
        8: False,
        9: True,
        10: True,
    }


@pytest.mark.parametrize("said", [None, TODAY - timedelta(days=365)])
def test_an_organisation_may_require_that_all_adults_in_the_home_agree(
    world: World, said: date | None
) -> None:
    host = world.volunteer(kinds=["ride", "stay"], adults_agreed_on=said)
    stay, ride = (only_task(world.ask(kind=kind)[1]) for kind in ("stay", "ride"))
    assert len(matching.best(stay, AT, 20)) == 1

    Organisation.objects.current().change(household_must_agree=True)

    assert (len(matching.best(stay, AT, 20)), len(matching.best(ride, AT, 20))) == (0, 1)
    assert matching.why_nobody(stay, AT)[0] == matching.Nobody("household", 1)
    host.volunteer.offers.get().say_adults_agree(AT)
    assert len(matching.best(stay, AT, 20)) == 1
