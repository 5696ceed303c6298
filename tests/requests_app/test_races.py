"""Many at the same moment, each with a connection of their own: one task, one volunteer, whatever happens.

The suite runs on SQLite and again on PostgreSQL (TEST_DATABASE), so each of these runs on both.
"""

import copy
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from privacy.crypto import Unreadable
from privacy.keyring import keyring
from privacy.models import Compartment
from privacy.states import MoveRefused, SomebodyWasFaster
from requests_app import rings, standing
from requests_app.models import BedNight, Claim, Need, NotNow, Task, TooLate
from requests_app.models.claim_queryset import HOLDING, LIVE
from requests_app.visits import Visit
from tests.requests_app.world import World, claim_of, only_task, say_yes, take
from tests.volunteers.people import AT, Person
from volunteers.models import Volunteer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

CROWD = 100
ROUNDS = 6
SOON = timedelta(seconds=1)
# What somebody may be told who was not the fastest. Anything else is an error page.
POLITE = (SomebodyWasFaster, MoveRefused, NotNow, TooLate)

Work = Callable[[], object]


def at_once(works: Sequence[Work]) -> list[object]:
    """Do all of them at the same moment, each in a thread with a connection of its own.

    What each returned, or the exception it ended with.
    """
    outcomes: list[object] = [None] * len(works)
    gate = threading.Barrier(len(works))

    def do(place: int, work: Work) -> None:
        try:
            connection.ensure_connection()
            gate.wait()
            outcomes[place] = work()
        except Exception as error:
            outcomes[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=do, args=(place, work)) for place, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def kinds_of(outcomes: Sequence[object]) -> Counter[str]:
    return Counter(type(outcome).__name__ for outcome in outcomes)


def crowd(world: World, count: int) -> list[Volunteer]:
    """So many who are let in and offer everything; they share one key, which spares a minute of deriving."""
    first = world.volunteer("First", offers=False).volunteer
    people = []
    for number in range(count):
        person = copy.copy(first)
        person.id, person.username, person.handle = uuid.uuid4(), f"crowd-{number}", f"Volunteer {number}"
        person.set_public_key(bytes(first.public_key))
        people.append(person)
    Volunteer.objects.bulk_create(people)
    for person in people:
        world.offer(person)
    return people


def claim(task: Task, by: Volunteer, at: datetime = AT) -> Work:
    """That volunteer takes the task, as their own request would: with rows of its own."""

    def work() -> object:
        own = Task.objects.select_related("need").get(pk=task.pk)
        return own.claim(by, by.offers.get(), at, "The bench by the pond")

    return work


def stand_by(task: Task, by: Volunteer) -> Work:
    def work() -> object:
        own = Task.objects.select_related("need").get(pk=task.pk)
        return own.stand_by(by, by.offers.get(), AT, "The bench by the pond")

    return work


def fresh(need: Need) -> Need:
    return Need.objects.select_related("mailbox").get(pk=need.pk)


def approve(visit: Visit, mine: Claim, at: datetime = AT, place: str = "Under the clock") -> Work:
    """She says yes in one of her windows."""

    def work() -> object:
        own = Claim.objects.on_needs_of(visit.mailbox).get(pk=mine.pk)
        return own.approve(visit.unlocked, own.key_fingerprint(), at, place)

    return work


def hold(by: Person | Volunteer, task: Task) -> Claim:
    """A hold on the task, alone and in peace."""
    volunteer = by.volunteer if isinstance(by, Person) else by
    claim(task, volunteer)()
    return Claim.objects.select_related("task", "need").get(task=task, volunteer=volunteer, status__in=LIVE)


# --- What is true afterwards, whoever was faster --------------------------------------------------


def nothing_is_broken() -> None:
    """The promises about claims, task by task, as the database has them."""
    for task in Task.objects.select_related("need"):
        claims = list(task.claims.select_related("volunteer"))
        holding = [claim.status for claim in claims if claim.status in HOLDING]
        live = [claim for claim in claims if claim.status in LIVE]
        assert len(holding) <= 1
        assert not [claim for claim in live if not claim.volunteer.is_active]
        if task.need.status == "open":
            assert holding == ([task.status] if task.status in HOLDING else []), task.status
        else:
            assert live == []
            assert task.status in ("done", "closed")
        for claim_ in claims:
            slot_is_there(claim_.slot_number, claim_.slot_owner, expected=claim_ in live)
    for need in Need.objects.all():
        slot_is_there(need.slot_number, need.slot_owner, expected=need.status == "open")
    no_slot_without_a_row()
    no_bed_twice()
    no_compartment_of_the_dead()


