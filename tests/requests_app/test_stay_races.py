"""More nights, moving on and leaving at the same moment: all of one, or all of the other."""

from collections.abc import Callable

import pytest

from privacy.states import MoveRefused, SomebodyWasFaster
from requests_app.models import BedNight, Extension, Need, NotNow, Task
from requests_app.models.extension import ASKER, AT_DESK, HOST
from tests.invariants import ask_django
from tests.requests_app.test_races import ROUNDS, Work, at_once
from tests.requests_app.test_stay import a_stay, again, beds, fresh, moment
from tests.requests_app.world import World, day, only_task
from volunteers.models import Offer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

AT = moment(1, 9)
POLITE = (SomebodyWasFaster, MoveRefused, NotNow)


def yes(extension: Extension, side: str) -> Work:
    return lambda: fresh(extension).agree(side, AT)


def no(extension: Extension) -> Work:
    return lambda: fresh(extension).refuse(AT)


def polite(outcomes: list[object]) -> bool:
    return all(outcome is None or isinstance(outcome, POLITE) for outcome in outcomes)


def test_two_yeses_at_the_same_moment_book_the_beds_once(world: World) -> None:
    for _round in range(ROUNDS):
        _visit, claim = a_stay(world, world.volunteer())
        extension = Extension.objects.ask(claim, 2, ASKER, AT)

        outcomes = at_once([yes(extension, HOST), yes(extension, AT_DESK), yes(extension, AT_DESK)])

        assert polite(outcomes)
        assert (fresh(extension).status, again(claim).need.nights) == ("agreed", 5)
        assert beds(claim) == [day(n) for n in range(5)]
    assert ask_django().broken() == {}


def test_a_last_yes_and_a_no_at_the_same_moment_are_one_of_the_two(world: World) -> None:
    for _round in range(ROUNDS):
        _visit, claim = a_stay(world, world.volunteer())
        extension = Extension.objects.ask(claim, 2, ASKER, AT)
        fresh(extension).agree(HOST, AT)

        outcomes = at_once([yes(extension, AT_DESK), no(extension)])

        assert [outcome is None for outcome in outcomes].count(True) == 1
        nights = {"agreed": 5, "refused": 3}[fresh(extension).status]
        assert (again(claim).need.nights, len(beds(claim))) == (nights, nights)
    assert ask_django().broken() == {}


def _claims(task: Task, offer: Offer) -> Work:
    return lambda: Task.objects.get(pk=task.pk).claim(offer.volunteer, offer, AT, "The bench by the pond")


def test_the_last_bed_goes_to_one_of_the_two(world: World) -> None:
    for _round in range(ROUNDS):
        ben = world.volunteer(capacity=1)
        _visit, claim = a_stay(world, ben)
        extension = Extension.objects.ask(claim, 2, ASKER, AT)
        fresh(extension).agree(HOST, AT)
        _other, need = world.ask(kind="stay", day=day(4), nights=1)

        at_once([yes(extension, AT_DESK), _claims(only_task(need), ben.volunteer.offers.get())])

        row, held = fresh(extension), Task.objects.get(need=need).status == "held"
        assert (row.status, row.no_bed, held) in (("agreed", False, False), ("refused", True, True))
        assert BedNight.objects.filter(offer__volunteer=ben.volunteer, night=day(4)).count() == 1
    assert ask_django().broken() == {}


@pytest.mark.parametrize(
    "ends",
    [
        lambda claim: claim.release(AT),
        lambda claim: claim.move_on(AT),
        lambda claim: claim.move_on(AT, elsewhere=True),
        lambda claim: claim.need.withdraw(AT),
    ],
    ids=["release", "move on", "elsewhere", "withdraw"],
)
def test_a_last_yes_while_the_stay_ends_leaves_no_bed_behind(world: World, ends: Callable[..., None]) -> None:
    for _round in range(ROUNDS // 2):
        _visit, claim = a_stay(world, world.volunteer())
        extension = Extension.objects.ask(claim, 2, ASKER, AT)
        fresh(extension).agree(HOST, AT)

        outcomes = at_once([yes(extension, AT_DESK), lambda claim=claim: ends(again(claim))])  # type: ignore[misc]

        assert polite(outcomes)
        assert (beds(claim), fresh(extension).status in ("agreed", "dropped")) == ([], True)
    assert ask_django().broken() == {}


def test_she_moves_on_while_the_host_leaves_and_the_rest_is_asked_for_once(world: World) -> None:
    for _round in range(ROUNDS):
        _visit, claim = a_stay(world, world.volunteer(), 5)
        works: list[Work] = [
            lambda claim=claim: again(claim).move_on(AT, elsewhere=True),  # type: ignore[misc]
            lambda claim=claim: again(claim).release(AT),  # type: ignore[misc]
        ]

        outcomes = at_once(works)

        assert polite(outcomes)
        need = Need.objects.get(pk=claim.need_id)
        assert (need.status, need.day, need.nights, beds(claim)) == ("open", day(1), 4, [])
    assert ask_django().broken() == {}
