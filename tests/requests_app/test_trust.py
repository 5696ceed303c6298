"""Vouches taken back, people who are new, what was late: who is sent, who is freed, and who reads what."""

from datetime import datetime, timedelta

import pytest

from notify.models import Notice
from privacy import clock
from privacy.models import Grant
from privacy.states import SomebodyWasFaster
from requests_app import matching, rings, standing, tasks
from requests_app.models import Claim, Need, NotAlone, NotNow, NotYet, Taken, Task
from requests_app.visits import Visit
from tests.requests_app.company import Company, asked, yes
from tests.requests_app.desk import Browser, browser
from tests.requests_app.test_query_counts import enter
from tests.requests_app.world import TODAY, World, claim_of, day, only_task, say_yes, take
from tests.volunteers import people
from tests.volunteers.people import AT, Person
from volunteers import desk as desk_keys
from volunteers.models import Offer, Probation, Slip, Volunteer, Vouch

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TOMORROW_MORNING = clock.day_end(TODAY)


@pytest.fixture
def desk(world: World) -> Browser:
    return browser(world.coordinator)


@pytest.fixture
def ben(world: World) -> Person:
    return world.volunteer("Ben")


def now(person: Person) -> Volunteer:
    return Volunteer.objects.get(pk=person.volunteer.pk)


def path(person: Person, verb: str = "") -> str:
    return f"/desk/people/{person.volunteer.pk}/{verb}"


# Vouches


def test_the_last_vouch_taken_back_frees_everything_and_they_wait_again(
    world: World, desk: Browser, ben: Person
) -> None:
    visit, ride = world.ask()
    say_yes(visit, take(ben, only_task(ride)), place="Under the clock")
    his = browser(ben)

    assert "They wait to be let in again." in desk.post_words(path(ben, "vouch/take-back/"))

    assert (now(ben).is_let_in, claim_of(ben, only_task(ride)).status) == (False, "released")
    assert matching.best(only_task(ride), AT, 20) == []
    assert not Grant.objects.under(claim_of(ben, only_task(ride)).slot_owner).exists()
    page = his.words("/profile/")
    assert ("The desk has not let you in yet." in page, "Please do not go." in page) == (True, True)
    assert his.client.get("/board/").status_code == 404

    desk.post(path(ben, "vouch/"), context="known")
    assert now(ben).is_let_in
    assert [match.volunteer_id for match in matching.best(only_task(ride), AT, 20)] == [ben.volunteer.pk]


def test_a_vouch_that_is_not_the_last_changes_nothing_but_itself(
    world: World, desk: Browser, ben: Person
) -> None:
    cleo = people.coordinator(world.coordinator)
    ben.volunteer.vouch(cleo.volunteer, AT, Vouch.Context.KNOWN)
    _visit, ride = world.ask()
    take(ben, only_task(ride))
    assert "You do not vouch for them any more." in desk.post_words(path(ben, "vouch/take-back/"))
    assert (now(ben).is_let_in, claim_of(ben, only_task(ride)).status) == (True, "held")
    assert [vouch.by_id for vouch in now(ben).vouches.all()] == [cleo.volunteer.pk]


def test_only_whoever_gave_a_vouch_takes_it_back(world: World, ben: Person) -> None:
    hers = browser(people.coordinator(world.coordinator))
    hers.post(path(ben, "vouch/take-back/"))
    assert (now(ben).is_let_in, now(ben).vouches.count()) == (True, 1)
    assert "I do not vouch for them any more" not in hers.words(path(ben))


def test_somebody_at_the_desk_whose_last_vouch_goes_opens_nothing_there_any_more(
    world: World, desk: Browser
) -> None:
    cleo = people.coordinator(world.coordinator)
    desk.post(path(cleo, "share/"))
    hers = browser(cleo)
    desk.post(path(cleo, "vouch/take-back/"))
    assert hers.client.get("/desk/").status_code == 404
    assert (desk_keys.has_share(now(cleo)), desk_keys.is_closed()) == (False, False)


