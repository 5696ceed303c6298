"""A backup opens nothing before somebody cannot come, and then comes: by her tap, or with nobody there."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from privacy.compartments import Reader
from privacy.crypto import Unreadable
from privacy.models import Grant
from privacy.states import MoveRefused, SomebodyWasFaster
from requests_app import standing, tasks
from requests_app.models import Claim, Need
from tests.invariants import ask_django
from tests.requests_app import desk
from tests.requests_app.company import NOTE, PLACE, PLAN, Company, asked, company, hears, told, yes
from tests.requests_app.test_access_ends import what_opens
from tests.requests_app.test_query_counts import enter
from tests.requests_app.world import World, say_yes, take, unlocked
from tests.volunteers.people import AT, Person
from volunteers.models import Volunteer

SECRETS = (NOTE, PLACE, PLAN)


def plan_of(made: Company, person: Person) -> str:
    """What they read of "If I do not come out"; "" where it does not open for them."""
    plan = Need.objects.get(pk=made.need.pk).plan_now(AT)
    assert plan is not None
    try:
        return plan.read(unlocked(person))
    except Unreadable:
        return ""


def opened(made: Company, person: Person) -> list[str]:
    found = [*what_opens(made.claim(person), person.private), plan_of(made, person)]
    return [text for text in found if text]


def grants_to(person: Person) -> int:
    reader: Reader = person.volunteer.reader()
    return Grant.objects.of_reader(reader.kind, reader.id).count()


def roles(made: Company) -> dict[str, tuple[str, str]]:
    """Who → which task, and how it stands."""
    rows = Claim.objects.filter(need=made.need).order_by("claimed_at", "place_in_line")
    return {row.volunteer.handle: (row.task.role, row.status) for row in rows}


def test_a_pair_at_the_police_has_a_backup_unless_she_says_no(world: World) -> None:
    made = company(world)
    assert sorted(made.need.tasks.values_list("role", flat=True)) == [
        *("backup", "companion", "second_companion")
    ]
    _visit, without = world.ask(**asked(answers={"setting": "court", "backup": "no"}))
    _visit, alone = world.ask(**asked(answers={"setting": "clinic"}))
    assert sorted(without.tasks.values_list("role", flat=True)) == ["companion", "second_companion"]
    assert list(alone.tasks.values_list("role", flat=True)) == ["companion"]


def test_before_it_is_needed_the_backup_opens_nothing_by_key(world: World) -> None:
    made = company(world)
    two_words = made.claim(made.dora).two_words()

    assert [text for text in opened(made, made.ben) if text in SECRETS] == list(SECRETS)
    assert opened(made, made.dora) == two_words
    assert (grants_to(made.ben) > 0, grants_to(made.dora)) == (True, 0)
    claim = made.claim(made.dora)
    assert (claim.status, claim.place, claim.compartments) == ("backup", None, {})


def test_before_it_is_needed_the_backup_reads_nothing_on_any_page(world: World) -> None:
    made = company(world)
    browser = desk.browser(made.dora)

    page = browser.words(f"/needs/{made.need.pk}/")
    written = browser.client.post(
        f"/needs/{made.need.pk}/say/", {"say": "arrived", "task": str(made.task("backup").pk)}, follow=True
    )

    assert "You are the backup." in page
    shown = page + desk.read(written.content.decode()) + browser.words("/board/")
    both_words = " ".join(made.claim(made.dora).two_words())
    seen = [*SECRETS, both_words, "Say it with one tap", "Yes: you are expected"]
    assert [secret for secret in seen if secret in shown] == []
    assert made.claim(made.dora).messages.count() == 0
    assert browser.client.get("/calendar/none.ics").status_code == 404


def test_she_reads_who_is_the_backup_and_that_not_everybody_comes(world: World) -> None:
    made = company(world)
    page = desk.read(enter(made.visit).get("/a/mine/").content.decode())
    assert "Yes. Somebody is coming." in page
    assert "Your backup: comes if somebody else cannot." in page
    made.claim(made.cleo).release(AT)
    made.claim(made.ben).release(AT)
    made.claim(made.dora).release(AT)
    assert "Nobody is coming until" in desk.read(enter(made.visit).get("/a/mine/").content.decode())


def test_with_a_backup_alone_nobody_is_coming(world: World) -> None:
    visit, need = world.ask(**asked())
    dora = world.volunteer("Dora")
    made = Company(visit, need, dora, dora, dora)
    claim = take(dora, made.task("backup"))
    asked_for = enter(visit).get("/a/mine/").content.decode()
    assert ("Yes, Dora may be the backup" in asked_for, 'name="place"' in asked_for) == (True, False)
    say_yes(visit, claim)
    page = desk.read(enter(visit).get("/a/mine/").content.decode())
    assert ("Nobody is coming until this page says yes." in page, "is coming. Not everything" in page) == (
        True,
        False,
    )


def test_her_tap_sends_the_backup_instead_of_one_who_is_late_and_opens_everything(world: World) -> None:
    made = company(world)
    hears(made.dora.volunteer.pk)
    hears(made.ben.volunteer.pk)

    made.claim(made.dora).promote(made.visit.unlocked, made.task("companion"), AT)

    assert roles(made) == {
        "Ben": ("companion", "declined"),
        "Cleo": ("second_companion", "approved"),
        "Dora": ("companion", "approved"),
    }
    assert [text for text in opened(made, made.dora) if text in SECRETS] == list(SECRETS)
    assert opened(made, made.ben) == []
    assert (told(made.dora.volunteer.pk), told(made.ben.volunteer.pk)) == (["now"], ["changed"])
    assert made.task("backup").is_open
    assert ask_django().broken() == {}


def test_the_backup_opens_the_place_of_whoever_makes_room_and_nobody_elses(world: World) -> None:
    visit, need = world.ask(**asked())
    ben, cleo, dora = (world.volunteer(name) for name in ("Ben", "Cleo", "Dora"))
    made = Company(visit, need, ben, cleo, dora)
    yes(made, ben, "companion", "My home: 4 Mill Lane")
    yes(made, cleo, "second_companion", "Court steps")
    yes(made, dora, "backup")

    made.claim(dora).promote(visit.unlocked, made.task("second_companion"), AT)
    visit.mailbox.settle(visit.seed, AT)

    assert made.claim(dora).read_place(unlocked(dora), AT) == "Court steps"
    assert made.claim(ben).read_place(unlocked(ben), AT) == "My home: 4 Mill Lane"


def test_the_backup_of_a_companion_is_not_sent_to_where_the_relief_comes_hours_later(world: World) -> None:
    visit, need = world.ask(
        **asked(answers={"companions": "one", "backup": "yes", "setting": "clinic", "relief": "4"})
    )
    ben, cleo, dora = (world.volunteer(name) for name in ("Ben", "Cleo", "Dora"))
    made = Company(visit, need, ben, cleo, dora)
    yes(made, ben, "companion", "My home: 4 Mill Lane")
    yes(made, cleo, "relief", "Clinic cafe")
    yes(made, dora, "backup")

    made.claim(ben).release(AT)
    visit.mailbox.settle(visit.seed, AT)

    assert made.claim(dora).is_approved
    assert made.claim(dora).read_place(unlocked(dora), AT) == ""
    # Nor where she presses it a moment later, on the page of before.
    made.claim(dora).promote(visit.unlocked, made.task("companion"), AT)
    assert made.claim(dora).read_place(unlocked(dora), AT) == ""


LEAVES: dict[str, Callable[[Company], object]] = {
    "released": lambda made: made.claim(made.ben).release(AT),
    "declined": lambda made: made.claim(made.ben).decline(AT),
    "suspended": lambda made: standing.suspend(Volunteer.objects.get(pk=made.ben.volunteer.pk), AT),
}


@pytest.mark.parametrize("how", LEAVES)
def test_when_a_companion_is_gone_the_backup_comes_with_nobody_there(world: World, how: str) -> None:
    made = company(world)
    hears(made.dora.volunteer.pk)
    hears(made.need.pk)

    LEAVES[how](made)

    dora = made.claim(made.dora)
    assert (dora.task.role, dora.status, made.task("companion").status) == (
        "companion",
        "approved",
        "approved",
    )
    # Nobody who holds a key was there: words and thread are theirs, what she wrote waits for her.
    assert [text for text in opened(made, made.dora) if text in SECRETS] == []
    assert told(made.dora.volunteer.pk) == ["now"]
    assert "now" in told(made.need.pk)
    assert "You are the backup." not in desk.browser(made.dora).words(f"/needs/{made.need.pk}/")

    hers = desk.read(enter(made.visit).get("/a/mine/").content.decode())

    # All but the place: the one that is still there is Cleo's, and she is told to write one.
    assert [text for text in opened(made, made.dora) if text in SECRETS] == [NOTE, PLAN]
    assert "They do not know where yet. Write it below." in hers
    doras = desk.browser(made.dora).words(f"/needs/{made.need.pk}/")
    assert "Nothing is written yet. Look again before you go." in doras
    made.claim(made.dora).meet_at(PLACE, AT)
    assert [text for text in opened(made, made.dora) if text in SECRETS] == list(SECRETS)
    assert ask_django().broken() == {}


def test_a_hold_that_ran_out_also_sends_the_backup(world: World) -> None:
    visit, need = world.ask(**asked())
    ben, dora = world.volunteer("Ben"), world.volunteer("Dora")
    made = Company(visit, need, ben, dora, dora)
    yes(made, dora, "backup")
    held = take(ben, made.task("companion"))
    assert held.held_until is not None

    tasks.lapse(held.held_until)

    assert roles(made) == {"Ben": ("companion", "lapsed"), "Dora": ("companion", "approved")}


def test_whoever_stands_by_comes_first(world: World) -> None:
    made = company(world)
    eve = world.volunteer("Eve")
    take(eve, made.task("companion"), standing_by=True)

    made.claim(made.ben).release(AT)

    assert roles(made)["Eve"] == ("companion", "held")
    assert roles(made)["Dora"] == ("backup", "backup")


NOT_THIS_ONE: dict[str, Callable[[Company], object]] = {
    "her no": lambda made: made.claim(made.dora).decline(AT),
    "never again": lambda made: made.claim(made.dora).decline(AT, never_again=True),
    "suspended": lambda made: standing.suspend(Volunteer.objects.get(pk=made.dora.volunteer.pk), AT),
    "a break": lambda made: made.dora.volunteer.pause((AT + timedelta(days=9)).date(), AT),
    "no offer": lambda made: made.dora.volunteer.offers.update(active=False),
}


@pytest.mark.parametrize("why", NOT_THIS_ONE)
def test_a_backup_who_is_not_to_come_is_not_sent(world: World, why: str) -> None:
    made = company(world)
    NOT_THIS_ONE[why](made)

    made.claim(made.ben).release(AT)

    assert made.task("companion").is_open
    assert not made.claim(made.dora).is_approved


def test_where_the_first_decides_the_backup_is_backup_at_once_and_opens_nothing(world: World) -> None:
    made = company(world, decides="first")
    assert roles(made)["Dora"] == ("backup", "backup")
    made.visit.mailbox.settle(made.visit.seed, AT)
    assert [text for text in opened(made, made.dora) if text in SECRETS] == []

    made.claim(made.ben).release(AT)
    made.visit.mailbox.settle(made.visit.seed, AT)

    assert NOTE in opened(made, made.dora)


def test_another_key_than_the_one_she_said_yes_to_is_granted_nothing(world: World) -> None:
    made = company(world)
    new = standing.start_over(
        Volunteer.objects.get(pk=made.dora.volunteer.pk), "another four plain words", "en", AT
    )
    assert new

    made.claim(made.dora).promote(made.visit.unlocked, made.task("companion"), AT)

    claim = made.claim(made.dora)
    assert (claim.is_approved, claim.key_changed(), grants_to(Person(claim.volunteer, b"", ""))) == (
        True,
        True,
        0,
    )
    assert "The key of the person who comes changed" in enter(made.visit).get("/a/mine/").content.decode()
    claim.approve_key(made.visit.unlocked, claim.key_fingerprint(), AT)
    assert not made.claim(made.dora).key_changed()
    assert made.claim(made.dora).read_place(made.visit.unlocked, AT) == PLACE
    assert grants_to(Person(claim.volunteer, b"", "")) > 0


def test_the_desk_sends_it_where_it_decides_and_elsewhere_only_for_one_who_is_not_heard_of(
    world: World,
) -> None:
    made = company(world)
    browser = desk.browser(world.coordinator)
    path = f"/desk/needs/{made.need.pk}/promote/"
    typed = {"claim": made.claim(made.dora).pk, "task": made.task("companion").pk}

    assert "not possible any more" in browser.post_words(path, **typed)
    assert roles(made)["Dora"] == ("backup", "backup")

    made.claim(made.ben).taps.filter(slug="arrived").update(missed_after=AT, due_at=AT)
    assert "Send the backup instead of Ben" in browser.words(f"/desk/needs/{made.need.pk}/")
    browser.post(path, **typed)

    assert roles(made)["Dora"] == ("companion", "approved")
    assert browser.client.post(path, {**typed, "claim": made.claim(made.ben).pk}).status_code == 404
    assert browser.client.post(path, {**typed, "task": "x"}).status_code == 404


def test_the_desk_passes_on_what_it_may_open_to_one_who_was_sent_with_nobody_there(world: World) -> None:
    made = company(world, desk_reads=True)
    browser = desk.browser(world.coordinator)
    address = f"/desk/needs/{made.need.pk}/"
    assert "Pass on what the desk may open" not in browser.words(address)
    made.claim(made.ben).release(AT)
    assert NOTE not in opened(made, made.dora)
    assert "Pass on what the desk may open" in browser.words(address)

    typed = {"claim": made.claim(made.dora).pk, "task": made.task("companion").pk}
    browser.post(f"{address}promote/", **typed)

    # The note; place and plan were never the desk's.
    assert [text for text in opened(made, made.dora) if text in SECRETS] == [NOTE]
    assert "Pass on what the desk may open" not in browser.words(address)


def test_a_release_pressed_on_the_page_of_a_moment_ago_ends_what_they_have_now(world: World) -> None:
    made = company(world)
    old_task = made.task("backup").pk
    browser = desk.browser(made.dora)
    made.claim(made.ben).release(AT)

    browser.post(f"/needs/{made.need.pk}/release/", task=old_task)

    assert roles(made)["Dora"] == ("companion", "released")
    assert made.task("companion").is_open


def test_a_stale_row_of_the_backup_ends_the_task_it_has_now(world: World) -> None:
    made = company(world)
    stale = made.claim(made.dora)
    made.claim(made.ben).release(AT)

    stale.release(AT)

    assert (made.task("companion").is_open, made.task("backup").is_open) == (True, True)


def test_with_every_companion_done_the_need_is_met_and_the_backup_hears_it(world: World) -> None:
    made = company(world)
    hears(made.dora.volunteer.pk)
    made.claim(made.ben).finish(AT)
    made.claim(made.cleo).finish(AT)
    assert Need.objects.get().status == "met"
    assert (roles(made)["Dora"][1], told(made.dora.volunteer.pk)) == ("released", [""])


def test_nobody_backs_what_it_does_not_back(world: World) -> None:
    made = company(world, answers={"companions": "two", "relief": "4"})
    with pytest.raises(SomebodyWasFaster):
        made.claim(made.dora).promote(made.visit.unlocked, made.task("relief"), AT)
    other = company(world)
    with pytest.raises(SomebodyWasFaster):
        made.claim(made.dora).promote(made.visit.unlocked, other.task("companion"), AT)
    made.claim(made.dora).release(AT)
    with pytest.raises((SomebodyWasFaster, MoveRefused)):
        made.claim(made.dora).promote(made.visit.unlocked, made.task("companion"), AT)
    with pytest.raises(SomebodyWasFaster):
        made.claim(made.cleo).promote(made.visit.unlocked, made.task("companion"), AT)


def test_she_presses_it_on_her_page_without_a_script(world: World) -> None:
    made = company(world)
    client = enter(made.visit)
    made.claim(made.ben).taps.filter(slug="arrived").update(missed_after=AT, due_at=AT)
    page = client.get("/a/mine/").content.decode()
    assert "Take the backup instead of Ben" in page
    assert "They have not said that they are there." in page

    pressed = _press(client, made, made.dora, "companion")
    assert "Your backup was told to come." in pressed
    assert roles(made)["Dora"] == ("companion", "approved")
    # Twice is harmless, and a stranger's claim is nobody's.
    assert "Your backup was told to come." in _press(client, made, made.dora, "companion")
    other = company(world)
    foreign = f"/a/mine/people/{other.claim(other.dora).pk}/promote/"
    assert _post(client, foreign, task=other.task("companion").pk).status_code == 404
    mine = f"/a/mine/people/{made.claim(made.dora).pk}/promote/"
    assert _post(client, mine, task=other.task("companion").pk).status_code == 404


def _press(client: Client, made: Company, person: Person, role: str) -> str:
    path = f"/a/mine/people/{made.claim(person).pk}/promote/"
    answer = _post(client, path, task=made.task(role).pk)
    assert answer.status_code == 302
    return str(client.get("/a/mine/").content.decode())


def _post(client: Client, path: str, **typed: object) -> object:
    return client.post(path, {"csrfmiddlewaretoken": client.cookies["c"].value, **typed})
