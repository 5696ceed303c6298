"""A trip of several legs, each with its own times, driver and secrets; and a car that breaks down."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from notify.models import Channel, Notice
from organisation import kinds, presets
from organisation.models import PhoneNumber
from privacy import clock
from privacy.crypto import Unreadable
from privacy.models import Compartment, Grant
from privacy.states import SomebodyWasFaster
from requests_app import matching, rings, standing, tasks
from requests_app.models import Claim, Need, NeedDay, Proposal, Task
from requests_app.models.shared import THREAD
from requests_app.visits import Visit
from tests.invariants import ask_django
from tests.requests_app.desk import browser, read
from tests.requests_app.test_damaged_rows import enter
from tests.requests_app.test_pages import post, text, volunteer_client
from tests.requests_app.world import World, claim_of, say_yes, take, unlocked
from tests.volunteers.people import AT, Person
from volunteers.models import Volunteer

MORNING, AFTERNOON, EVENING, NIGHT = (int(part) for part in clock.Part)
WEEK_OF = {part: sum(part << 4 * day for day in range(7)) for part in (MORNING, AFTERNOON, EVENING, NIGHT)}
HERS = {
    "there": {"to": "The mill behind the canal", "there_by": "10:20"},
    "back": {"back_to": "Ana's flat, second floor", "back_after": "17:40"},
    "onward": {"onward_to": "The night train, platform 9", "onward_by": "23:10"},
}
TRIP = {"back": "yes", "onward": "yes", **HERS["there"], **HERS["back"], **HERS["onward"]}
TIMES = {"parts": MORNING, "parts_of": {"back": EVENING, "onward": NIGHT}}


def leg(need: Need, role: str) -> Task:
    return Task.objects.select_related("need", "need__mailbox").get(need=need, role=role)


def comes(world: World, visit: Visit, need: Need, role: str, who: Person) -> Claim:
    """They take that leg, and she says yes with a meeting point of its own."""
    return say_yes(visit, take(who, leg(need, role)), place=f"Where the {role} begins")


def words(client: Client, path: str) -> str:
    """What a person reads there."""
    return read(text(client.get(path)))


def can_be_told_how_soon(recipient: UUID) -> None:
    told = {"transport": "email", "address": "somebody@example.org", "language": "en", "paces": True}
    Channel.objects.add(recipient=recipient, at=AT, **told)


def statuses(need: Need) -> dict[str, str]:
    return dict(Task.objects.filter(need=need).order_by("position").values_list("role", "status"))


# Times


def test_each_leg_has_times_and_days_of_its_own(world: World) -> None:
    _visit, need = world.ask(answers=TRIP, **TIMES)
    found = Task.objects.filter(need=need).order_by("position").values_list("role", "parts")
    days = NeedDay.objects.filter(need=need).values_list("task__role", "any_parts")
    assert list(found) == [("there", MORNING), ("back", EVENING), ("onward", NIGHT)]
    assert set(days) == set(found)
    twice = NeedDay.objects.get(task=leg(need, "back"))
    twice.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        twice.save(force_insert=True)


def test_who_is_free_at_the_time_of_one_leg_is_asked_for_that_one_alone(world: World) -> None:
    early, late = (world.volunteer(weekly=WEEK_OF[part]) for part in (MORNING, EVENING))
    _visit, need = world.ask(answers=TRIP, **TIMES)
    for role in ("there", "back", "onward"):
        rings.ask_next(leg(need, role), AT)
    asked = set(Proposal.objects.values_list("task__role", "volunteer"))
    assert asked == {("there", early.volunteer.pk), ("back", late.volunteer.pk)}
    nobody = {row.condition: row.would_fit for row in matching.why_nobody(leg(need, "onward"), AT)}
    assert nobody["parts"] == 2


def test_the_board_says_when_that_leg_is(world: World) -> None:
    client = volunteer_client(world.volunteer(weekly=WEEK_OF[EVENING]))
    world.ask(answers=TRIP, **TIMES)
    page = text(client.get("/board/"))
    assert ("The way back" in page, "evening" in page, "morning" in page) == (True, True, False)


def test_a_leg_is_on_fire_by_its_own_time_and_not_by_that_of_the_need(world: World) -> None:
    _visit, need = world.ask(answers=TRIP, **TIMES)
    at = leg(need, "back").begins_at() - timedelta(hours=1)
    pace = kinds.get("ride").escalate_every
    assert (leg(need, "there").needed_by(at), leg(need, "onward").needed_by(at)) == (
        None,
        clock.part_start(need.day, NIGHT),
    )
    rings.ask_next(leg(need, "back"), at)
    assert leg(need, "back").escalate_after < at + pace


# No driver sees another's points


def shown(client: Client, need: Need) -> set[str]:
    """Which secrets of which leg stand on a driver's page."""
    page = words(client, f"/needs/{need.pk}/")
    secrets = {value: f"{role} {slug}" for role, own in HERS.items() for slug, value in own.items()}
    secrets |= {f"Where the {role} begins": f"{role} meeting point" for role in HERS}
    return {name for secret, name in secrets.items() if secret in page}