# New here


@pytest.fixture
def two(world: World, ben: Person) -> tuple[Visit, Need, Task, Task]:
    """Two companions asked for, on a day to come; Ben is new, Dee is not."""
    standing.begin_probation(ben.volunteer, AT)
    visit, need = world.ask(kind="accompaniment", day=day(3), answers={"companions": "two", "backup": "no"})
    first, second = need.tasks.select_related("need").order_by("role")
    return visit, need, first, second


@pytest.fixture
def dee(world: World) -> Person:
    return world.volunteer("Dee")


def found(task: Task, at: datetime = AT) -> set[object]:
    return {match.volunteer_id for match in matching.best(task, at, 20)}


def test_somebody_new_is_found_once_somebody_experienced_has_the_other_part(
    world: World, ben: Person, dee: Person, two: tuple[Visit, Need, Task, Task]
) -> None:
    _visit, need, first, second = two
    assert ben.volunteer.pk not in found(first)
    assert matching.Nobody("probation", 1) in matching.why_nobody(need.tasks.first(), AT)
    assert matching.on_need(now(ben), need.pk, AT) == matching.board(now(ben), AT) == []
    with pytest.raises(NotAlone):
        first.claim(ben.volunteer, ben.volunteer.offers.get(), AT)

    held = take(dee, first)

    assert ben.volunteer.pk in found(second)
    # The other part; not standing by for the very one beside whom they would go.
    assert {match.task_id for match in matching.on_need(now(ben), need.pk, AT)} == {second.pk}
    # A hold that ran out is nobody, whether the worker came or not.
    late = held.held_until + HOUR
    assert ben.volunteer.pk not in found(second, late)
    with pytest.raises(NotAlone):
        second.claim(ben.volunteer, ben.volunteer.offers.get(), late)


def test_two_who_are_new_do_not_make_one_who_is_not(
    world: World, ben: Person, dee: Person, two: tuple[Visit, Need, Task, Task]
) -> None:
    _visit, need, first, second = two
    take(dee, first)
    take(ben, second)
    standing.begin_probation(dee.volunteer, AT)
    assert {claim.status for claim in need.claims.all()} == {"released"}


def test_a_ride_whose_ways_have_two_drivers_is_nothing_for_somebody_new(
    world: World, ben: Person, dee: Person
) -> None:
    standing.begin_probation(ben.volunteer, AT)
    _visit, ride = world.ask(answers={"back": "yes"})
    there, back = ride.tasks.select_related("need").order_by("-role")
    take(dee, there)
    assert ben.volunteer.pk not in found(back)


def with_backup(world: World, ben: Person, *others: Person, **answers: str) -> Company:
    """`others` come; Ben, who is new, was said yes to as their backup."""
    visit, need = world.ask(
        **asked(day=day(3), answers={"companions": "one", "backup": "yes", "setting": "police"} | answers)
    )
    made = Company(visit, need, ben, others[0], others[-1])
    for person, role in zip(others, ("companion", "second_companion"), strict=False):
        yes(made, person, role, "By the gate")
    yes(made, ben, "backup")
    return made


def test_whoever_takes_over_hours_later_is_not_there_beside_somebody_new(
    world: World, ben: Person, dee: Person
) -> None:
    standing.begin_probation(ben.volunteer, AT)
    _visit, need = world.ask(**asked(day=day(3), answers={"setting": "clinic", "relief": "4"}))
    companion, relief = need.tasks.select_related("need").order_by("role")
    take(dee, relief)
    assert ben.volunteer.pk not in found(companion)
    assert matching.on_need(now(ben), need.pk, AT) == matching.board(now(ben), AT) == []
    with pytest.raises(NotAlone):
        companion.claim(now(ben), ben.volunteer.offers.get(), AT)


