"""What was checked about somebody: by whom, until when; and what follows when its time is over."""

from datetime import date, datetime, timedelta

import pytest
from django.db import IntegrityError, models, transaction
from django.test import Client

from notify.models import Notice
from organisation import checks, kinds
from organisation.models import Organisation
from privacy import clock
from privacy.states import SomebodyWasFaster
from requests_app import desk_checks, matching, standing, tasks
from requests_app.models import CalledOff, Claim, Need, NotChecked
from tests.requests_app.desk import Browser, browser
from tests.requests_app.test_query_counts import enter
from tests.requests_app.world import TODAY, World, claim_of, day, only_task, say_yes, take
from tests.volunteers import people
from tests.volunteers.people import AT, Person
from volunteers.checks import NotThem, TooOld
from volunteers.models import Check, Volunteer

DAY = timedelta(days=1)
YEAR = timedelta(days=365)


def ticked(world: World, person: Person, item: str = "licence", done: date = TODAY) -> Check:
    """Done by the first coordinator on that day."""
    by = world.coordinator.volunteer
    return Check.objects.tick(person.volunteer, checks.ALL[item], by, done, AT)


def ends_in(world: World, person: Person, days: int, item: str = "licence") -> Check:
    """A check that ends so many days from today."""
    return ticked(world, person, item, TODAY + timedelta(days=days) - YEAR)


def morning(days: int) -> datetime:
    """05:00 so many days from today."""
    return clock.day_end(TODAY + timedelta(days=days - 1))


def found(need: Need, at: datetime = AT) -> int:
    return len(matching.best(only_task(need), at, 20))


def path(person: Person, verb: str = "") -> str:
    return f"/desk/people/{person.volunteer.pk}/{verb}"


# Doing them


def test_nothing_is_required_until_the_organisation_says_so(world: World) -> None:
    world.volunteer()
    assert found(world.ask()[1]) == 1


def test_what_is_required_and_missing_keeps_somebody_from_the_kinds_that_list_it(world: World) -> None:
    ben = world.volunteer()
    (ride, stay) = (world.ask()[1], world.ask(kind="stay")[1])
    desk_checks.require(["licence"], AT)
    assert (found(ride), found(stay)) == (0, 1)
    assert matching.Nobody("let_in", 1) in matching.why_nobody(only_task(ride), AT)
    ticked(world, ben)
    assert (found(ride), found(stay)) == (1, 1)
    desk_checks.require([], AT)
    assert Organisation.objects.current().required_checks == []


def test_a_check_that_two_people_do_counts_when_the_second_says_so(world: World) -> None:
    ben, cleo = world.volunteer(), people.coordinator(world.coordinator)
    _visit, stay = world.ask(kind="stay")
    desk_checks.require(["home-visit"], AT)
    check = ticked(world, ben, "home-visit")
    assert found(stay) == 0
    check.confirm(cleo.volunteer, AT)
    assert found(stay) == 1
    assert (check.done_by_id, check.second_by_id) == (world.coordinator.volunteer.pk, cleo.volunteer.pk)


def test_nobody_is_the_second_after_being_the_first_and_nobody_checks_themselves(world: World) -> None:
    cleo = people.coordinator(world.coordinator)
    check = ticked(world, cleo, "home-visit")
    for by in (world.coordinator.volunteer, cleo.volunteer):
        with pytest.raises(NotThem):
            check.confirm(by, AT)
    with pytest.raises(NotThem):
        ticked(world, world.coordinator)
    assert Check.objects.get().waits


def test_the_database_refuses_one_person_for_both_whatever_the_code_does(world: World) -> None:
    check = ticked(world, world.volunteer(), "home-visit")
    for who in (check.done_by_id, check.volunteer_id):
        with pytest.raises(IntegrityError), transaction.atomic():
            Check.objects.filter(pk=check.pk).update(second_by=who)


