"""Trust at one moment: two who confirm, a claim while a check runs out, a vouch while the last one goes."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest

from organisation import checks
from privacy import clock
from requests_app import standing
from requests_app.models import Claim, Task
from requests_app.models.claim_queryset import HOLDING
from requests_app.visits import Visit
from tests.requests_app.test_races import at_once, claim, kinds_of
from tests.requests_app.world import TODAY, World, day, only_task, say_yes, take
from tests.volunteers import people
from tests.volunteers.people import AT
from volunteers.models import Agreement, Check, Volunteer, Vouch

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

ROUNDS = 4
YEAR = timedelta(days=365)


def _confirm(check: Check, who: Volunteer) -> Callable[[], object]:
    """As the request of that coordinator does it: with a row of its own."""
    return lambda: Check.objects.get(pk=check.pk).confirm(who, AT)


def test_of_two_who_confirm_at_once_one_is_the_second_person(world: World) -> None:
    ben = world.volunteer("Ben")
    cleo, dee = (people.coordinator(world.coordinator, name).volunteer for name in ("Cleo", "Dee"))
    for _round in range(ROUNDS):
        Check.objects.all().delete()
        by = world.coordinator.volunteer
        check = Check.objects.tick(ben.volunteer, checks.ALL["home-visit"], by, TODAY, AT)
        outcomes = kinds_of(at_once([_confirm(check, who) for who in (cleo, dee, cleo, dee)]))
        assert outcomes["NoneType"] == 1
        assert outcomes.keys() <= {"NoneType", "SomebodyWasFaster", "MoveRefused"}
        assert (Check.objects.get().status, Check.objects.get().second_by_id in (cleo.pk, dee.pk)) == (
            "done",
            True,
        )


def test_two_who_tick_at_once_leave_one_row(world: World) -> None:
    ben, cleo = world.volunteer("Ben").volunteer, people.coordinator(world.coordinator).volunteer
    for item in ("licence", "home-visit"):
        ticks = [
            lambda who=who, item=item: Check.objects.tick(ben, checks.ALL[item], who, TODAY, AT)
            for who in (cleo, world.coordinator.volunteer) * 2
        ]
        outcomes = kinds_of(at_once(ticks))
        assert outcomes.keys() <= {"Check", "SomebodyWasFaster"}
        assert Check.objects.filter(item=item).count() == 1


def test_nothing_is_taken_that_a_check_running_out_does_not_free_again(world: World) -> None:
    """Whoever read the time before it ran out is refused after, or freed by the broom: never left with it."""
    ben = world.volunteer("Ben")
    over = clock.day_end(TODAY)
    for _round in range(ROUNDS):
        Claim.objects.all().delete()
        Check.objects.all().delete()
        by, done = world.coordinator.volunteer, TODAY + timedelta(days=1) - YEAR
        check = Check.objects.tick(ben.volunteer, checks.ALL["licence"], by, done, AT)
        needs = [world.ask(day=day(5), looks_again_at=AT + timedelta(days=3))[1] for _need in range(3)]
        a_moment_before = over - timedelta(seconds=1)
        works = [claim(only_task(need), ben.volunteer, a_moment_before) for need in needs]
        outcomes = kinds_of(at_once([*works, partial(standing.look_at_check, check, over)]))
        assert outcomes.keys() <= {"Claim", "NotChecked", "NoneType"}
        assert not Claim.objects.filter(status__in=HOLDING).exists()
        assert Check.objects.get().status == "expired"


def test_somebody_new_never_stays_alone_whoever_was_faster(world: World) -> None:
    ben, dee = world.volunteer("Ben"), world.volunteer("Dee")
    standing.begin_probation(ben.volunteer, AT)
    for _round in range(ROUNDS):
        visit, need = world.ask(
            kind="accompaniment", day=day(3), answers={"companions": "two", "backup": "no"}
        )
        first, second = need.tasks.order_by("role")
        hers = say_yes(visit, take(dee, first))
        works = [claim(second, ben.volunteer), lambda hers=hers: hers.release(AT)]
        outcomes = kinds_of(at_once(works))
        assert outcomes.keys() <= {"Claim", "NotAlone", "NoneType"}
        assert set(Task.objects.filter(need=need).values_list("status", flat=True)) == {"open"}


def test_a_backup_who_is_new_from_this_moment_on_is_not_sent_alone_whoever_was_faster(world: World) -> None:
    dee = world.volunteer("Dee")
    answers = {"companions": "one", "backup": "yes", "setting": "clinic"}
    for _round in range(ROUNDS):
        ben = world.volunteer("Ben")
        visit, need = world.ask(kind="accompaniment", day=day(3), answers=answers)
        backup, companion = need.tasks.order_by("role")
        hers = say_yes(visit, take(dee, companion))
        his = say_yes(visit, take(ben, backup))
        works = [
            lambda pk=ben.volunteer.pk: standing.begin_probation(Volunteer.objects.get(pk=pk), AT),
            lambda hers=hers: hers.release(AT),
            partial(_send, his.pk, companion.pk, visit),
        ]
        outcomes = kinds_of(at_once(works))
        assert outcomes.keys() <= {"NoneType", "NotAlone", "SomebodyWasFaster", "MoveRefused"}
        assert {claim.status for claim in need.claims.filter(volunteer=ben.volunteer)} == {"released"}
        assert not need.claims.filter(volunteer=dee.volunteer, status__in=HOLDING).exists()


def _send(claim_id: object, task_id: object, visit: Visit) -> None:
    """She takes the backup, in a window of her own."""
    claim = Claim.objects.on_needs_of(visit.mailbox).get(pk=claim_id)
    claim.promote(visit.unlocked, Task.objects.get(pk=task_id), AT)


def test_a_vouch_given_while_the_last_one_goes_is_not_lost(world: World) -> None:
    cleo = people.coordinator(world.coordinator).volunteer
    ben = world.volunteer("Ben").volunteer
    ana = world.coordinator.volunteer
    for _round in range(ROUNDS):
        Vouch.objects.filter(volunteer=ben).delete()
        ben.vouch(ana, AT, Vouch.Context.MET)
        works = [
            lambda: standing.take_back_vouch(Volunteer.objects.get(pk=ben.pk), ana, AT),
            lambda: Volunteer.objects.get(pk=ben.pk).vouch(cleo, AT, Vouch.Context.KNOWN),
        ]
        assert Counter(map(type, at_once(works))).keys() <= {bool, type(None)}
        assert [vouch.by_id for vouch in Vouch.objects.filter(volunteer=ben)] == [cleo.pk]
        assert Volunteer.objects.get(pk=ben.pk).is_let_in


def test_two_who_change_the_words_at_once_make_two_versions(world: World) -> None:
    works = [
        lambda n=n: Agreement.objects.write("do-not-ask-why", "We do not ask", f"Words {n}.", AT)
        for n in range(2)
    ]
    assert kinds_of(at_once(works)) == Counter({"Agreement": 2})
    assert sorted(Agreement.objects.values_list("version", flat=True)) == [2, 3]