def test_somebody_new_never_takes_over_when_the_others_go(world: World, ben: Person, dee: Person) -> None:
    standing.begin_probation(ben.volunteer, AT)
    _visit, need = world.ask(**asked(day=day(3), answers={"setting": "clinic", "relief": "4"}))
    companion, relief = need.tasks.select_related("need").order_by("role")
    take(dee, companion)
    assert ben.volunteer.pk not in found(relief)
    assert matching.on_need(now(ben), need.pk, AT) == []
    with pytest.raises(NotAlone):
        relief.claim(now(ben), ben.volunteer.offers.get(), AT)


def test_somebody_new_is_a_backup_only_of_two_so_that_one_of_them_is_left(
    world: World, ben: Person, dee: Person
) -> None:
    standing.begin_probation(ben.volunteer, AT)
    eve = world.volunteer("Eve")
    _visit, need = world.ask(**asked(day=day(3)))
    backup, first, second = need.tasks.select_related("need").order_by("role")
    take(dee, first)
    assert (ben.volunteer.pk in found(backup), ben.volunteer.pk in found(second)) == (False, True)
    with pytest.raises(NotAlone):
        backup.claim(now(ben), ben.volunteer.offers.get(), AT)
    hers = take(eve, second)
    assert ben.volunteer.pk in found(backup)
    take(ben, backup)
    hers.release(AT)
    assert claim_of(ben, backup).status == "released"


def test_a_backup_who_is_new_comes_beside_the_one_who_is_left(world: World, ben: Person, dee: Person) -> None:
    made = with_backup(world, ben, dee, world.volunteer("Eve"), companions="two")
    standing.begin_probation(ben.volunteer, AT)
    assert made.claim(ben).is_backup

    made.claim(dee).release(AT)

    assert (made.claim(ben).task.role, made.claim(ben).status) == ("companion", "approved")


def test_a_backup_who_is_new_goes_when_only_one_experienced_is_left(
    world: World, ben: Person, dee: Person
) -> None:
    eve = world.volunteer("Eve")
    made = with_backup(world, ben, dee, eve, companions="two")
    standing.begin_probation(ben.volunteer, AT)
    standing.begin_probation(eve.volunteer, AT)
    assert [made.claim(person).status for person in (dee, eve, ben)] == ["approved", "approved", "released"]
    assert "Your backup" not in enter(made.visit).get("/a/mine/").content.decode()


@pytest.mark.parametrize("begun", [False, True])
def test_a_backup_who_is_new_is_never_sent_alone(world: World, ben: Person, dee: Person, begun: bool) -> None:
    made = with_backup(world, ben, dee)
    # As it was stored before anybody looked at that.
    Volunteer.objects.filter(pk=ben.volunteer.pk).update(probation=True)
    at = made.task("companion").begins_at() + HOUR if begun else AT

    made.claim(dee).release(at)

    assert (made.task("companion").status, made.claim(ben).status) == ("open", "released")


def test_whoever_presses_for_a_backup_who_is_new_reads_why_nobody_is_sent(
    world: World, desk: Browser, ben: Person, dee: Person
) -> None:
    made = with_backup(world, ben, dee)
    Volunteer.objects.filter(pk=ben.volunteer.pk).update(probation=True)
    made.claim(dee).taps.filter(slug="arrived").update(missed_after=AT, due_at=AT)
    typed = {"claim": made.claim(ben).pk, "task": made.task("companion").pk}
    hers = enter(made.visit)
    page = hers.get("/a/mine/").content.decode()
    token = page.partition('csrfmiddlewaretoken" value="')[2].partition('"')[0]

    pressed = hers.post(
        f"/a/mine/people/{typed['claim']}/promote/", {**typed, "csrfmiddlewaretoken": token}, follow=True
    )

    said = "is new here and goes only with somebody experienced."
    assert f"Your backup {said}" in pressed.content.decode()
    assert f"The backup {said}" in desk.post_words(f"/desk/needs/{made.need.pk}/promote/", **typed)
    assert (made.claim(dee).status, made.claim(ben).status) == ("approved", "backup")


