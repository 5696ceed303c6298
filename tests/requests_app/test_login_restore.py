"""Two at the desk restore a login together; one alone cannot, and neither gets at a key."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.db import IntegrityError, transaction
from django.test import Client

from notify.models import Channel
from privacy.crypto import Unreadable
from requests_app import desk_key, standing
from requests_app.models import Claim
from requests_app.readers import Unlocked
from tests.requests_app.desk import Browser, browser, read
from tests.requests_app.world import World, only_task, say_yes, take
from tests.volunteers import people
from tests.volunteers.people import AT, PASSPHRASE, Person
from volunteers import desk, keys, seeds
from volunteers.duties import PURGE_LOGIN_RESTORES
from volunteers.invitations import InvitationRefused
from volunteers.login_restores import LIVES, RestoreRefused
from volunteers.models import Invitation, LoginRestore, Volunteer

NEW = "orchard window paper boat"
TYPED = {"passphrase": NEW, "again": NEW, "understood": "on"}
LINK = re.compile(r"http://testserver(/accounts/restore/[^/<]+/)")


@pytest.fixture
def cleo(world: World) -> Person:
    return people.coordinator(world.coordinator)


@pytest.fixture
def ben(world: World) -> Person:
    return world.volunteer("Ben")


def now(person: Person) -> Volunteer:
    return Volunteer.objects.get(pk=person.volunteer.pk)


def press(desk: Browser, person: Person) -> str:
    """The page that answers."""
    answer = desk.post(f"/desk/people/{person.volunteer.pk}/restore/")
    return str(answer.content.decode())


def link_of(page: str) -> str:
    found = LINK.findall(page)
    assert len(found) == 1, read(page)
    return str(found[0])


def restored(world: World, cleo: Person, ben: Person) -> str:
    """Both pressed: the link."""
    press(browser(world.coordinator), ben)
    return link_of(press(browser(cleo), ben))


def token(link: str) -> str:
    return link.split("/")[3]


def refused(link: str, at: datetime = AT) -> bool:
    try:
        LoginRestore.objects.find(token(link), at)
    except RestoreRefused:
        return True
    return False


def test_one_alone_cannot_however_often_they_press(world: World, ben: Person) -> None:
    ana = browser(world.coordinator)

    pages = [press(ana, ben) for _time in range(3)]

    assert [LINK.findall(page) for page in pages] == [[], [], []]
    assert "Somebody else at the desk has to press, too." in ana.words(f"/desk/people/{ben.volunteer.pk}/")
    assert "I am sure it is them" not in ana.words(f"/desk/people/{ben.volunteer.pk}/")
    assert LoginRestore.objects.get().token_hash == ""


def test_the_database_refuses_one_who_is_both(world: World, ben: Person) -> None:
    LoginRestore.objects.press(ben.volunteer, world.coordinator.volunteer, AT)

    with pytest.raises(IntegrityError), transaction.atomic():
        LoginRestore.objects.update(second=world.coordinator.volunteer)


def test_after_the_second_the_person_chooses_a_new_passphrase(
    world: World, cleo: Person, ben: Person
) -> None:
    link = restored(world, cleo, ben)
    client = Client()

    first = read(client.get(link).content.decode())
    answer = client.post(link, TYPED)
    sheet = client.get(answer["Location"]).content.decode()

    assert f"User name {ben.volunteer.username}" in first
    assert answer["Location"] == "/accounts/sheet/"
    assert len(re.findall(r"<li>([a-z]+)</li>", sheet.split('class="code"')[1])) == 8
    assert client.get("/board/").status_code == 200
    assert now(ben).check_password(NEW) is True
    with pytest.raises(keys.WrongPassphrase):
        keys.unlock(now(ben), PASSPHRASE)


def test_until_the_link_is_used_the_old_passphrase_works(world: World, cleo: Person, ben: Person) -> None:
    signed_in = ben.sign_in(Client())

    restored(world, cleo, ben)

    assert signed_in.get("/board/").status_code == 200
    assert keys.unlock(now(ben), PASSPHRASE) == ben.private


def test_it_restores_a_login_and_never_a_key(world: World, cleo: Person, ben: Person) -> None:
    visit, need = world.ask(note="The blue door.")
    claim = say_yes(visit, take(ben, only_task(need)))
    link = restored(world, cleo, ben)
    said = read(Client().get(link).content.decode())

    Client().post(link, TYPED)

    them = Unlocked(now(ben).reader(), keys.unlock(now(ben), NEW))
    assert "Your second step, your calendar address and invitations you made are gone." in said
    assert "We write to you nowhere until you say again where, in your profile." in said
    assert "You were said yes to for 1 thing. Its note, place and messages close." in said
    assert them.private_key != ben.private
    with pytest.raises(Unreadable):
        Claim.objects.get(pk=claim.pk).need.read_note(them)


def test_it_ends_every_session_and_removes_the_second_factors(
    world: World, cleo: Person, ben: Person
) -> None:
    elsewhere = ben.sign_in(Client())
    with seeds.belonging_to(ben.volunteer):
        TOTP.activate(ben.volunteer, "JBSWY3DPEHPK3PXP")
    Authenticator.objects.create(user=ben.volunteer, type="webauthn", data={})
    link = restored(world, cleo, ben)
    kept = Authenticator.objects.count()

    Client().post(link, TYPED)

    assert (kept, Authenticator.objects.count()) == (2, 0)
    assert elsewhere.get("/board/")["Location"].startswith("/accounts/login/")


def test_a_link_works_once(world: World, cleo: Person, ben: Person) -> None:
    link = restored(world, cleo, ben)
    Client().post(link, TYPED)

    again = Client().post(link, TYPED | {"passphrase": PASSPHRASE, "again": PASSPHRASE})

    assert again.status_code == 404
    assert now(ben).check_password(NEW) is True


def test_a_link_never_given_out_twice(world: World, cleo: Person, ben: Person) -> None:
    link = restored(world, cleo, ben)
    dee = browser(people.coordinator(world.coordinator, "Dee"))

    page = press(dee, ben)

    assert (LINK.findall(page), refused(link)) == ([], False)
    assert "Ana and Cleo pressed. The link was given out." in dee.words(f"/desk/people/{ben.volunteer.pk}/")


def test_a_link_is_stored_nowhere(world: World, cleo: Person, ben: Person) -> None:
    link = restored(world, cleo, ben)

    assert token(link) not in str(LoginRestore.objects.values().get())


def test_a_link_is_too_old_after_two_days(world: World, cleo: Person, ben: Person) -> None:
    link = restored(world, cleo, ben)

    assert [refused(link, AT + LIVES - timedelta(hours=1)), refused(link, AT + LIVES)] == [False, True]


def test_what_nobody_used_is_forgotten(world: World, cleo: Person, ben: Person) -> None:
    restored(world, cleo, ben)

    PURGE_LOGIN_RESTORES.run(AT)
    kept = LoginRestore.objects.count()
    PURGE_LOGIN_RESTORES.run(AT + LIVES)

    assert (kept, LoginRestore.objects.count()) == (1, 0)


@pytest.mark.parametrize("who", ["first", "second"])
def test_both_must_still_be_at_the_desk_when_the_link_is_used(
    world: World, cleo: Person, ben: Person, who: str
) -> None:
    link = restored(world, cleo, ben)
    pressed = getattr(LoginRestore.objects.get(), who)

    standing.suspend(pressed, AT)

    assert (refused(link), Client().post(link, TYPED).status_code) == (True, 404)


def test_a_press_of_somebody_who_left_counts_no_more(world: World, cleo: Person, ben: Person) -> None:
    press(browser(cleo), ben)
    standing.suspend(now(cleo), AT)

    page = press(browser(world.coordinator), ben)

    assert LINK.findall(page) == []
    assert LoginRestore.objects.get().first == world.coordinator.volunteer


def step_down(person: Person, by: Person) -> None:
    desk_key.step_down(now(person), by.volunteer, by.private, AT)
    desk.join(now(person))


def be_suspended(person: Person, by: Person) -> None:
    standing.suspend(now(person), AT)
    now(person).reinstate(AT)


@pytest.mark.parametrize("leave_and_come_back", [step_down, be_suspended])
def test_who_left_the_desk_and_came_back_has_pressed_nothing(
    world: World, cleo: Person, ben: Person, leave_and_come_back: Callable[[Person, Person], None]
) -> None:
    link = restored(world, cleo, ben)
    other = world.volunteer("Dee")
    press(browser(cleo), other)

    leave_and_come_back(cleo, world.coordinator)

    assert now(cleo).is_coordinator is True
    assert (refused(link), LoginRestore.objects.count()) == (True, 0)
    assert LINK.findall(press(browser(world.coordinator), other)) == []


@pytest.mark.parametrize("leave_and_come_back", [step_down, be_suspended])
def test_an_invitation_of_somebody_who_left_the_desk_opens_nothing_when_they_are_back(
    world: World, cleo: Person, leave_and_come_back: Callable[[Person, Person], None]
) -> None:
    link = Invitation.objects.make(cleo.volunteer, AT, coordinator=True)
    kept = Invitation.objects.make(world.coordinator.volunteer, AT)

    leave_and_come_back(cleo, world.coordinator)

    with pytest.raises(InvitationRefused):
        Invitation.objects.find(link, AT)
    assert Invitation.objects.find(kept, AT).made_by == world.coordinator.volunteer


def test_whoever_had_the_login_before_it_was_restored_keeps_no_link(world: World, cleo: Person) -> None:
    """Somebody else was in Dee's account: invited themselves, looked at the calendar, and is told of news."""
    dee = people.coordinator(world.coordinator, "Dee")
    world.can_be_told(dee)
    world.can_be_told(cleo)
    invitation = Invitation.objects.make(dee.volunteer, AT, coordinator=True)
    calendar = now(dee).new_calendar_token()
    press(browser(dee), cleo)
    link = restored(world, cleo, dee)

    Client().post(link, TYPED)

    assert Client().get(f"/calendar/{calendar}.ics").status_code == 404
    assert Client().get(f"/join/{invitation}/").status_code == 404
    assert list(Channel.objects.values_list("recipient", flat=True)) == [cleo.volunteer.pk]
    assert LoginRestore.objects.count() == 0