def test_a_driver_is_shown_where_and_when_of_their_own_leg_alone(world: World) -> None:
    ben, cleo = world.volunteer("Ben"), world.volunteer("Cleo")
    visit, need = world.ask(answers=TRIP, **TIMES)
    comes(world, visit, need, "there", ben)
    comes(world, visit, need, "back", cleo)

    theirs = {
        who: shown(volunteer_client(person), need) for who, person in {"Ben": ben, "Cleo": cleo}.items()
    }

    assert theirs == {
        "Ben": {"there to", "there there_by", "there meeting point"},
        "Cleo": {"back back_to", "back back_after", "back meeting point"},
    }


def test_only_the_driver_who_waits_reads_until_when(world: World) -> None:
    ben, cleo = world.volunteer("Ben"), world.volunteer("Cleo")
    answers = {"back": "yes", "wait": "outside", "wait_until": "15:10"}
    visit, need = world.ask(answers=answers, parts=MORNING)
    comes(world, visit, need, "there", ben)
    comes(world, visit, need, "back", cleo)
    reads = [
        "Until about when? 15:10" in words(volunteer_client(who), f"/needs/{need.pk}/") for who in (ben, cleo)
    ]
    assert reads == [True, False]


def test_no_key_of_a_driver_opens_what_is_another_s(world: World) -> None:
    ben, cleo = world.volunteer("Ben"), world.volunteer("Cleo")
    visit, need = world.ask(answers=TRIP, desk_reads=True, **TIMES)
    claims = {
        "there": comes(world, visit, need, "there", ben),
        "back": comes(world, visit, need, "back", cleo),
    }
    keys = {"there": unlocked(ben), "back": unlocked(cleo)}

    for role, key in keys.items():
        for other in HERS:
            task = leg(need, other)
            if other == role:
                assert task.read_answers(key) == HERS[role]
                continue
            with pytest.raises(Unreadable):
                task.read_answers(key)
            if other in claims:
                claim = Claim.objects.select_related("need", "task").get(pk=claims[other].pk)
                for opens in (lambda c=claim, k=key: c.read_place(k, AT), lambda c=claim, k=key: c.thread(k)):
                    with pytest.raises(Unreadable):
                        opens()

    # Also with every grant there is in hand: none of theirs is of another's compartment.
    opened = Grant.objects.filter(reader_kind="volunteer", reader_id=str(ben.volunteer.pk))
    purposes = set(opened.values_list("compartment__purpose", flat=True))
    assert purposes == {"note", leg(need, "there").purpose, "place", THREAD}
    assert ask_django().broken() == {}