def test_she_reads_that_somebody_is_new_and_who_is_new_reads_it_too(
    world: World, ben: Person, dee: Person, two: tuple[Visit, Need, Task, Task]
) -> None:
    visit, _need, first, second = two
    take(dee, first)
    take(ben, second)
    page = enter(visit).get("/a/mine/").content.decode()
    assert page.count("Is new here, comes with somebody experienced.") == 1
    assert "You are new here." in browser(ben).words("/profile/")


def test_an_empty_board_says_that_somebody_experienced_comes_first(
    world: World, ben: Person, dee: Person, two: tuple[Visit, Need, Task, Task]
) -> None:
    his = browser(ben)
    assert "You are new here, and go with somebody experienced." in his.words("/board/")
    take(dee, two[2])
    assert "A second companion" in his.words("/board/")


@pytest.mark.parametrize("how", ["releases", "is declined", "lapses", "is suspended"])
def test_when_the_experienced_one_is_gone_whoever_is_new_is_free_and_she_is_told(
    world: World, ben: Person, dee: Person, two: tuple[Visit, Need, Task, Task], how: str
) -> None:
    visit, need, first, second = two
    hers, at = take(dee, first), AT
    if how not in ("lapses",):
        hers = say_yes(visit, hers)
    say_yes(visit, take(ben, second))
    world.can_be_told(ben)
    if how == "releases":
        hers.release(at)
    elif how == "is declined":
        hers.decline(at)
    elif how == "lapses":
        at = hers.held_until
        tasks.lapse(at)
    else:
        standing.suspend(dee.volunteer, at)
    assert claim_of(ben, second).status == "released"
    assert Notice.objects.filter(recipient=ben.volunteer.pk).count() == 1
    assert "Please do not go." in browser(ben).words("/board/")
    assert set(Task.objects.filter(need=need).values_list("status", flat=True)) == {"open"}


def test_where_somebody_else_experienced_steps_in_whoever_is_new_stays(
    world: World, ben: Person, dee: Person, two: tuple[Visit, Need, Task, Task]
) -> None:
    _visit, _need, first, second = two
    hers = take(dee, first)
    take(world.volunteer("Eve"), first, standing_by=True)
    take(ben, second)
    hers.release(AT)
    assert claim_of(ben, second).status == "held"


def test_nobody_is_called_away_from_beside_her(
    world: World, ben: Person, dee: Person, two: tuple[Visit, Need, Task, Task]
) -> None:
    visit, _need, first, second = two
    hers = say_yes(visit, take(dee, first))
    say_yes(visit, take(ben, second))
    hers.release(first.begins_at() + HOUR)
    assert claim_of(ben, second).status == "approved"


def test_choosing_somebody_who_stands_by_does_not_leave_somebody_new_alone(
    world: World, ben: Person, dee: Person, two: tuple[Visit, Need, Task, Task]
) -> None:
    visit, _need, first, second = two
    take(dee, first)
    take(ben, second)
    eve = world.volunteer("Eve")
    waits = take(eve, first, standing_by=True)
    standing.begin_probation(eve.volunteer, AT)
    with pytest.raises(NotAlone):
        say_yes(visit, claim_of(eve, first))
    assert (waits.status, claim_of(dee, first).status, claim_of(ben, second).status) == (
        "standby",
        "held",
        "held",
    )


def test_the_desk_begins_counts_and_ends_it(world: World, desk: Browser, ben: Person, dee: Person) -> None:
    assert "They go only beside somebody experienced now." in desk.post_words(path(ben, "probation/"))
    assert (
        "Since 2 March 2026 they go only beside somebody experienced. They went along 0 times."
        in desk.words(path(ben))
    )
    visit, need = world.ask(kind="accompaniment", answers={"companions": "two", "backup": "no"})
    first, second = need.tasks.order_by("role")
    say_yes(visit, take(dee, first))
    say_yes(visit, take(ben, second)).finish(AT)
    assert "They went along 1 time." in desk.words(path(ben))
    assert "They may go alone now." in desk.post_words(path(ben, "probation/end/"))
    assert (now(ben).probation, Probation.objects.count()) == (False, 0)
    assert ben.volunteer.pk in found(only_task(world.ask()[1]))