def slot_is_there(number: int, owner: str, *, expected: bool) -> None:
    try:
        keyring().read(number, owner)
        there = True
    except Unreadable:
        there = False
    assert there == expected, owner


def no_slot_without_a_row() -> None:
    """Whoever was told "somebody was faster" leaves no key behind."""
    owners = [claim.slot_owner for claim in Claim.objects.all()] + [
        need.slot_owner for need in Need.objects.all()
    ]
    assert keyring().unowned(owners) == []


def no_bed_twice() -> None:
    for night in BedNight.objects.select_related("claim", "offer"):
        assert night.claim.status in HOLDING
        assert night.bed < night.offer.capacity


def no_compartment_of_the_dead() -> None:
    living = {c.slot_owner for c in Claim.objects.filter(status__in=LIVE)}
    living |= {n.slot_owner for n in Need.objects.filter(status="open")}
    assert set(Compartment.objects.values_list("slot_owner", flat=True)) <= living


@pytest.fixture(autouse=True)
def _only_slots_of_this_test(world: World) -> None:
    """Slots that other tests left behind are not this test's."""
    keyring().reclaim(keyring().unowned([]))


# --- A hundred at once ----------------------------------------------------------------------------


def test_of_a_hundred_at_once_one_holds_it_and_all_others_can_stand_by(world: World) -> None:
    _visit, need = world.ask()
    task, people = only_task(need), crowd(world, CROWD)
    outcomes = at_once([claim(task, person) for person in people])
    assert kinds_of(outcomes) == {"Claim": 1, "SomebodyWasFaster": CROWD - 1}
    nothing_is_broken()

    late = [p for p, outcome in zip(people, outcomes, strict=True) if isinstance(outcome, SomebodyWasFaster)]
    assert kinds_of(at_once([stand_by(task, person) for person in late])) == {"Claim": CROWD - 1}
    nothing_is_broken()
    lines = sorted(Claim.objects.values_list("place_in_line", flat=True))
    assert (lines, Claim.objects.filter(status="standby").count()) == (list(range(1, CROWD + 1)), CROWD - 1)


def test_the_first_who_takes_it_is_one_also_of_a_hundred(world: World) -> None:
    _visit, need = world.ask(decides="first")
    task = only_task(need)
    outcomes = at_once([claim(task, person) for person in crowd(world, CROWD)])
    assert kinds_of(outcomes) == {"Claim": 1, "SomebodyWasFaster": CROWD - 1}
    assert list(Claim.objects.values_list("status", flat=True)) == ["approved"]
    nothing_is_broken()


@pytest.mark.parametrize("status", HOLDING)
@pytest.mark.parametrize("other", HOLDING)
def test_the_database_refuses_a_second_live_claim_whatever_the_code_does(
    world: World, status: str, other: str
) -> None:
    _visit, need = world.ask()
    held = hold(world.volunteer(), only_task(need))
    Claim.objects.filter(pk=held.pk).update(status=status)
    second = copy.copy(held)
    second.id, second.volunteer, second.status = uuid.uuid4(), world.volunteer().volunteer, other
    with pytest.raises(IntegrityError), transaction.atomic():
        second.save(force_insert=True)


def test_one_volunteer_who_presses_twice_has_one_claim(world: World) -> None:
    _visit, need = world.ask()
    task, ben = only_task(need), world.volunteer()
    outcomes = at_once([claim(task, ben.volunteer)] * 4 + [stand_by(task, ben.volunteer)] * 4)
    assert kinds_of(outcomes) == {"Claim": 1, "SomebodyWasFaster": 7}
    nothing_is_broken()


# --- A claim against the end ----------------------------------------------------------------------


def withdraw(visit: Visit, need: Need, people: list[Person]) -> Work:
    return lambda: fresh(need).withdraw(AT)


