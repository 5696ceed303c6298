"""People at the desk's hand: invited, let in, resting, shut out; and who holds the desk's key."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from privacy.crypto import Unreadable
from requests_app import desk_key
from requests_app.models import Claim, Task
from tests.requests_app.desk import Browser, browser, locked
from tests.requests_app.world import World, only_task, say_yes, take
from tests.volunteers import people
from tests.volunteers.people import AT, Person, today_is
from volunteers import desk as desk_keys
from volunteers.models import Invitation, Volunteer

DAY = timedelta(days=1)
QUERIES_OF_THE_LIST = 8


@pytest.fixture
def desk(world: World) -> Browser:
    return browser(world.coordinator)


def path(person: Person, verb: str = "") -> str:
    return f"/desk/people/{person.volunteer.pk}/{verb}"


def now(person: Person) -> Volunteer:
    return Volunteer.objects.get(pk=person.volunteer.pk)


# Inviting


def link_on(page: str) -> str:
    found = re.findall(r"http://testserver(/join/[^/]+/)", page)
    assert len(found) == 1
    return found[0]


def test_an_invitation_is_shown_once_and_opens_the_door(world: World, desk: Browser) -> None:
    answer = desk.client.post("/desk/people/invite/")
    link = link_on(answer.content.decode())
    assert Client().get(link).status_code == 200
    assert link not in desk.page("/desk/people/")
    assert link.split("/")[2] not in str(dict(desk.client.session))
    assert "Made by Ana. Works until Monday 9 March." in desk.words("/desk/people/")


def test_an_invitation_for_the_desk_lets_in_at_once(world: World, desk: Browser) -> None:
    answer = desk.client.post("/desk/people/invite/", {"coordinator": "on"})
    assert Invitation.objects.find(link_on(answer.content.decode()).split("/")[2], AT).coordinator


def test_an_invitation_can_be_taken_back(world: World, desk: Browser) -> None:
    link = link_on(desk.client.post("/desk/people/invite/").content.decode())
    taken_back = f"/desk/people/invitations/{Invitation.objects.open(AT).get().pk}/withdraw/"
    assert "This link opens nothing any more." in desk.post_words(taken_back)
    assert Client().get(link).status_code == 404
    assert desk.client.post(taken_back).status_code == 404


# Letting in, resting


def test_vouching_lets_somebody_in(world: World, desk: Browser) -> None:
    ben = people.newcomer(world.coordinator)
    assert "Waits to be let in." in desk.words(path(ben))
    assert "They are let in." in desk.post_words(path(ben, "vouch/"), context="met")
    assert now(ben).is_let_in
    page = desk.words(path(ben))
    assert ("Ana: met in person, March 2026" in page, "I vouch for them" in page) == (True, False)


def test_two_may_vouch_for_one_and_each_counts_once(world: World, desk: Browser) -> None:
    ben = world.volunteer("Ben")
    cleo = browser(people.coordinator(world.coordinator))
    for _ in range(2):
        cleo.post(path(ben, "vouch/"), context="known")
    assert "Ana: met in person, March 2026 Cleo: known for a long time, March 2026" in desk.words(path(ben))


@pytest.mark.parametrize("context", ["", "desk", "enemy", "\x01"])
def test_vouching_says_how_they_are_known(world: World, desk: Browser, context: str) -> None:
    ben = people.newcomer(world.coordinator)
    answer = desk.client.post(path(ben, "vouch/"), {"context": context})
    assert (answer.status_code, now(ben).is_let_in) == (422, False)


def test_nobody_vouches_for_themselves(world: World, desk: Browser) -> None:
    page = desk.post_words(path(world.coordinator, "vouch/"), context="met")
    assert "Nobody vouches for themselves." in page
    assert "I vouch for them" not in page


def test_somebody_rests_until_a_day_and_is_asked_again(world: World, desk: Browser) -> None:
    ben = world.volunteer()
    desk.post(path(ben, "pause/"), until=today_is(AT + 3 * DAY))
    assert "Can be asked again from Thursday 5 March." in desk.words(path(ben))
    assert not now(ben).may_act(AT)
    desk.post(path(ben, "resume/"))
    assert now(ben).may_act(AT)


@pytest.mark.parametrize("until", ["", "yesterday", "2026-03-02", "2030-01-01"])
def test_a_break_needs_a_day_to_come(world: World, desk: Browser, until: str) -> None:
    ben = world.volunteer()
    answer = desk.client.post(path(ben, "pause/"), {"until": until})
    assert (answer.status_code, now(ben).paused_until) == (422, None)
    assert f'value="{until}"' in answer.content.decode() or not until


# Suspending


def test_suspending_says_before_what_will_happen(world: World, desk: Browser) -> None:
    ben = world.volunteer("Ben")
    visit, need = world.ask()
    take(ben, only_task(need))
    _, other = world.ask(visit)
    take(ben, only_task(other))
    assert "2 things they took are free again." in desk.words(path(ben))


def test_suspending_frees_what_they_took_and_ends_every_session(world: World, desk: Browser) -> None:
    ben, dee = world.volunteer("Ben"), world.volunteer("Dee")
    his = browser(ben)
    visit, need = world.ask()
    say_yes(visit, take(ben, only_task(need)))
    take(dee, only_task(need), standing_by=True)
    assert his.client.get("/board/").status_code == 200
    assert "They are suspended." in desk.post_words(path(ben, "suspend/"))
    assert his.client.get("/board/")["Location"].startswith("/accounts/login/")
    assert {c.volunteer.handle: c.status for c in Claim.objects.all()} == {"Ben": "released", "Dee": "held"}
    assert (
        Client()
        .post("/accounts/login/", {"login": ben.volunteer.username, "password": ben.passphrase})
        .status_code
        == 200
    )


def test_somebody_suspended_is_reinstated(world: World, desk: Browser) -> None:
    ben = world.volunteer("Ben")
    desk.post(path(ben, "suspend/"))
    assert "I vouch for them" not in desk.words(path(ben))
    desk.post(path(ben, "reinstate/"))
    assert now(ben).may_act(AT)


def test_a_coordinator_cannot_suspend_themself(world: World, desk: Browser) -> None:
    page = desk.post_words(path(world.coordinator, "suspend/"))
    assert "You cannot suspend yourself." in page
    assert "Suspend them" not in page
    assert now(world.coordinator).is_active


def test_suspending_somebody_at_the_desk_changes_its_key(world: World, desk: Browser) -> None:
    cleo = people.coordinator(world.coordinator)
    desk.post(path(cleo, "share/"))
    visit, _need = world.ask(desk_reads=True, note="The blue door.")
    old_key = desk_keys.desk_private(now(cleo), cleo.private)
    old_reader = desk_keys.reader()
    desk.post(path(cleo, "suspend/"))
    need = visit.need(_need.pk)
    assert need.read_note(desk_key.unlocked(now(world.coordinator), world.coordinator.private))[0]
    with pytest.raises(Unreadable):
        need.compartment("note").open(old_reader, old_key)
    with pytest.raises(Unreadable):
        desk_keys.desk_private(now(cleo), cleo.private)


def test_a_key_that_could_not_be_changed_at_once_is_said_and_changed_later(world: World) -> None:
    cleo = people.coordinator(world.coordinator)
    hers = locked(world.coordinator)
    desk_keys.share_with(cleo.volunteer, world.coordinator.volunteer, world.coordinator.private)
    hers.post(path(cleo, "suspend/"))
    said = "Somebody who left the desk could still open its key."
    assert said in hers.words("/desk/people/")
    assert hers.client.post("/desk/people/key/renew/").status_code == 302
    hers.post("/accounts/unlock/", passphrase=world.coordinator.passphrase, next="/desk/people/")
    assert "The desk has a new key." in hers.post_words("/desk/people/key/renew/")
    assert said not in hers.words("/desk/people/")


# The desk's key


def test_somebody_joins_the_desk_and_opens_its_key(world: World, desk: Browser) -> None:
    ben = world.volunteer("Ben")
    assert "They work at the desk and can open its key." in desk.post_words(path(ben, "join/"))
    assert desk_keys.has_share(now(ben))
    assert browser(ben).client.get("/desk/").status_code == 200


def test_somebody_who_is_not_let_in_does_not_join_the_desk(world: World, desk: Browser) -> None:
    ben = people.newcomer(world.coordinator)
    assert "Let them in first." in desk.post_words(path(ben, "join/"))
    assert not now(ben).is_coordinator


def test_a_coordinator_who_joined_by_invitation_waits_for_the_key(world: World, desk: Browser) -> None:
    cleo = people.coordinator(world.coordinator)
    assert "Waits for the desk's key" in desk.words("/desk/people/")
    desk.post(path(cleo, "share/"))
    assert "Waits for the desk's key" not in desk.words("/desk/people/")
    ben = world.volunteer()
    assert desk.client.post(path(ben, "share/")).status_code == 404


def test_somebody_without_the_key_cannot_hand_it_on(world: World) -> None:
    cleo, dee = people.coordinator(world.coordinator), people.coordinator(world.coordinator, "Dee")
    assert "Ask somebody to share it." in browser(cleo).post_words(path(dee, "share/"))


def test_somebody_leaves_the_desk_and_what_they_remember_opens_nothing(world: World, desk: Browser) -> None:
    cleo = people.coordinator(world.coordinator)
    desk.post(path(cleo, "share/"))
    visit, need = world.ask(desk_reads=True, note="The blue door.")
    old = desk_key.unlocked(now(cleo), cleo.private)
    hers = browser(cleo)
    assert hers.client.post(path(cleo, "leave/"))["Location"] == "/board/"
    assert (now(cleo).is_coordinator, hers.client.get("/desk/").status_code) == (False, 404)
    with pytest.raises(Unreadable):
        visit.need(need.pk).read_note(old)
    assert "The blue door." in desk.words(f"/desk/needs/{need.pk}/")


def test_the_last_at_the_desk_cannot_leave(world: World, desk: Browser) -> None:
    said = "Somebody else at the desk must hold the desk's key first."
    assert said in desk.post_words(path(world.coordinator, "leave/"))
    cleo = browser(people.coordinator(world.coordinator))
    assert said in cleo.post_words(path(world.coordinator, "leave/"))
    assert now(world.coordinator).is_coordinator


def test_a_desk_that_lost_its_key_begins_again(world: World, desk: Browser) -> None:
    cleo = people.coordinator(world.coordinator)
    hers = browser(cleo)
    assert "Somebody at the desk can still open it." in hers.post_words("/desk/people/key/begin-again/")
    visit, old = world.ask(desk_reads=True, note="The blue door.")
    hers.post(path(world.coordinator, "suspend/"))
    assert "Nobody at the desk can open the desk's key." in hers.words("/desk/people/")
    assert "The desk has a new key." in hers.post_words("/desk/people/key/begin-again/")
    _, new = world.ask(visit, desk_reads=True, note="The green gate.")
    assert "The note cannot be read any more." in hers.words(f"/desk/needs/{old.pk}/")
    assert "The green gate." in hers.words(f"/desk/needs/{new.pk}/")


# The list


def test_the_list_says_who_waits_who_is_in_who_rests_and_who_may_not(world: World, desk: Browser) -> None:
    people.newcomer(world.coordinator, "Wren")
    world.volunteer("Ina", offers=False)
    world.volunteer("Pau", offers=False).volunteer.pause(AT.date() + DAY, AT)
    desk.post(path(world.volunteer("Sol", offers=False), "suspend/"))
    page = desk.words("/desk/people/")
    places = [
        page.index(text)
        for text in (
            "Waiting to be let in",
            "Wren",
            "Let in",
            "Ana",
            "Ina",
            "On a break",
            "Pau",
            "Suspended",
            "Sol",
        )
    ]
    assert places == sorted(places)


def test_one_person_asks_the_database_as_much_as_many(world: World, desk: Browser) -> None:
    asked = []
    for count in (0, 9):
        for number in range(count):
            person = world.volunteer()
            if number % 3 == 0:
                take(person, only_task(world.ask()[1]))
            Invitation.objects.make(world.coordinator.volunteer, AT)
        with CaptureQueriesContext(connection) as queries:
            desk.page("/desk/people/")
        asked.append(len(queries))
    assert asked == [QUERIES_OF_THE_LIST] * 2
    assert Task.objects.filter(status="held").count() == 3


def test_somebody_nobody_knows_is_a_404(world: World, desk: Browser) -> None:
    unknown = "/desk/people/6f1f9a55-31e5-4f6a-8d5c-2f3f7b1f2d11/"
    verbs = ("vouch", "pause", "resume", "suspend", "reinstate", "join", "share", "leave")
    answers = [desk.client.get(unknown), *(desk.client.post(f"{unknown}{verb}/") for verb in verbs)]
    assert {answer.status_code for answer in answers} == {404}
