"""One tap: said in a language each reads, ticking what was waited for; and what does not come is noticed."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation
from django.utils.functional import lazy

from organisation import conditions, kinds, presets
from organisation.kind import BadKind
from organisation.kind import Tap as Line
from organisation.models import PhoneNumber
from privacy import clock
from privacy.models import Compartment
from requests_app import tasks
from requests_app.forms.taps import WhenForm
from requests_app.models import Claim, Message, Need, Tap, Task
from requests_app.models.tap import evening_of
from requests_app.visits import Visit
from tests.mutualaid.grains import is_too_exact
from tests.requests_app import desk
from tests.requests_app.company import (
    ASKER,
    ENDS,
    LATE,
    MINUTE,
    MORNING,
    PLACE,
    VOLUNTEER,
    asked,
    company,
    hears,
    preset,
    told,
)
from tests.requests_app.test_query_counts import enter
from tests.requests_app.world import TOMORROW, World, only_task, say_yes, take, unlocked
from tests.volunteers.people import AT, Person

HOUR = timedelta(hours=1)
# Nine o'clock tomorrow, and a companion who said so.
NINE = datetime.combine(TOMORROW, time(9), tzinfo=UTC)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Any:
    """now(moment): from then on it is that moment."""

    def set_to(at: datetime) -> None:
        monkeypatch.setattr("privacy.clock.now", lambda: at)
        monkeypatch.setattr("privacy.clock.read", lambda: clock.Reading(at, at, at))

    return set_to


def alone(world: World, **values: Any) -> tuple[Visit, Claim, Person]:
    """Ben comes tomorrow morning."""
    visit, need = world.ask(**asked(answers={"setting": "office"}, **values))
    ben = world.volunteer("Ben")
    return visit, say_yes(visit, take(ben, only_task(need)), place=PLACE), ben


def staying(world: World, nights: int = 2) -> tuple[Visit, Claim, Person]:
    """She sleeps at Ben's from tomorrow."""
    visit, need = world.ask(kind="stay", nights=nights)
    ben = world.volunteer("Ben")
    return visit, say_yes(visit, take(ben, only_task(need))), ben


def rows(claim: Claim) -> list[tuple[str, str, str]]:
    """(side, slug, status) of everything that was ever waited for and not dropped."""
    found = Tap.objects.filter(claim=claim).exclude(status="dropped").order_by("due_at", "side", "slug")
    return list(found.values_list("side", "slug", "status"))


def her_words(visit: Visit) -> str:
    return desk.read(enter(visit).get("/a/mine/").content.decode())


def says(claim: Claim, who: Any, side: str, slug: str, at: datetime) -> None:
    claim.say(who, side, preset(slug), at)


# What is said