def erase(visit: Visit, need: Need, people: list[Person]) -> Work:
    return lambda: visit.mailbox.erase(AT)


def suspend(visit: Visit, need: Need, people: list[Person]) -> Work:
    return lambda: standing.suspend(Volunteer.objects.get(pk=people[0].volunteer.pk), AT)


def expire(visit: Visit, need: Need, people: list[Person]) -> Work:
    """The broom looks a moment after the volunteers' requests read the clock."""
    return lambda: fresh(need).expire(AT + SOON)


@pytest.mark.parametrize("ending", [withdraw, erase, suspend, expire])
def test_a_claim_at_the_moment_of_the_end_leaves_nothing_broken(
    world: World, ending: Callable[..., Work]
) -> None:
    people = [world.volunteer() for _ in range(3)]
    for number in range(ROUNDS):
        visit, need = world.ask(kind="stay" if number % 2 else "ride")
        Need.objects.filter(pk=need.pk).update(expires_at=AT + SOON)
        task = only_task(need)
        claims = [claim(task, person.volunteer) for person in people]
        outcomes = at_once([*claims, ending(visit, need, people), *claims])
        told = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        assert [error for error in told if not isinstance(error, POLITE)] == []
        nothing_is_broken()
        visit.mailbox.erase(AT)
        for person in people:
            person.volunteer.reinstate(AT)


@pytest.mark.parametrize("ending", [withdraw, erase, suspend, expire])
def test_her_yes_at_the_moment_of_the_end_leaves_nothing_broken(
    world: World, ending: Callable[..., Work]
) -> None:
    people = [world.volunteer() for _ in range(2)]
    for _number in range(ROUNDS):
        visit, need = world.ask()
        Need.objects.filter(pk=need.pk).update(expires_at=AT + SOON)
        held = hold(people[0], only_task(need))
        outcomes = at_once([approve(visit, held), ending(visit, need, people), approve(visit, held)])
        told = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        assert [error for error in told if not isinstance(error, (*POLITE, Claim.DoesNotExist))] == []
        nothing_is_broken()
        visit.mailbox.erase(AT)
        people[0].volunteer.reinstate(AT)


def test_a_claim_at_the_moment_a_hold_lapses_leaves_one_holder(world: World) -> None:
    first, second, third = (world.volunteer() for _ in range(3))
    for _number in range(ROUNDS):
        visit, need = world.ask()
        task = only_task(need)
        old = hold(first, task)
        after = old.held_until
        outcomes = at_once(
            [
                lambda old=old, at=after: Claim.objects.overdue(at).get(pk=old.pk).lapse(at),
                claim(task, second.volunteer, after),
                claim(task, third.volunteer, after),
                approve(visit, old, after),
            ]
        )
        assert isinstance(outcomes[3], (TooLate, SomebodyWasFaster, MoveRefused)), outcomes[3]
        assert kinds_of(outcomes[1:3]) == {"Claim": 1, "SomebodyWasFaster": 1}
        assert claim_of(first, task).status == "lapsed"
        nothing_is_broken()
        visit.mailbox.erase(AT)


def test_the_next_in_line_and_somebody_new_do_not_both_get_it(world: World) -> None:
    first, waiting, new = (world.volunteer() for _ in range(3))
    for _number in range(ROUNDS):
        visit, need = world.ask()
        task = only_task(need)
        held = hold(first, task)
        take(waiting, task, standing_by=True)
        at_once([lambda held=held: held.release(AT), claim(task, new.volunteer)])
        assert claim_of(waiting, task).status == "held"
        nothing_is_broken()
        visit.mailbox.erase(AT)


def test_the_broom_asks_the_next_ring_at_the_moment_somebody_takes_it(world: World) -> None:
    people = [world.volunteer() for _ in range(3)]
    for _number in range(ROUNDS):
        visit, need = world.ask()
        task = only_task(need)

        def ask_next(task: Task = task) -> None:
            rings.ask_next(Task.objects.select_related("need").get(pk=task.pk), AT)

        outcomes = at_once([ask_next, *(claim(task, person.volunteer) for person in people), ask_next])
        assert kinds_of(outcomes) == {"NoneType": 2, "Claim": 1, "SomebodyWasFaster": 2}, outcomes
        nothing_is_broken()
        visit.mailbox.erase(AT)