def test_nobody_ends_it_for_themselves(world: World) -> None:
    cleo = people.coordinator(world.coordinator)
    standing.begin_probation(cleo.volunteer, AT)
    assert "Nobody does this for themselves." in browser(cleo).post_words(path(cleo, "probation/end/"))
    assert now(cleo).probation


# Breaks, caps, rest days


def test_whoever_stands_by_and_took_enough_since_is_passed_over(
    world: World, ben: Person, dee: Person
) -> None:
    ben.volunteer.describe(AT, cap_per_week=1)
    visit, first = world.ask()
    hers = take(dee, only_task(first))
    waits = take(ben, only_task(first), standing_by=True)
    take(ben, only_task(world.ask()[1]))
    with pytest.raises(NotNow):
        say_yes(visit, waits)
    hers.release(AT)
    assert (claim_of(ben, only_task(first)).status, only_task(first).status) == ("standby", "open")


def test_whoever_stands_by_and_rests_is_passed_over(world: World, ben: Person, dee: Person) -> None:
    visit, first = world.ask()
    hers = take(dee, only_task(first))
    waits = take(ben, only_task(first), standing_by=True)
    now(ben).describe(AT, rest_days=2)
    other, ride = world.ask()
    say_yes(other, take(ben, only_task(ride))).finish(AT)
    assert now(ben).is_paused(AT)
    with pytest.raises(NotNow):
        say_yes(visit, claim_of(ben, waits.task))
    hers.release(AT)
    assert claim_of(ben, only_task(first)).status == "standby"


def test_two_parts_of_one_need_are_two_for_the_cap(world: World, ben: Person) -> None:
    ben.volunteer.describe(AT, cap_per_week=1)
    _visit, ride = world.ask(answers={"back": "yes"})
    there, back = ride.tasks.select_related("need").order_by("-role")
    take(ben, there)
    assert ben.volunteer.pk not in found(back)
    with pytest.raises(NotNow):
        back.claim(ben.volunteer, Offer.objects.get(volunteer=ben.volunteer), AT)
    assert Taken.objects.count() == 1


# What was late


@pytest.fixture
def expected(world: World, ben: Person) -> tuple[Visit, Claim]:
    """Ben is expected tomorrow evening."""
    visit, need = world.ask(parts=int(clock.Part.EVENING))
    return visit, say_yes(visit, take(ben, only_task(need)))


def slips(person: Person, at: datetime) -> tuple[int, int]:
    found = Slip.objects.of(person.volunteer, at)
    return found.late, found.no_show


@pytest.mark.parametrize(("before", "late"), [(13 * HOUR, 0), (11 * HOUR, 1), (-HOUR, 1)])
def test_saying_it_less_than_twelve_hours_before_is_remembered(
    ben: Person, expected: tuple[Visit, Claim], before: timedelta, late: int
) -> None:
    _visit, claim = expected
    at = claim.task.begins_at() - before
    claim.release(at)
    assert slips(ben, at) == (late, 0)


def test_what_nobody_said_yes_to_and_what_others_end_is_no_slip(
    world: World, ben: Person, expected: tuple[Visit, Claim]
) -> None:
    visit, claim = expected
    at = claim.task.begins_at() - HOUR
    held = take(ben, only_task(world.ask(visit)[1]), at=AT)
    held.release(AT)
    claim.decline(at)
    other = say_yes(visit, take(ben, only_task(world.ask(visit)[1])))
    other.release(at, never_again=True)
    standing.suspend(ben.volunteer, at)
    assert not Slip.objects.exists()