def test_she_and_the_desk_she_lets_read_open_every_leg(world: World) -> None:
    visit, need = world.ask(answers=TRIP, desk_reads=True, **TIMES)
    _visit, closed = world.ask(answers=TRIP, **TIMES)
    for role, own in HERS.items():
        assert leg(need, role).read_answers(visit.unlocked) == own
        assert leg(need, role).read_answers(world.desk()) == own
        with pytest.raises(Unreadable):
            leg(closed, role).read_answers(world.desk())
    page = browser(world.coordinator).words(f"/desk/needs/{need.pk}/")
    assert "The way back: Where to? Ana's flat, second floor" in page


def test_a_place_written_for_the_desk_is_for_the_first_leg_alone(world: World) -> None:
    ben, cleo = world.volunteer("Ben"), world.volunteer("Cleo")
    _visit, need = world.ask(answers=TRIP, decides="desk", desk_reads=True, place="Her own door", **TIMES)
    at_desk = world.desk()
    for role, who in {"there": ben, "back": cleo}.items():
        claim = take(who, leg(need, role))
        claim.approve(at_desk, claim.key_fingerprint(), AT)
    places = {
        role: claim_of(who, leg(need, role)).read_place(unlocked(who), AT)
        for role, who in {"there": ben, "back": cleo}.items()
    }
    assert places == {"there": "Her own door", "back": ""}
    assert leg(need, "back").read_answers(unlocked(cleo)) == HERS["back"]


def test_the_first_who_takes_a_leg_opens_it_once_she_looks(world: World) -> None:
    ben = world.volunteer("Ben")
    visit, need = world.ask(answers=TRIP, decides="first", **TIMES)
    take(ben, leg(need, "back"))
    with pytest.raises(Unreadable):
        leg(need, "back").read_answers(unlocked(ben))
    visit.mailbox.settle(visit.seed, AT)
    assert leg(need, "back").read_answers(unlocked(ben)) == HERS["back"]


def test_a_driver_with_a_new_key_opens_their_leg_after_her_yes(world: World) -> None:
    ben = world.volunteer("Ben")
    visit, need = world.ask(answers=TRIP, **TIMES)
    comes(world, visit, need, "back", ben)
    made = standing.start_over(ben.volunteer, "another quiet lantern", "en", AT)
    again = Person(Volunteer.objects.get(pk=ben.volunteer.pk), made.private, "", "another quiet lantern")
    with pytest.raises(Unreadable):
        leg(need, "back").read_answers(unlocked(again))
    claim = claim_of(again, leg(need, "back"))
    claim.approve_key(visit.unlocked, claim.key_fingerprint(), AT)
    assert leg(need, "back").read_answers(unlocked(again)) == HERS["back"]


def test_a_leg_that_is_done_keeps_nothing_and_erasing_takes_the_rest(world: World) -> None:
    ben = world.volunteer("Ben")
    visit, need = world.ask(answers=TRIP, **TIMES)
    comes(world, visit, need, "there", ben).finish(AT)
    left = dict(Task.objects.filter(need=need).values_list("role", "answers"))
    assert (left["there"], left["back"] is None) == (None, False)
    purposes = Compartment.objects.of(need.slot_owner).values_list("purpose", flat=True)
    assert set(purposes) == {"note", leg(need, "back").purpose, leg(need, "onward").purpose}

    Need.objects.get(pk=need.pk).withdraw(AT)

    assert Compartment.objects.count() == 0
    assert set(Task.objects.values_list("answers", flat=True)) == {None}


def test_the_need_is_met_when_its_last_leg_is_done_and_expires_after_it(world: World) -> None:
    ben = world.volunteer("Ben")
    visit, need = world.ask(answers=TRIP, **TIMES)
    assert need.expires_at > clock.part_end(need.day, NIGHT)
    seen = []
    for role in ("there", "onward", "back"):
        comes(world, visit, need, role, ben).finish(AT)
        seen.append(Need.objects.get(pk=need.pk).status)
    assert seen == ["open", "open", "met"]


# Which legs nobody has