def test_it_is_done_at_the_moment_somebody_is_suspended(world: World) -> None:
    ben, other = world.volunteer(), world.volunteer()
    ben.volunteer.describe(AT, rest_days=2)
    for _number in range(ROUNDS):
        visit, need = world.ask()
        coming = say_yes(visit, hold(ben, only_task(need)), place="Here")
        own = Claim.objects.select_related("task", "need", "volunteer").get(pk=coming.pk)
        outcomes = at_once(
            [lambda own=own: own.finish(AT), suspend(visit, need, [ben]), claim(own.task, other.volunteer)]
        )
        assert all(not isinstance(o, Exception) or isinstance(o, POLITE) for o in outcomes), outcomes
        nothing_is_broken()
        visit.mailbox.erase(AT)
        ben.volunteer.resume(AT)
        ben.volunteer.reinstate(AT)


def test_asking_again_from_a_page_that_was_just_erased_opens_a_new_one(world: World) -> None:
    visit, _need = world.ask()
    visit.mailbox.erase(AT)
    opened, need = world.ask(visit)
    assert (need.sequence, opened.mailbox == visit.mailbox, opened.secret is None) == (1, False, False)


def test_pages_read_at_the_moment_of_erasing_show_it_or_do_not(world: World) -> None:
    ben, ana = world.volunteer(), world.coordinator
    browsers = [ben.sign_in(Client()), ben.sign_in(Client()), ana.sign_in(Client())]
    for _number in range(ROUNDS):
        visit, need = world.ask()
        hold(ben, only_task(need))
        paths = ["/board/", f"/needs/{need.pk}/", "/desk/", f"/desk/needs/{need.pk}/"]
        outcomes = at_once(
            [look(browser, path) for browser in browsers for path in paths] + [erase(visit, need, [])]
        )
        assert set(outcomes) <= {200, 404, True}, outcomes


def look(browser: Client, path: str) -> Work:
    """Load a page in a window of its own."""
    window = copy.copy(browser)
    return lambda: window.get(path).status_code


# --- Her yes against everything else --------------------------------------------------------------


def test_two_yeses_at_once_to_two_people_bring_one(world: World) -> None:
    first, second = world.volunteer(), world.volunteer()
    for _number in range(ROUNDS):
        visit, need = world.ask()
        task = only_task(need)
        held, waiting = hold(first, task), take(second, task, standing_by=True)
        outcomes = at_once([approve(visit, held), approve(visit, waiting)])
        assert sum(outcome is None for outcome in outcomes) == 1
        assert all(outcome is None or isinstance(outcome, POLITE) for outcome in outcomes), outcomes
        assert Claim.objects.filter(status="approved").count() == 1
        nothing_is_broken()
        visit.mailbox.erase(AT)


def test_the_same_yes_twice_is_one_yes_with_one_place(world: World) -> None:
    ben = world.volunteer()
    for _number in range(ROUNDS):
        visit, need = world.ask()
        held = hold(ben, only_task(need))
        outcomes = at_once([approve(visit, held, place="Here"), approve(visit, held, place="There")])
        said = [place for place, outcome in zip(("Here", "There"), outcomes, strict=True) if outcome is None]
        now = claim_of(ben, held.task)
        assert (len(said), now.status) == (1, "approved")
        assert now.read_place(visit.unlocked, AT) == said[0]
        assert sorted(Compartment.objects.of(now.slot_owner).values_list("purpose", flat=True)) == [
            "place",
            "thread",
        ]
        nothing_is_broken()
        visit.mailbox.erase(AT)


def test_her_yes_against_i_cannot_after_all(world: World) -> None:
    first, second = world.volunteer(), world.volunteer()
    for _number in range(ROUNDS):
        visit, need = world.ask()
        task = only_task(need)
        held = hold(first, task)
        take(second, task, standing_by=True)
        release = Claim.objects.select_related("task", "need").get(pk=held.pk).release
        outcomes = at_once([approve(visit, held), lambda release=release: release(AT)])
        assert all(outcome is None or isinstance(outcome, POLITE) for outcome in outcomes), outcomes
        states = (claim_of(first, task).status, claim_of(second, task).status)
        assert states == ("released", "held")
        nothing_is_broken()
        visit.mailbox.erase(AT)