def test_each_reads_a_preset_in_the_language_of_their_own_page(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit, claim, ben = alone(world)
    spoken = lazy(lambda: f"This is said in {translation.get_language()}", str)()
    monkeypatch.setitem(presets._BY_SLUG, "ready", replace(preset("ready"), text=spoken))
    says(claim, visit.unlocked, ASKER, "ready", AT)
    browser = desk.browser(ben)
    browser.client.cookies[settings.LANGUAGE_COOKIE_NAME] = "fr"
    hers, theirs = her_words(visit), browser.words(f"/needs/{claim.need_id}/")
    assert ("This is said in en" in hers, "This is said in fr" in theirs) == (True, True)


def test_nothing_in_clear_says_which_preset_was_sent(world: World) -> None:
    visit, claim, _ben = alone(world)
    for slug in ("late", "cannot-come", "home-safe"):
        says(claim, visit.unlocked, ASKER, slug, AT)
    claim.write(visit.unlocked, ASKER, "I wear a green scarf.", AT)
    sizes = {len(bytes(body)) for body in Message.objects.values_list("body", flat=True)}
    said = str(list(Message.objects.values()))
    assert (len(sizes), [slug for slug in ("late", "cannot", "home") if slug in said]) == (1, [])


def test_what_somebody_types_is_never_taken_for_a_preset(world: World) -> None:
    visit, claim, _ben = alone(world)
    client = enter(visit)
    path = f"/a/mine/people/{claim.pk}/"
    _post(client, f"{path}message/", text=presets.stored("home-safe"))
    _post(client, f"{path}message/", text="home-safe")
    texts = [row.text(claim.thread(visit.unlocked)) for row in Message.objects.all()]
    assert texts == ["home-safe"]


def test_a_preset_nobody_has_any_more_is_said_to_be_unreadable(world: World) -> None:
    assert (presets.shown(presets.stored("gone")), presets.shown("gone")) == ("", "gone")


@pytest.mark.parametrize(
    ("slug", "pace"), [("late", "now"), ("ready", "now"), ("cannot-come", "changed"), ("home-safe", "")]
)
def test_the_other_side_hears_it_with_its_pace(world: World, slug: str, pace: str) -> None:
    visit, claim, ben = alone(world)
    hears(ben.volunteer.pk)
    says(claim, visit.unlocked, ASKER, slug, AT)
    assert told(ben.volunteer.pk) == [pace]


def test_both_have_the_buttons_and_a_button_pressed_twice_sends_one_message(world: World) -> None:
    visit, claim, ben = alone(world)
    client, browser = enter(visit), desk.browser(ben)
    hers, theirs = her_words(visit), browser.words(f"/needs/{claim.need_id}/")
    both = ("I am on my way", "I cannot come", "I am home safe", "We have a break")
    assert [text for text in both if text not in hers or text not in theirs] == []
    assert ("please come now" in hers, "please come now" in theirs) == (True, False)
    once = "0f14d0ab-9605-4a62-a9e4-5ed26688389b"
    for _press in range(2):
        assert _post(client, f"/a/mine/people/{claim.pk}/say/", say="late", once=once).status_code == 302
        browser.post(f"/needs/{claim.need_id}/say/", say="on-my-way", task=claim.task_id, once=once)
    assert sorted(Message.objects.values_list("author", flat=True)) == [ASKER, VOLUNTEER]


@pytest.mark.parametrize("slug", ["ok-tonight", "gone", "", "x" * 99])
def test_what_there_is_no_button_for_is_not_sent(world: World, slug: str) -> None:
    visit, claim, ben = alone(world)
    answer = _post(enter(visit), f"/a/mine/people/{claim.pk}/say/", say=slug)
    theirs = desk.browser(ben).client.post(
        f"/needs/{claim.need_id}/say/", {"say": "ready", "task": claim.task_id}
    )
    assert (answer.status_code, theirs.status_code, Message.objects.count()) == (404, 404, 0)


def test_whoever_cannot_come_has_the_way_out_beside_it_and_is_not_released_by_saying_so(world: World) -> None:
    visit, claim, ben = alone(world)
    browser = desk.browser(ben)
    page = browser.post_words(f"/needs/{claim.need_id}/say/", say="cannot-come", task=claim.task_id)
    assert "You said that you cannot come. You are still expected. I can't after all" in page
    assert Claim.objects.get().status == "approved"
    assert "They say that they cannot come." in her_words(visit)

    _post(enter(visit), f"/a/mine/people/{claim.pk}/say/", say="cannot-come")
    assert "You said that you cannot come. It still stands. Take it back" in her_words(visit)
    assert Need.objects.get().status == "open"

    _post(enter(visit), f"/a/mine/people/{claim.pk}/say/", say="on-my-way")
    assert "You said that you cannot come." not in her_words(visit)


def test_her_page_says_at_its_top_that_somebody_cannot_come_and_no_more_that_somebody_is_coming(
    world: World,
) -> None:
    visit, claim, ben = alone(world)
    assert "Yes. Somebody is coming." in her_words(visit)

    claim.say(unlocked(ben), VOLUNTEER, preset("cannot-come"), AT)

    page = her_words(visit)
    first = page.index("1 person says that they cannot come. Look below.")
    assert "Yes. Somebody is coming." not in page
    assert first < page.index("Nobody else is coming until this page says yes.") < page.index("Ben")
    assert first < page.index("use another plan.") < page.index("Ben")

    claim.say(unlocked(ben), VOLUNTEER, preset("on-my-way"), AT)
    assert "Yes. Somebody is coming." in her_words(visit)


def test_of_a_pair_she_reads_who_still_comes_and_takes_the_backup_at_once(world: World) -> None:
    made = company(world)
    assert "Take the backup instead of" not in her_words(made.visit)

    made.claim(made.ben).say(unlocked(made.ben), VOLUNTEER, preset("cannot-come"), AT)

    page = her_words(made.visit)
    assert "1 person says that they cannot come. Look below. A second companion: somebody comes." in page
    assert "somebody comes. Nobody else is coming until this page says yes. If it does not say yes by" in page
    assert "Yes. Somebody is coming." not in page
    assert "They say that they cannot come. You can take the backup, or call." in page
    # Beside what they said, and beside the backup; not instead of the one who comes.
    assert page.count("Take the backup instead of Ben") == 2
    assert "Take the backup instead of Cleo" not in page

    path = f"/a/mine/people/{made.claim(made.dora).pk}/promote/"
    _post(enter(made.visit), path, task=made.task("companion").pk)
    assert (made.claim(made.dora).status, made.claim(made.ben).status) == ("approved", "declined")
    assert "Yes. Somebody is coming." in her_words(made.visit)


def test_where_both_cannot_come_she_reads_that_nobody_else_is_coming(world: World) -> None:
    made = company(world)
    for who in (made.ben, made.cleo):
        made.claim(who).say(unlocked(who), VOLUNTEER, preset("cannot-come"), AT)
    page = her_words(made.visit)
    assert "2 people say that they cannot come. Look below. Nobody else is coming until this" in page


def test_a_locked_key_asks_for_the_passphrase_and_sends_nothing(world: World) -> None:
    _visit, claim, ben = alone(world)
    answer = desk.locked(ben).client.post(
        f"/needs/{claim.need_id}/say/", {"say": "arrived", "task": claim.task_id}
    )
    assert (answer.status_code, "/accounts/unlock/" in answer["Location"]) == (302, True)
    assert Message.objects.count() == 0


# What is waited for


def test_a_companion_who_is_late_is_noticed_by_everybody(world: World, now: Any) -> None:
    made = company(world)
    PhoneNumber.objects.create(label="Night line", number="+33 1 23 45 67 89")
    hears(made.need.pk)
    hears(world.coordinator.volunteer.pk)
    hears(made.ben.volunteer.pk)
    says(made.claim(made.cleo), unlocked(made.cleo), VOLUNTEER, "arrived", ENDS)

    tasks.miss(LATE - MINUTE)
    assert told(world.coordinator.volunteer.pk) == []
    tasks.miss(LATE)
    tasks.miss(LATE + MINUTE)

    assert (told(world.coordinator.volunteer.pk), "now" in told(made.need.pk)) == (["now"], True)
    now(LATE)
    hers = her_words(made.visit)
    assert "They have not said that they are there. It was expected by" in hers
    assert (
        "You can take the backup, or call. Night line +33 1 23 45 67 89 Take the backup instead of Ben"
        in hers
    )
    assert "instead of Cleo" not in hers
    assert "You have not said that you are there." in desk.browser(made.ben).words(f"/needs/{made.need.pk}/")
    at_desk = desk.browser(world.coordinator)
    assert "Ben has not said: “I am there”" in at_desk.words(f"/desk/needs/{made.need.pk}/")
    assert "Somebody is not heard of" in at_desk.words("/desk/")

    # Late, and good all the same: nothing is said any more, and what has not left does not leave.
    says(made.claim(made.ben), unlocked(made.ben), VOLUNTEER, "arrived", LATE + HOUR)
    assert "They have not said that they are there." not in her_words(made.visit)
    assert "has not said" not in at_desk.words(f"/desk/needs/{made.need.pk}/")
    assert told(world.coordinator.volunteer.pk) == []


def test_what_is_late_is_said_also_while_no_broom_comes(world: World, now: Any) -> None:
    visit, _claim, _ben = alone(world)
    now(LATE - MINUTE)
    assert "They have not said" not in her_words(visit)
    now(LATE)
    assert "They have not said that they are there." in her_words(visit)


def test_she_says_when_they_meet_and_from_then_on_it_is_waited_for(world: World, now: Any) -> None:
    visit, claim, ben = alone(world)
    hears(ben.volunteer.pk)
    client = enter(visit)
    path = f"/a/mine/people/{claim.pk}/when/"
    bad = _post(client, path, time="soon")
    assert (bad.status_code, "Please write a time like 9:30." in bad.content.decode()) == (422, True)

    assert _post(client, path, time="9:00").status_code == 302

    due = Tap.objects.get(claim=claim, slug="arrived", status="expected")
    assert (due.due_at, due.missed_after) == (NINE, NINE + timedelta(minutes=30))
    assert told(ben.volunteer.pk) == ["changed"]
    assert "You say “I am there” by" in desk.browser(ben).words(f"/needs/{claim.need_id}/")
    now(NINE)
    over = _post(enter(visit), path, time="8:00")
    assert (over.status_code, "This time is over." in over.content.decode()) == (422, True)


@pytest.mark.parametrize("typed", ["12:00", "16:00", "04:45"])
def test_they_do_not_meet_when_nobody_asked_for_it(world: World, typed: str) -> None:
    visit, claim, _ben = alone(world)
    before = set(claim.taps.values_list("slug", "due_at", "status"))
    refused = _post(enter(visit), f"/a/mine/people/{claim.pk}/when/", time=typed)
    page = refused.content.decode()
    assert (refused.status_code, "This is not within the times you ticked." in page) == (422, True)
    assert f'value="{typed}"' in page
    assert set(claim.taps.values_list("slug", "due_at", "status")) == before


def test_each_way_is_met_for_at_its_own_time(world: World) -> None:
    evening, ben = int(clock.Part.EVENING), world.volunteer("Ben")
    visit, need = world.ask(answers={"back": "yes"}, parts=MORNING, parts_of={"back": evening})
    back = Task.objects.select_related("need").get(need=need, role="back")
    claim = say_yes(visit, take(ben, back), place=PLACE)
    path = f"/a/mine/people/{claim.pk}/when/"
    sent = [_post(enter(visit), path, time=typed).status_code for typed in ("06:00", "18:00")]
    assert sent == [422, 302]


def test_an_hour_after_midnight_is_in_the_night_of_that_day(world: World) -> None:
    night = int(clock.Part.NIGHT)
    _visit, need = world.ask(kind="ride", parts=night)
    form = WhenForm({"time": "1:30"}, need=need, parts=night, at=AT)
    assert form.is_valid()
    assert form.moment().date() == TOMORROW + timedelta(days=1)


def test_ten_minutes_late_puts_off_when_somebody_is_missed(world: World) -> None:
    _visit, claim, ben = alone(world)
    says(claim, unlocked(ben), VOLUNTEER, "late", ENDS)
    tasks.miss(LATE)
    assert Tap.objects.filter(status="missed").count() == 0
    tasks.miss(LATE + timedelta(minutes=15))
    assert Tap.objects.get(status="missed").slug == "arrived"


def test_a_break_is_over_by_a_time_and_out_leads_home(world: World) -> None:
    visit, claim, ben = alone(world)
    hers, theirs = visit.unlocked, unlocked(ben)
    assert rows(claim) == [
        (VOLUNTEER, "arrived", "expected"),
        (ASKER, "home-safe", "expected"),
        (VOLUNTEER, "home-safe", "expected"),
    ]
    home = rows(claim)[1:]

    says(claim, theirs, VOLUNTEER, "arrived", NINE)
    says(claim, theirs, VOLUNTEER, "inside", NINE)
    assert {(ASKER, "out", "expected"), (VOLUNTEER, "out", "expected")} < set(rows(claim))
    says(claim, hers, ASKER, "break", NINE + HOUR)
    waited = {row for row in rows(claim) if row[2] == "expected"}
    assert waited == {(ASKER, "inside", "expected"), (VOLUNTEER, "inside", "expected"), *home}

    tasks.miss(NINE + 2 * HOUR)
    assert {row for row in rows(claim) if row[2] == "missed"} == {
        (ASKER, "inside", "missed"),
        (VOLUNTEER, "inside", "missed"),
    }
    # One of the two says it for both.
    says(claim, hers, ASKER, "inside", NINE + 2 * HOUR)
    says(claim, theirs, VOLUNTEER, "out", NINE + 3 * HOUR)
    left = {row for row in rows(claim) if row[2] in ("expected", "missed")}
    assert left == set(home)
    dues = set(Tap.objects.filter(slug="home-safe", status="expected").values_list("due_at", flat=True))
    assert dues == {NINE + 5 * HOUR}
    says(claim, hers, ASKER, "home-safe", NINE + 4 * HOUR)
    assert {row for row in rows(claim) if row[2] == "expected"} == {(VOLUNTEER, "home-safe", "expected")}


def test_with_two_who_come_she_says_it_once(world: World) -> None:
    made = company(world)
    says(made.claim(made.ben), made.visit.unlocked, ASKER, "home-safe", NINE)
    waiting = Tap.objects.filter(side=ASKER, status="expected", claim__need=made.need)
    assert waiting.count() == 0
    assert sorted(Message.objects.values_list("claim__volunteer__handle", flat=True)) == ["Ben", "Cleo"]
    says(made.claim(made.ben), made.visit.unlocked, ASKER, "late", NINE)
    assert Message.objects.count() == 3


# OK tonight


def test_ok_tonight_is_missed_on_the_side_that_does_not_say_it(world: World, now: Any) -> None:
    visit, claim, ben = staying(world)
    hears(ben.volunteer.pk)
    hears(claim.need_id)
    evening = evening_of(TOMORROW)
    assert [row[:2] for row in rows(claim)] == [(ASKER, "ok-tonight"), (VOLUNTEER, "ok-tonight")] * 2

    now(evening - HOUR)
    page = desk.browser(ben).post_words(f"/needs/{claim.need_id}/say/", say="ok-tonight", task=claim.task_id)
    assert "OK tonight" in page
    # Of this evening; the next one is asked about again.
    theirs = [row for row in rows(claim) if row[0] == VOLUNTEER]
    assert [status for _side, _slug, status in theirs] == ["tapped", "expected"]
    tasks.miss(evening + HOUR - MINUTE)
    assert Tap.objects.filter(status="missed").count() == 0
    tasks.miss(evening + HOUR)

    assert list(Tap.objects.filter(status="missed").values_list("side", "due_at")) == [(ASKER, evening)]
    # The host hears that she did not say it; she heard only that Ben did.
    assert (told(ben.volunteer.pk), told(claim.need_id)) == (["now"], [""])
    now(evening + HOUR)
    assert "They have not said that tonight is OK." in desk.browser(ben).words(f"/needs/{claim.need_id}/")
    assert "You have not said that tonight is OK." in her_words(visit)

    # The next evening's word is of that evening, and the one before is not asked about any more.
    says(claim, visit.unlocked, ASKER, "ok-tonight", evening_of(TOMORROW + timedelta(days=1)))
    assert [row for row in rows(claim) if row[0] == ASKER] == [(ASKER, "ok-tonight", "tapped")]


@pytest.mark.parametrize(
    ("parts", "asked_for", "is_late"),
    [
        (clock.Part.NIGHT, [], True),
        (clock.Part.EVENING | clock.Part.NIGHT, ["late_arrival"], True),
        (clock.Part.EVENING | clock.Part.NIGHT, [], False),
    ],
)
def test_a_guest_who_comes_after_midnight_is_not_missed_before(
    world: World, parts: int, asked_for: list[str], is_late: bool
) -> None:
    bits = conditions.bits(asked_for)
    visit, need = world.ask(kind="stay", nights=2, parts=int(parts), conditions=bits)
    ben = world.volunteer("Ben", conditions=bits)
    claim = say_yes(visit, take(ben, only_task(need)))
    morning, midnight = clock.day_end(TOMORROW), evening_of(TOMORROW) + HOUR
    tasks.miss(midnight)
    assert Tap.objects.filter(status="missed").exists() is not is_late
    tasks.miss(morning)
    assert Tap.objects.filter(status="missed").exists() is not is_late
    # Said before midnight or at four in the morning: it is of this night, and the next is asked about again.
    says(claim, unlocked(ben), VOLUNTEER, "ok-tonight", morning - HOUR)
    left = Tap.objects.filter(side=VOLUNTEER, status="expected").values_list("due_at", flat=True)
    assert list(left) == [evening_of(TOMORROW + timedelta(days=1))]
    tasks.miss(morning + HOUR)
    assert set(Tap.objects.filter(status="missed").values_list("side", flat=True)) == {ASKER}


def test_a_stay_that_begins_after_that_hour_waits_for_the_next_evening(world: World) -> None:
    visit, need = world.ask(kind="stay", nights=2)
    ben, late = world.volunteer("Ben"), evening_of(TOMORROW) + 2 * HOUR
    claim = say_yes(visit, take(ben, only_task(need), late), late)
    assert set(Tap.objects.filter(claim=claim).values_list("due_at", flat=True)) == {
        evening_of(TOMORROW + timedelta(days=1))
    }


# Nothing is said of what is over


@pytest.mark.parametrize("end", ["release", "decline", "withdraw", "met", "pause", "erase", "lose key"])
def test_nothing_is_missed_of_what_ended_and_its_rows_die_with_it(world: World, end: str) -> None:
    visit, claim, _ben = alone(world)
    hears(world.coordinator.volunteer.pk)
    ends = {
        "release": lambda: claim.release(AT),
        "decline": lambda: claim.decline(AT),
        "withdraw": lambda: claim.need.withdraw(AT),
        "met": lambda: claim.need.met(AT),
        "pause": lambda: claim.need.pause(AT),
        "erase": lambda: visit.mailbox.erase(AT),
        "lose key": lambda: claim.need.lose_key(AT),
    }
    ends[end]()
    tasks.end_claims(AT)
    tasks.miss(LATE + HOUR)
    assert (Tap.objects.count(), told(world.coordinator.volunteer.pk)) == (0, [])


def test_a_broom_that_had_it_in_hand_says_nothing_of_what_ended_meanwhile(world: World) -> None:
    _visit, claim, _ben = alone(world)
    hears(world.coordinator.volunteer.pk)
    in_hand = list(Tap.objects.overdue(LATE))
    # Whose rows are deleted only with the next broom: the keyring is gone.
    claim.need.lose_key(AT)
    for row in in_hand:
        row.miss(LATE)
    assert (len(in_hand), Tap.objects.filter(status="missed").count()) == (1, 0)
    assert told(world.coordinator.volunteer.pk) == []


def test_nothing_is_missed_of_a_need_whose_time_is_over(world: World) -> None:
    _visit, claim, _ben = alone(world)
    hears(world.coordinator.volunteer.pk)
    late = claim.need.expires_at
    Tap.objects.update(missed_after=late)
    tasks.miss(late)
    assert (Tap.objects.filter(status="missed").count(), told(world.coordinator.volunteer.pk)) == (0, [])


def test_no_moment_is_finer_than_a_quarter(world: World) -> None:
    visit, claim, ben = alone(world)
    at = NINE + timedelta(minutes=7, seconds=13)
    claim.meet_when(at, AT)
    says(claim, unlocked(ben), VOLUNTEER, "arrived", at)
    says(claim, visit.unlocked, ASKER, "out", at)
    moments = Tap.objects.values_list("due_at", "missed_after")
    names = ("requests_app.Tap.due_at", "requests_app.Tap.missed_after")
    exact = [(name, moment) for pair in moments for name, moment in zip(names, pair, strict=True)]
    assert [pair for pair in exact if is_too_exact(*pair)] == []


def test_a_kind_whose_taps_nobody_can_make_is_refused(world: World) -> None:
    stay = kinds.get("stay")
    for line in (
        Line("unknown", (ASKER,), "start"),
        Line("out", (), "start"),
        Line("out", ("desk",), "start"),
        Line("out", (ASKER,), "inside"),
        Line("out", (ASKER,), "start", roles=("driver",)),
    ):
        with pytest.raises(BadKind):
            replace(stay, taps=(line,))


def test_when_all_is_over_no_compartment_is_left(world: World) -> None:
    made = company(world)
    made.need.withdraw(AT)
    assert (Compartment.objects.count(), Tap.objects.count(), made.need.plans.count()) == (0, 0, 0)


def _post(client: Client, path: str, **typed: Any) -> Any:
    return client.post(path, {"csrfmiddlewaretoken": client.cookies["c"].value, **typed})