def test_until_the_second_says_so_the_earlier_visit_goes_on_counting(world: World) -> None:
    ben, cleo = world.volunteer(), people.coordinator(world.coordinator)
    ends_in(world, ben, 5, "home-visit").confirm(cleo.volunteer, AT)
    again = ticked(world, ben, "home-visit")
    assert Check.objects.standings(ben.volunteer, [kinds.get("stay")])["stay"].until == TODAY + 5 * DAY
    again.confirm(cleo.volunteer, AT)
    assert Check.objects.standings(ben.volunteer, [kinds.get("stay")])["stay"].until == TODAY + YEAR
    assert Check.objects.count() == 1


def test_two_who_ticked_the_same_do_not_replace_each_other(world: World) -> None:
    ben, cleo = world.volunteer(), people.coordinator(world.coordinator)
    check = ticked(world, ben, "home-visit")
    with pytest.raises(SomebodyWasFaster):
        Check.objects.tick(ben.volunteer, checks.ALL["home-visit"], cleo.volunteer, TODAY, AT)
    assert Check.objects.get() == check


def test_what_was_seen_too_long_ago_does_not_count(world: World) -> None:
    with pytest.raises(TooOld):
        ends_in(world, world.volunteer(), 0)
    assert not Check.objects.exists()


def test_nothing_of_what_was_seen_can_be_kept() -> None:
    for field in Check._meta.concrete_fields:
        assert not isinstance(
            field, models.TextField | models.FileField | models.JSONField | models.BinaryField
        )
        assert not isinstance(field, models.CharField) or field.name in ("item", "status")


# Its time is over


@pytest.fixture
def ben(world: World) -> Person:
    return world.volunteer("Ben")


@pytest.mark.parametrize("hours", [-1, 1])
def test_somebody_is_found_until_the_morning_on_which_it_ends_worker_or_not(
    world: World, ben: Person, hours: int
) -> None:
    ends_in(world, ben, 3)
    _visit, ride = world.ask(day=day(6))
    _visit, stay = world.ask(kind="stay", day=day(6))
    at = morning(3) + timedelta(hours=hours)
    assert (found(ride, at), found(stay, at)) == (int(hours < 0), 1)
    on_board = {match.task_id for match in matching.board(ben.volunteer, at)}
    assert (only_task(ride).pk in on_board) == (hours < 0)
    if hours > 0:
        assert matching.why_nobody(only_task(ride), at)[0] == matching.Nobody("checks", 1)
        with pytest.raises(NotChecked):
            only_task(ride).claim(ben.volunteer, ben.volunteer.offers.get(), at)


def test_what_is_still_to_come_is_free_again_and_everybody_concerned_is_told(
    world: World, ben: Person
) -> None:
    dee = world.volunteer("Dee")
    check = ends_in(world, ben, 3)
    visit, ride = world.ask(day=day(6))
    say_yes(visit, take(ben, only_task(ride)), place="Under the clock")
    take(dee, only_task(ride), standing_by=True)
    _visit, stay = world.ask(kind="stay", day=day(6))
    take(ben, only_task(stay))
    for person in (ben, world.coordinator):
        world.can_be_told(person)
    at = morning(3)

    tasks.look_at_checks(at)

    assert (claim_of(ben, only_task(ride)).status, claim_of(dee, only_task(ride)).status) == (
        "released",
        "held",
    )
    assert claim_of(ben, only_task(stay)).status == "held"
    assert CalledOff.objects.told(ben.volunteer, at).count() == 1
    told = set(Notice.objects.values_list("recipient", flat=True))
    assert {ben.volunteer.pk, world.coordinator.volunteer.pk} <= told
    check.refresh_from_db()
    assert (check.status, check.due_after) == ("expired", None)
    # Once, however often somebody looks.
    Notice.objects.all().delete()
    standing.look_at_check(check, at)
    assert not Notice.objects.exists()


