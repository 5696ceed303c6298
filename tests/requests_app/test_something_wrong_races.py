"""Something was wrong, said while everything else happens: whoever is held back holds nothing afterwards."""

from functools import partial
from uuid import uuid4

import pytest

from privacy.keyring import keyring
from requests_app import wrong
from requests_app.models import Claim, Need, NotForYou, Report, Task
from requests_app.models.claim_queryset import LIVE
from tests.requests_app.test_races import POLITE, ROUNDS, Work, at_once
from tests.requests_app.test_something_wrong import about, about_asker, now, said, three
from tests.requests_app.world import World, only_task, say_yes, take
from tests.volunteers.people import AT, Person

__all__ = ["three"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


def claims(person: Person, need: Need) -> Work:
    task = Task.objects.select_related("need").get(need=need)
    return partial(task.claim, person.volunteer, person.volunteer.offers.get(), AT)


def reports(claim: Claim, choice: str = "know") -> Work:
    return partial(wrong.about_volunteer, claim, said(choice), uuid4(), AT)


def impolite(outcomes: list[object]) -> list[object]:
    """Errors that nobody is to be shown."""
    return [
        one for one in outcomes if isinstance(one, Exception) and not isinstance(one, (*POLITE, NotForYou))
    ]


def test_whoever_is_reported_while_they_take_more_holds_nothing_afterwards(
    world: World, three: list[Person]
) -> None:
    for _round in range(ROUNDS):
        ben = world.volunteer()
        needs = [world.ask()[1] for _need in range(4)]
        claim = take(ben, only_task(needs[0]))
        outcomes = at_once([reports(claim), *(claims(ben, need) for need in needs[1:])])
        assert (impolite(outcomes), outcomes[0]) == ([], None)
        assert now(ben).held_back
        assert not Claim.objects.filter(volunteer=ben.volunteer, status__in=LIVE).exists()


def test_a_yes_at_that_moment_is_one_the_two_see_or_none(world: World, three: list[Person]) -> None:
    for _round in range(ROUNDS):
        ben = world.volunteer()
        _visit, need = world.ask()
        claim = take(ben, only_task(need))
        elsewhere, other = world.ask()
        promised = take(ben, only_task(other))
        outcomes = at_once([reports(claim), partial(say_yes, elsewhere, promised)])
        assert (impolite(outcomes), outcomes[0]) == ([], None)
        report = Report.objects.get(about=ben.volunteer)
        live = list(Claim.objects.filter(volunteer=ben.volunteer, status__in=LIVE))
        assert live == wrong.to_come(report, AT)


def test_whoever_asked_and_is_reported_while_somebody_takes_it_has_nobody_afterwards(
    world: World, three: list[Person]
) -> None:
    ben, cleo = world.volunteer(), world.volunteer()
    for _round in range(ROUNDS):
        visit, need = world.ask()
        needs = [need, *(world.ask(visit)[1] for _more in range(2))]
        take(ben, only_task(need))
        says = partial(wrong.about_asker, ben.volunteer, need, said("stop"), uuid4(), AT)
        outcomes = at_once([says, *(claims(cleo, one) for one in needs[1:])])
        assert (impolite(outcomes), outcomes[0]) == ([], None)
        assert not Claim.objects.filter(need__in=needs, status__in=LIVE).exists()
        assert need.is_held_back()


def test_many_reports_and_decisions_at_once_hold_back_exactly_while_one_is_open(
    world: World, three: list[Person]
) -> None:
    for _round in range(ROUNDS):
        ben, cleo = world.volunteer(), world.volunteer()
        visit, need = world.ask()
        first = about(take(ben, only_task(need)))
        _visit, more = world.ask()
        hers = about_asker(cleo, more)
        again = Claim(need=need, volunteer=ben.volunteer)
        outcomes = at_once(
            [
                partial(wrong.go_on, first, AT),
                partial(wrong.go_on, Report.objects.get(pk=first.pk), AT),
                reports(again),
                partial(wrong.go_on, hers, AT),
                partial(wrong.about_asker, cleo.volunteer, more, said(), uuid4(), AT),
            ]
        )
        assert impolite(outcomes) == []
        assert now(ben).held_back is Report.objects.about_person(ben.volunteer).exists() is True
        assert more.is_held_back() is Report.objects.about_asker(more.mailbox).exists() is True
        for report in Report.objects.all():
            wrong.go_on(report, AT)
        assert (now(ben).held_back, more.is_held_back(), Report.objects.count()) == (False, False, 0)
        assert visit.mailbox.pk


def test_the_same_form_sent_by_several_at_once_is_one_report_and_leaves_no_key_over(
    world: World, three: list[Person]
) -> None:
    for _round in range(ROUNDS):
        before = {orphan.number for orphan in keyring().unowned([])}
        _visit, need = world.ask()
        claim, once = take(world.volunteer(), only_task(need)), uuid4()
        outcomes = at_once([partial(wrong.about_volunteer, claim, said(), once, AT) for _many in range(4)])
        assert outcomes == [None] * 4
        report = Report.objects.get(pk=Report.id_of(once))
        after = {orphan.number for orphan in keyring().unowned([])} - before
        assert after == {need.slot_number, claim.slot_number, report.slot_number}