def test_done_against_a_no_ends_it_once(world: World) -> None:
    ben = world.volunteer()
    for _number in range(ROUNDS):
        visit, need = world.ask()
        coming = say_yes(visit, hold(ben, only_task(need)), place="Here")

        def again(coming: Claim = coming) -> Claim:
            return Claim.objects.select_related("task", "need", "volunteer").get(pk=coming.pk)

        ends = (again().finish, again().decline, again().finish)
        outcomes = at_once([lambda end=end: end(AT) for end in ends])
        assert all(outcome is None or isinstance(outcome, POLITE) for outcome in outcomes), outcomes
        assert claim_of(ben, coming.task).status in ("done", "declined")
        nothing_is_broken()
        visit.mailbox.erase(AT)


# --- Beds -----------------------------------------------------------------------------------------


def test_two_beds_are_given_to_two_people_whoever_comes_at_once(world: World) -> None:
    host = world.volunteer(offers=False)
    world.offer(host.volunteer, capacity=2)
    visits = [world.ask(kind="stay", nights=nights) for nights in (1, 2, 3, 1, 2, 3)]
    outcomes = at_once([claim(only_task(need), host.volunteer) for _visit, need in visits])
    assert kinds_of(outcomes) == {"Claim": 2, "SomebodyWasFaster": 4}
    nothing_is_broken()


def test_the_database_refuses_a_bed_given_twice(world: World) -> None:
    host = world.volunteer()
    hold(host, only_task(world.ask(kind="stay")[1]))
    taken = BedNight.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        BedNight.objects.create(offer=taken.offer, night=taken.night, bed=taken.bed, claim=taken.claim)


def test_a_no_at_the_same_moment_does_not_undo_a_suspension(world: World) -> None:
    ben = world.volunteer()
    for _number in range(ROUNDS):
        visit, need = world.ask()
        held = hold(ben, only_task(need))
        own = Claim.objects.select_related("task", "need", "volunteer").get(pk=held.pk)
        outcomes = at_once([suspend(visit, need, [ben]), lambda own=own: own.decline(AT)])
        assert outcomes[0] is None, outcomes
        assert Volunteer.objects.get(pk=ben.volunteer.pk).is_active is False
        nothing_is_broken()
        visit.mailbox.erase(AT)
        ben.volunteer.reinstate(AT)


def test_whoever_leaves_leaves_also_where_the_last_bed_of_the_next_goes_at_that_moment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _visit, need = world.ask(kind="stay")
    _other_visit, other = world.ask(kind="stay")
    ben, host = world.volunteer(), world.volunteer(capacity=1)
    first = take(ben, only_task(need))
    take(host, only_task(need), standing_by=True)
    take(host, only_task(other))
    monkeypatch.setattr(Claim, "can_be_passed_on", lambda self, at: True)
    first.release(AT)
    states = (claim_of(ben, first.task).status, claim_of(host, first.task).status, only_task(need).status)
    assert states == ("released", "standby", "open")


def test_nobody_takes_more_than_they_said_whatever_they_press_at_the_same_moment(world: World) -> None:
    ben = world.volunteer().volunteer
    ben.describe(AT, cap_per_week=2)
    tasks = [only_task(world.ask()[1]) for _number in range(6)]
    outcomes = at_once([claim(task, ben) for task in tasks])
    assert kinds_of(outcomes) == {"Claim": 2, "NotNow": 4}
    assert Claim.objects.filter(volunteer=ben, status__in=HOLDING).count() == 2


def test_whoever_took_enough_is_passed_over_when_a_hold_is_passed_on(world: World) -> None:
    _visit, need = world.ask()
    _other_visit, other = world.ask()
    ben, cleo, dan = world.volunteer(), world.volunteer(), world.volunteer()
    first = take(ben, only_task(need))
    take(cleo, only_task(need), standing_by=True)
    take(dan, only_task(need), standing_by=True)
    take(cleo, only_task(other))
    cleo.volunteer.describe(AT, cap_per_week=1)
    first.release(AT)
    states = [claim_of(person, first.task).status for person in (ben, cleo, dan)]
    assert states == ["released", "standby", "held"]