def test_whoever_may_be_on_the_way_stays_and_an_unanswered_hold_does_not(world: World, ben: Person) -> None:
    ends_in(world, ben, 1)
    visit, going_on = world.ask(day=day(1))
    say_yes(visit, take(ben, only_task(going_on)))
    visit, later = world.ask(day=day(1), parts=int(clock.Part.EVENING))
    say_yes(visit, take(ben, only_task(later)))
    _visit, unanswered = world.ask(day=day(1), looks_again_at=AT + 2 * DAY)
    take(ben, only_task(unanswered))

    # The morning on which it ends is the one on which "any time" begins.
    tasks.look_at_checks(morning(1))

    states = [claim_of(ben, only_task(need)).status for need in (going_on, later, unanswered)]
    assert states == ["approved", "released", "released"]


def test_a_hold_is_not_said_yes_to_once_the_check_ran_out_worker_or_not(world: World, ben: Person) -> None:
    ends_in(world, ben, 1)
    visit, ride = world.ask(day=day(1), looks_again_at=AT + 2 * DAY)
    held = take(ben, only_task(ride))
    with pytest.raises(NotChecked):
        say_yes(visit, held, morning(1) + timedelta(seconds=1))
    assert claim_of(ben, only_task(ride)).status == "held"


def test_both_are_reminded_two_weeks_and_three_days_before_each_once(world: World, ben: Person) -> None:
    for person in (ben, world.coordinator):
        world.can_be_told(person)
    ends_in(world, ben, 20)
    told = []
    for days in (5, 6, 7, 16, 17, 18):
        tasks.look_at_checks(morning(days))
        told.append(Notice.objects.count())
        Notice.objects.all().delete()
    assert told == [0, 2, 0, 0, 2, 0]


def test_a_check_taken_back_counts_for_nothing_and_frees_what_it_was_required_for(
    world: World, ben: Person
) -> None:
    kept, required = ticked(world, ben, "met"), ticked(world, ben)
    desk_checks.require(["licence"], AT)
    _visit, ride = world.ask()
    take(ben, only_task(ride))
    standing.take_back_check(kept, AT)
    assert claim_of(ben, only_task(ride)).status == "held"
    standing.take_back_check(required, AT)
    assert claim_of(ben, only_task(ride)).status == "released"
    assert not Check.objects.exists()


def test_a_check_that_ran_out_and_is_not_required_can_be_taken_back(world: World, ben: Person) -> None:
    check = ends_in(world, ben, 1)
    _visit, ride = world.ask(day=day(3))
    at = morning(1)
    tasks.look_at_checks(at)
    assert found(ride, at) == 0
    standing.take_back_check(Check.objects.get(pk=check.pk), at)
    assert found(ride, at) == 1


def test_who_did_a_check_may_leave_and_it_goes_on_counting(world: World, ben: Person) -> None:
    cleo = people.coordinator(world.coordinator)
    check = ticked(world, ben, "home-visit")
    check.confirm(cleo.volunteer, AT)
    Volunteer.objects.filter(pk=cleo.volunteer.pk).update(is_coordinator=False)
    standing.leave(Volunteer.objects.get(pk=cleo.volunteer.pk), AT)
    assert Check.objects.get() == check
    assert "Ana" in browser(world.coordinator).words(path(ben))


# On the pages


@pytest.fixture
def desk(world: World) -> Browser:
    return browser(world.coordinator)


def test_two_coordinators_tick_and_confirm_on_the_persons_page(
    world: World, desk: Browser, ben: Person
) -> None:
    hers = browser(people.coordinator(world.coordinator))
    typed = {"item": "home-visit", "done_on": TODAY.isoformat()}
    assert "Now somebody else at the desk has to confirm it." in desk.post_words(
        path(ben, "checks/"), **typed
    )
    check = Check.objects.get()
    confirm = path(ben, f"checks/{check.pk}/confirm/")
    assert confirm not in desk.page(path(ben))
    assert "Two people do this together" in desk.post_words(confirm)
    page = hers.post_words(confirm)
    assert "Ana and Cleo, 2 March 2026. It counts until 2 March 2027." in page
    assert "It counts no longer." in hers.post_words(path(ben, f"checks/{check.pk}/take-back/"))
    assert not Check.objects.exists()


