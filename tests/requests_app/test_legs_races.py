"""Legs at one moment: two who want the same, and a car that breaks down while something else happens."""

from collections import Counter

import pytest

from privacy.states import SomebodyWasFaster
from requests_app import rings
from requests_app.models import Claim, Need, Task
from requests_app.models.claim_queryset import HOLDING
from requests_app.visits import Visit
from tests.invariants import ask_django
from tests.requests_app.test_legs import TIMES, TRIP, leg, statuses
from tests.requests_app.test_races import POLITE, Work, approve, at_once, claim, crowd, hold, kinds_of
from tests.requests_app.world import World, say_yes
from tests.volunteers.people import AT
from volunteers.models import Volunteer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

ROUNDS = 6


def break_down(by: Volunteer, need: Need) -> Work:
    def work() -> object:
        own = Claim.objects.on_need(by, need.pk, AT)
        if own is None:
            raise SomebodyWasFaster
        return own.cannot_go_on(AT)

    return work


def finish(mine: Claim) -> Work:
    return lambda: Claim.objects.select_related("task", "need", "volunteer").get(pk=mine.pk).finish(AT)


def withdraw(need: Need) -> Work:
    return lambda: Need.objects.get(pk=need.pk).withdraw(AT)


def trip(world: World) -> tuple[Visit, Need]:
    return world.ask(answers=TRIP, **TIMES)


def rude(outcomes: list[object]) -> list[object]:
    return [each for each in outcomes if isinstance(each, Exception) and not isinstance(each, POLITE)]


def test_two_drivers_who_take_the_same_leg_and_each_gets_one_or_none(world: World) -> None:
    _visit, need = trip(world)
    drivers = crowd(world, 12)
    works = [claim(leg(need, role), driver) for driver in drivers for role in ("there", "back")]

    outcomes = at_once(works)

    assert kinds_of(outcomes) == Counter(Claim=2, SomebodyWasFaster=22)
    assert statuses(need) == {"there": "held", "back": "held", "onward": "open"}
    assert ask_django().broken() == {}


def test_a_car_breaks_down_while_she_says_yes(world: World) -> None:
    (ben,) = crowd(world, 1)
    for _round in range(ROUNDS):
        visit, need = trip(world)
        back, onward = (hold(ben, leg(need, role)) for role in ("back", "onward"))
        say_yes(visit, onward)

        outcomes = at_once([approve(visit, back), break_down(ben, need)])

        assert rude(outcomes) == []
        assert not Claim.objects.filter(need=need, status__in=HOLDING).exists()
        assert statuses(need) == {"there": "open", "back": "open", "onward": "open"}
        urgent = set(Task.objects.filter(need=need, urgent=True).values_list("role", flat=True))
        assert urgent == {"back", "onward"}
        assert ask_django().broken() == {}


def test_a_button_pressed_many_times_gives_back_once(world: World) -> None:
    visit, need = trip(world)
    (ben,) = crowd(world, 1)
    for role in ("back", "onward"):
        say_yes(visit, hold(ben, leg(need, role)))

    outcomes = at_once([break_down(ben, need)] * 8)

    assert kinds_of(outcomes) == Counter(NoneType=1, SomebodyWasFaster=7)
    assert Claim.objects.filter(need=need, status="released").count() == 2
    assert ask_django().broken() == {}


def test_a_car_breaks_down_while_the_leg_is_done_or_the_need_taken_back(world: World) -> None:
    (ben,) = crowd(world, 1)
    for _round in range(ROUNDS):
        visit, need = trip(world)
        there, back = (say_yes(visit, hold(ben, leg(need, role))) for role in ("there", "back"))

        outcomes = at_once([finish(there), break_down(ben, need)])

        assert rude(outcomes) == []
        assert statuses(need)["there"] in ("done", "open")
        assert (statuses(need)["back"], Claim.objects.get(pk=back.pk).status) == ("open", "released")
        withdrawn = at_once(
            [lambda gone=need: Need.objects.get(pk=gone.pk).withdraw(AT), break_down(ben, need)]
        )
        assert rude(withdrawn) == []
        assert set(statuses(need).values()) <= {"done", "closed"}
        assert ask_django().broken() == {}


def test_two_workers_ask_about_a_lost_leg_and_nobody_is_asked_twice(world: World) -> None:
    visit, need = trip(world)
    ben, *others = crowd(world, 9)
    say_yes(visit, hold(ben, leg(need, "back")))
    break_down(ben, need)()

    outcomes = at_once([lambda: rings.ask_next(leg(need, "back"), AT)] * 4)

    assert rude(outcomes) == []
    asked = list(leg(need, "back").proposals.filter(outcome="asked").values_list("volunteer", flat=True))
    assert sorted(asked) == sorted(other.pk for other in others)