def test_nobody_restores_their_own(world: World, cleo: Person) -> None:
    cleos, ana = browser(cleo), browser(world.coordinator)
    own = f"/desk/people/{cleo.volunteer.pk}/"

    press(cleos, cleo)
    offered = "Restore their login" in cleos.words(own)
    press(ana, cleo)
    page = press(cleos, cleo)

    assert (offered, LINK.findall(page)) == (False, [])
    assert LoginRestore.objects.get().second is None


def test_nobody_suspended_is_restored(world: World, cleo: Person, ben: Person) -> None:
    link = restored(world, cleo, ben)

    standing.suspend(now(ben), AT)

    assert refused(link) is True
    with pytest.raises(ValueError, match="suspended"):
        LoginRestore.objects.press(now(ben), world.coordinator.volunteer, AT)


def test_a_volunteer_presses_nothing(world: World, ben: Person) -> None:
    dee = browser(world.volunteer("Dee"))

    verbs = ("restore/", "restore/stop/")

    answers = [dee.client.post(f"/desk/people/{ben.volunteer.pk}/{verb}").status_code for verb in verbs]
    assert (answers, LoginRestore.objects.count()) == ([404, 404], 0)


def test_the_person_hears_of_it_and_can_stop_it(world: World, cleo: Person, ben: Person) -> None:
    his = browser(ben)
    said = "The desk has begun to restore your login."
    before = said in his.words("/profile/")
    link = restored(world, cleo, ben)

    during = said in his.words("/profile/")
    his.post("/profile/login-restore/stop/")

    assert (before, during, said in his.words("/profile/")) == (False, True, False)
    assert refused(link) is True
    assert his.client.post("/profile/login-restore/stop/").status_code == 302


def test_the_desk_can_stop_it(world: World, cleo: Person, ben: Person) -> None:
    link = restored(world, cleo, ben)
    ana = browser(world.coordinator)

    ana.post(f"/desk/people/{ben.volunteer.pk}/restore/stop/")

    assert refused(link) is True
    assert ana.client.post(f"/desk/people/{ben.volunteer.pk}/restore/stop/").status_code == 302


def test_a_link_that_opens_nothing_says_so(world: World) -> None:
    pages = [Client().get("/accounts/restore/nothing/"), Client().post("/accounts/restore/nothing/", TYPED)]

    assert [page.status_code for page in pages] == [404, 404]
    assert "This link does not open anything" in read(pages[0].content.decode())