def test_nobody_ticks_confirms_or_takes_back_their_own(world: World) -> None:
    cleo = people.coordinator(world.coordinator)
    check, hers = ticked(world, cleo), browser(cleo)
    typed = {"item": "met", "done_on": TODAY.isoformat()}
    assert "Nobody checks themselves." in hers.post_words(path(cleo, "checks/"), **typed)
    assert "Nobody checks themselves." in hers.post_words(path(cleo, f"checks/{check.pk}/take-back/"))
    assert Check.objects.get() == check
    assert "I checked this" not in hers.words(path(cleo))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"item": "", "done_on": "2026-03-02"}, "Please choose what you checked."),
        ({"item": "passport", "done_on": "2026-03-02"}, "Please choose one of the list."),
        ({"item": "met", "done_on": "2026-03-03"}, "Choose today, or a day that is over."),
        ({"item": "met", "done_on": "0001-01-01"}, "Choose today, or a day that is over."),
        ({"item": "met", "done_on": "soon"}, "Enter a valid date."),
        ({"item": "licence", "done_on": "2024-03-02"}, "That was too long ago."),
    ],
)
def test_a_check_that_cannot_be_stores_nothing_and_says_why(
    desk: Browser, ben: Person, typed: dict[str, str], said: str
) -> None:
    answer = desk.client.post(path(ben, "checks/"), typed)
    page = answer.content.decode()
    assert (answer.status_code, said in page, Check.objects.exists()) == (422, True, False)
    assert typed["done_on"] in page


def test_a_check_of_somebody_else_is_a_404(world: World, desk: Browser, ben: Person) -> None:
    check = ticked(world, world.volunteer(), "home-visit")
    answers = [desk.client.post(path(ben, f"checks/{check.pk}/{verb}/")) for verb in ("confirm", "take-back")]
    assert {answer.status_code for answer in answers} == {404}
    assert Check.objects.count() == 1


def test_the_desk_says_what_is_required_and_nothing_else_is_taken(world: World, desk: Browser) -> None:
    assert "Saved." in desk.post_words("/desk/settings/checks/", required_checks=["met", "licence"])
    assert Organisation.objects.current().required_checks == ["licence", "met"]
    assert desk.client.post("/desk/settings/checks/", {"required_checks": "passport"}).status_code == 422
    assert Organisation.objects.current().required_checks == ["licence", "met"]
    desk.post("/desk/settings/checks/")
    assert Organisation.objects.current().required_checks == []


def test_what_ends_soon_stands_on_the_pages_of_both(world: World, desk: Browser, ben: Person) -> None:
    ends_in(world, ben, 15, "licence")
    his, said = browser(ben), "Driving licence and insurance were seen: this ends on"
    assert (said in his.words("/profile/"), "ends soon" in desk.words("/desk/")) == (False, False)
    ends_in(world, ben, 14, "licence")
    assert said in his.words("/profile/")
    assert "1 check ends soon, or has ended." in desk.words("/desk/")
    assert "It ends soon, on 16 March 2026." in desk.words(path(ben))


def test_an_empty_board_says_what_the_desk_has_still_to_check(world: World, ben: Person) -> None:
    _visit, _need = world.ask()
    desk_checks.require(["licence", "met", "first-aid"], AT)
    ticked(world, ben, "met")
    ben.volunteer.offers.update(kinds=["ride"])
    his = browser(ben)
    assert "The desk has still to check something with you." in his.words("/board/")
    page = his.words("/profile/")
    assert "has still to check this with you: Driving licence and insurance were seen." in page
    ticked(world, ben)
    assert "The way there" in his.words("/board/")
    assert "to check this with you" not in his.words("/profile/")


def test_she_reads_that_nobody_comes_once_it_ended(world: World, ben: Person) -> None:
    ends_in(world, ben, 2)
    visit, ride = world.ask(day=day(6))
    hers: Client = enter(visit)
    say_yes(visit, take(ben, only_task(ride)), place="Under the clock")
    assert "Yes. Somebody is coming." in hers.get("/a/mine/").content.decode()
    tasks.look_at_checks(morning(2))
    page = hers.get("/a/mine/").content.decode()
    assert "Nobody is coming until this page says yes." in page
    assert Claim.objects.get().place is None