def test_everybody_reads_which_legs_nobody_has_in_order(world: World) -> None:
    ben = world.volunteer("Ben")
    visit, need = world.ask(answers=TRIP, **TIMES)
    comes(world, visit, need, "there", ben)
    said = "The way back: nobody yet. The way onward: nobody yet."
    asker = enter(visit)
    assert f"Somebody is coming. Not everything is taken yet. {said}" in words(asker, "/a/mine/")
    lines = "The way back: nobody yet. The way onward: nobody yet."
    assert lines in words(volunteer_client(world.volunteer()), f"/needs/{need.pk}/")
    assert lines in browser(world.coordinator).words(f"/desk/needs/{need.pk}/")

    take(world.volunteer("Cleo"), leg(need, "back"))

    page = words(asker, "/a/mine/")
    assert ("The way onward: nobody yet." in page, "The way back: nobody" in page) == (True, False)


def test_a_need_of_one_task_names_no_legs(world: World) -> None:
    visit, _need = world.ask()
    assert "The way there: nobody" not in words(enter(visit), "/a/mine/")


def test_a_leg_nobody_took_in_time_is_not_said_to_be_open(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit, need = world.ask(answers=TRIP, **TIMES)
    later = clock.part_end(need.day, MORNING)
    monkeypatch.setattr("privacy.clock.now", lambda: later)
    page = words(enter(visit), "/a/mine/")
    assert "The way there: nobody, and its time is over. The way back: nobody yet." in page


# A car breaks down


@pytest.fixture
def lost(world: World) -> tuple[Visit, Need, Person, Person]:
    """Ben drove there and is to drive back and onward; Cleo was asked before and did not answer."""
    ben, cleo = world.volunteer("Ben"), world.volunteer("Cleo")
    visit, need = world.ask(answers=TRIP, **TIMES)
    for role in ("back", "onward"):
        rings.ask_next(leg(need, role), AT)
    comes(world, visit, need, "there", ben).finish(AT)
    comes(world, visit, need, "back", ben)
    take(ben, leg(need, "onward"))
    return visit, need, ben, cleo


def break_down(person: Person, need: Need) -> None:
    claim = Claim.objects.on_need(person.volunteer, need.pk, AT)
    assert claim is not None
    claim.cannot_go_on(AT)


def test_everything_left_is_given_back_and_what_is_done_stays_done(
    world: World, lost: tuple[Visit, Need, Person, Person]
) -> None:
    visit, need, ben, _cleo = lost
    break_down(ben, need)
    assert statuses(need) == {"there": "done", "back": "open", "onward": "open"}
    assert set(Claim.objects.values_list("status", flat=True)) == {"done", "released"}
    with pytest.raises(Unreadable):
        leg(need, "back").read_answers(unlocked(ben))
    assert leg(need, "back").read_answers(visit.unlocked) == HERS["back"]
    assert ask_django().broken() == {}
    with pytest.raises(SomebodyWasFaster):
        Claim.objects.filter(volunteer=ben.volunteer)[0].cannot_go_on(AT)


def test_all_rings_are_asked_at_once_also_who_was_asked_before_but_not_the_driver(
    world: World, lost: tuple[Visit, Need, Person, Person]
) -> None:
    _visit, need, ben, cleo = lost
    people = [cleo, *(world.volunteer() for _ in range(kinds.get("ride").rings[0] + 2))]
    break_down(ben, need)
    tasks.escalate(AT)
    for role in ("back", "onward"):
        task = leg(need, role)
        asked = set(task.proposals.filter(outcome="asked").values_list("volunteer", flat=True))
        assert asked == {person.volunteer.pk for person in people}
        assert task.escalate_after == clock.quarter_down(AT) + clock.QUARTER

    newcomer = world.volunteer()
    tasks.escalate(AT + clock.QUARTER)
    tasks.escalate(AT + clock.QUARTER)
    again = leg(need, "back").proposals.filter(outcome="asked")
    assert sorted(again.values_list("volunteer", flat=True)) == sorted(
        person.volunteer.pk for person in [*people, newcomer]
    )


def test_she_and_the_desk_are_told_once_that_it_changed(
    world: World, lost: tuple[Visit, Need, Person, Person]
) -> None:
    visit, need, ben, _cleo = lost
    world.can_be_told(world.coordinator)
    PhoneNumber.objects.add(label="Night line", number="555 0199")
    from_her = Notice.objects.filter(recipient=need.pk)
    can_be_told_how_soon(need.pk)
    Notice.objects.all().delete()
    break_down(ben, need)
    assert list(from_her.values_list("pace", flat=True)) == ["changed"]
    assert Notice.objects.filter(recipient=world.coordinator.volunteer.pk).count() == 1
    page = words(enter(visit), "/a/mine/")
    assert (
        "Somebody who was coming cannot come any more. We look for somebody else at once."
        " The way back: nobody yet. The way onward: nobody yet. The way there: done."
        " Nobody is coming until this page says yes. The desk knows."
    ) in page
    assert "You can also call: Night line: 555 0199" in page


def test_it_is_urgent_until_somebody_comes_again(
    world: World, lost: tuple[Visit, Need, Person, Person]
) -> None:
    visit, need, ben, cleo = lost
    break_down(ben, need)
    assert "Lost on the way" in browser(world.coordinator).words("/desk/")
    held = take(cleo, leg(need, "back"))
    assert leg(need, "back").urgent
    say_yes(visit, held)
    assert (leg(need, "back").urgent, leg(need, "onward").urgent) == (False, True)


def test_whoever_stands_by_holds_it_at_once(world: World, lost: tuple[Visit, Need, Person, Person]) -> None:
    _visit, need, ben, cleo = lost
    take(cleo, leg(need, "back"), standing_by=True)
    break_down(ben, need)
    assert statuses(need) == {"there": "done", "back": "held", "onward": "open"}
    claim_of(cleo, leg(need, "back")).lapse(AT + timedelta(days=1))
    assert (leg(need, "back").status, leg(need, "back").urgent) == ("open", True)


def test_the_driver_presses_one_button_and_twice_is_harmless(
    world: World, lost: tuple[Visit, Need, Person, Person]
) -> None:
    _visit, need, ben, cleo = lost
    theirs, address = volunteer_client(ben), f"/needs/{need.pk}/"
    page, other = text(theirs.get(address)), volunteer_client(cleo)
    assert page.count("My car broke down") == 1
    hers = text(other.get(address))
    assert "My car broke down" not in hers
    answers = [post(theirs, f"{address}cannot-go-on/", page) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert statuses(need) == {"there": "done", "back": "open", "onward": "open"}
    assert post(other, f"{address}cannot-go-on/", hers).status_code == 404


# When she messages


def test_the_way_back_waits_for_her_message_and_that_goes_out_now(world: World) -> None:
    ben = world.volunteer("Ben")
    can_be_told_how_soon(ben.volunteer.pk)
    visit, need = world.ask(answers={"back": "message", "back_to": "Home"}, parts=MORNING)
    comes(world, visit, need, "there", ben).finish(AT)
    comes(world, visit, need, "back", ben)
    assert statuses(need) == {"there": "done", "back": "approved"}
    hers = words(enter(visit), "/a/mine/")
    assert "This begins when you write to them." in hers
    assert "This begins when the person writes to you." in words(volunteer_client(ben), f"/needs/{need.pk}/")
    Notice.objects.all().delete()
    claim_of(ben, leg(need, "back")).write(visit.unlocked, "asker", "I am ready.", AT)
    assert list(Notice.objects.values_list("pace", flat=True)) == ["now"]


def on_the_way_back(world: World) -> tuple[Visit, Need, Person, Person]:
    """Ben drives her back when she messages; it is 14:00 of that day. Cleo could, too, in the evening."""
    ben, cleo = world.volunteer("Ben"), world.volunteer("Cleo", weekly=WEEK_OF[EVENING])
    visit, need = world.ask(answers={"back": "message"}, parts=MORNING)
    comes(world, visit, need, "there", ben).finish(AT)
    comes(world, visit, need, "back", ben)
    return visit, need, ben, cleo


def test_a_driver_lost_while_she_has_not_messaged_yet_is_replaced(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit, need, ben, cleo = on_the_way_back(world)
    two = clock.at_minutes(need.day, 14 * 60)
    claim_of(ben, leg(need, "back")).cannot_go_on(two)
    tasks.escalate(two)
    asked = Proposal.objects.filter(task=leg(need, "back"), outcome="asked")
    assert list(asked.values_list("volunteer", flat=True)) == [cleo.volunteer.pk]
    monkeypatch.setattr("privacy.clock.now", lambda: two)
    page = words(enter(visit), "/a/mine/")
    assert ("We look for somebody else at once." in page, "its time is over" in page) == (True, False)


def test_nobody_is_said_to_look_for_somebody_whose_time_is_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ben = world.volunteer("Ben")
    visit, need = world.ask(answers={"back": "yes"}, parts=MORNING, parts_of={"back": AFTERNOON})
    comes(world, visit, need, "back", ben)
    late = clock.part_end(need.day, AFTERNOON)
    claim_of(ben, leg(need, "back")).cannot_go_on(late)
    monkeypatch.setattr("privacy.clock.now", lambda: late)
    page = words(enter(visit), "/a/mine/")
    assert "It is too late to ask somebody else." in page
    assert ("We look" in page, "Please use another plan now." in page) == (False, True)


@pytest.mark.parametrize("decides", ["asker", "first"])
def test_a_driver_is_not_missed_before_she_messages(world: World, decides: str) -> None:
    ben = world.volunteer("Ben")
    visit, need = world.ask(
        answers={"back": "message"}, parts=MORNING, parts_of={"back": EVENING}, decides=decides
    )
    held = take(ben, leg(need, "back"))
    if decides == "asker":
        say_yes(visit, held)
    visit.mailbox.settle(visit.seed, AT)
    claim = claim_of(ben, leg(need, "back"))

    def expected() -> set[str]:
        return set(claim.taps.filter(status="expected", side="volunteer").values_list("slug", flat=True))

    assert expected() == {"home-safe"}
    claim.meet_when(clock.at_minutes(need.day, 18 * 60), AT)
    visit.mailbox.settle(visit.seed, AT)
    assert expected() == {"home-safe", "on-my-way", "arrived"}


def test_once_she_said_when_they_are_home_two_hours_after_that_part_of_the_day(world: World) -> None:
    visit, need, ben, _cleo = on_the_way_back(world)
    visit.mailbox.settle(visit.seed, AT)
    claim = claim_of(ben, leg(need, "back"))

    def home_by() -> list[tuple[str, datetime]]:
        rows = claim.taps.filter(status="expected", slug="home-safe").order_by("side")
        return list(rows.values_list("side", "due_at"))

    def both(moment: datetime) -> list[tuple[str, datetime]]:
        return [(side, moment + timedelta(hours=2)) for side in ("asker", "volunteer")]

    assert home_by() == both(clock.day_end(need.day))
    claim.meet_when(clock.at_minutes(need.day, 14 * 60), AT)
    assert home_by() == both(clock.part_end(need.day, AFTERNOON))
    # It takes longer in there than she thought.
    claim.meet_when(clock.at_minutes(need.day, 18 * 60), AT)
    assert home_by() == both(clock.part_end(need.day, EVENING))
    home = presets.get("home-safe")
    assert home
    claim.say(visit.unlocked, "asker", home, AT)
    claim.meet_when(clock.at_minutes(need.day, 14 * 60), AT)
    assert home_by() == both(clock.part_end(need.day, AFTERNOON))[1:]


def test_a_message_about_another_leg_is_not_hurried(world: World) -> None:
    ben = world.volunteer("Ben")
    can_be_told_how_soon(ben.volunteer.pk)
    visit, need = world.ask(answers={"back": "message"}, parts=MORNING)
    comes(world, visit, need, "there", ben)
    Notice.objects.all().delete()
    claim_of(ben, leg(need, "there")).write(visit.unlocked, "asker", "I have a red bag.", AT)
    assert list(Notice.objects.values_list("pace", flat=True)) == [""]