def test_they_did_not_come_and_somebody_else_is_asked_at_once(
    world: World, ben: Person, expected: tuple[Visit, Claim]
) -> None:
    _visit, claim = expected
    dee = world.volunteer("Dee")
    with pytest.raises(NotYet):
        claim.did_not_come(claim.task.begins_at() - HOUR)
    at = claim.task.begins_at() + HOUR

    claim.did_not_come(at)

    task = only_task(claim.need)
    assert (claim_of(ben, task).status, task.status, slips(ben, at)) == ("declined", "open", (0, 1))
    rings.ask_next(task, task.escalate_after)
    assert list(task.proposals.filter(outcome="asked").values_list("volunteer", flat=True)) == [
        dee.volunteer.pk
    ]
    with pytest.raises(SomebodyWasFaster):
        Claim.objects.select_related("task", "need", "volunteer").get(pk=claim.pk).did_not_come(at)
    assert slips(ben, at) == (0, 1)


def test_once_its_time_is_over_nobody_is_asked_for_it_any_more(
    world: World, ben: Person, expected: tuple[Visit, Claim]
) -> None:
    _visit, claim = expected
    dee = world.volunteer("Dee")
    take(dee, claim.task, standing_by=True)
    claim.did_not_come(claim.task.begins_at() + 20 * HOUR)
    task = only_task(claim.need)
    assert (task.status, task.escalate_after, claim_of(dee, task).status) == ("open", None, "standby")


def test_her_page_offers_it_once_the_time_has_begun_and_one_tap_does_it(
    ben: Person, expected: tuple[Visit, Claim], monkeypatch: pytest.MonkeyPatch
) -> None:
    visit, claim = expected
    hers = enter(visit)
    button = f"/a/mine/people/{claim.pk}/did-not-come/"
    assert button not in hers.get("/a/mine/").content.decode()
    at = claim.task.begins_at() + HOUR
    monkeypatch.setattr("privacy.clock.now", lambda: at)
    hers = enter(visit)
    page = hers.get("/a/mine/").content.decode()
    assert button in page
    token = page.partition('csrfmiddlewaretoken" value="')[2].partition('"')[0]
    answer = hers.post(button, {"csrfmiddlewaretoken": token}, follow=True)
    assert "This person is not expected any more." in answer.content.decode()
    assert slips(ben, at) == (0, 1)


def test_what_was_late_fades_and_is_forgotten_after_ninety_days(ben: Person) -> None:
    for _twice in range(2):
        Slip.objects.note(ben.volunteer, "late", AT)
    assert [Slip.objects.of(ben.volunteer, AT + days * DAY).many for days in (0, 1)] == [True, False]
    for days, left in ((90, 2), (91, 0)):
        tasks.forget_slips(AT + days * DAY)
        assert Slip.objects.count() == left


def test_only_they_and_the_desk_read_it_in_plain_words(
    world: World, desk: Browser, ben: Person, expected: tuple[Visit, Claim]
) -> None:
    visit, _claim = expected
    other = browser(world.volunteer("Dee"))
    for what in ("late", "late", "no_show"):
        Slip.objects.note(ben.volunteer, what, AT)
    page = desk.words(path(ben))
    assert "2 times they said late that they cannot come." in page
    assert "1 time somebody said that they did not come." in page
    assert "Perhaps ask them how they are" in page
    assert "2 times you said late that you cannot come." in browser(ben).words("/profile/")
    elsewhere = [
        desk.words("/desk/people/"),
        desk.words("/desk/"),
        other.words("/profile/"),
        enter(visit).get("/a/mine/").content.decode(),
    ]
    assert not [page for page in elsewhere if "said late" in page or "did not come" in page]


def test_it_moves_nobody_down(world: World, ben: Person) -> None:
    task = only_task(world.ask()[1])
    before = matching.best(task, AT, 20)
    for _often in range(9):
        Slip.objects.note(ben.volunteer, "no_show", AT)
    assert matching.best(task, AT, 20) == before
