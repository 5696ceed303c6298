"""Every way into an account, attacked: a cookie planted before, a step left out, two at the same moment."""

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.core.cache import cache
from django.test import Client

from requests_app import standing
from tests.requests_app.test_damaged_rows import enter
from tests.requests_app.test_races import at_once
from tests.requests_app.world import World
from tests.volunteers import people
from tests.volunteers.people import AT, PASSPHRASE, Person
from volunteers import keys, seeds
from volunteers.login_restores import RestoreRefused
from volunteers.models import Invitation, LoginRestore, Volunteer

NEW, OTHER = "orchard window paper boat", "harbour pencil slow train"
SEED = "JBSWY3DPEHPK3PXP"


@pytest.fixture
def ben(world: World) -> Person:
    return world.volunteer("Ben")


def now(person: Person) -> Volunteer:
    return Volunteer.objects.get(pk=person.volunteer.pk)


def code() -> str:
    return format_hotp_value(hotp_value(SEED, int(time.time()) // 30))


def with_second_step(person: Person) -> None:
    with seeds.belonging_to(person.volunteer):
        TOTP.activate(person.volunteer, SEED)


def sign_in(client: Client, person: Person, passphrase: str = PASSPHRASE, **more: str) -> str:
    """Where the login page leads to; "" where it comes back."""
    cache.clear()
    typed = {"login": person.volunteer.username, "password": passphrase, **more}
    answer = client.post("/accounts/login/", typed)
    return str(answer.headers.get("Location", ""))


def is_signed_in(client: Client) -> bool:
    return client.get("/profile/").status_code == 200


def restore_link(world: World, person: Person) -> str:
    cleo = people.coordinator(world.coordinator)
    assert LoginRestore.objects.press(now(person), world.coordinator.volunteer, AT) == ""
    return f"/accounts/restore/{LoginRestore.objects.press(now(person), cleo.volunteer, AT)}/"


# A cookie that was planted


def by_login(client: Client, world: World, ben: Person) -> None:
    sign_in(client, ben)


def by_invitation(client: Client, world: World, ben: Person) -> None:
    link = f"/join/{Invitation.objects.make(world.coordinator.volunteer, AT)}/"
    client.post(link, {"handle": "Kim", "passphrase": NEW, "again": NEW})


def by_restored_login(client: Client, world: World, ben: Person) -> None:
    client.post(restore_link(world, ben), {"passphrase": NEW, "again": NEW, "understood": "on"})


@pytest.mark.parametrize("enter_by", [by_login, by_invitation, by_restored_login])
def test_a_cookie_planted_before_somebody_enters_opens_nothing_afterwards(
    world: World, ben: Person, enter_by: Callable[[Client, World, Person], None]
) -> None:
    thief, victim = Client(), Client()
    # A page that keeps something gives a cookie to whoever looks.
    thief.get(f"/join/{Invitation.objects.make(world.coordinator.volunteer, AT)}/")
    planted = thief.cookies["s"].value
    victim.cookies["s"] = planted

    enter_by(victim, world, ben)

    assert is_signed_in(victim)
    assert victim.cookies["s"].value != planted
    assert not is_signed_in(thief)


def test_a_cookie_planted_before_she_types_her_code_opens_nothing(world: World) -> None:
    visit, _need = world.ask()
    before = enter(visit)
    planted = before.cookies["s"].value

    again = enter(visit)

    assert again.cookies["s"].value != planted


# A step left out


def test_the_sheet_is_no_way_round_the_second_step(ben: Person) -> None:
    with_second_step(ben)
    client = Client()
    typed = {"username": ben.volunteer.username, "sheet": ben.sheet, "passphrase": NEW, "again": NEW}
    client.post("/accounts/recover/", typed)

    after = sign_in(client, ben, NEW)

    assert after.startswith("/accounts/2fa/authenticate/")
    assert (is_signed_in(client), client.session.get(keys.SESSION_KEY)) == (False, None)


def test_a_device_that_was_remembered_is_asked_the_second_step_at_the_next_login(ben: Person) -> None:
    with_second_step(ben)
    client = Client()
    sign_in(client, ben, remember="on")
    client.post("/accounts/2fa/authenticate/", {"code": code()})
    first = is_signed_in(client)
    client.post("/accounts/logout/")

    after = sign_in(client, ben, remember="on")

    assert (first, is_signed_in(client)) == (True, False)
    assert after.startswith("/accounts/2fa/authenticate/")


def new_passphrase(ben: Person) -> None:
    keys.change_passphrase(now(ben), PASSPHRASE, NEW)


def suspended(ben: Person) -> None:
    standing.suspend(now(ben), AT)


def suspended_and_back(ben: Person) -> None:
    standing.suspend(now(ben), AT)
    now(ben).reinstate(AT)


def new_key(ben: Person) -> None:
    standing.start_over(now(ben), NEW, "en", AT)


@pytest.mark.parametrize("meanwhile", [new_passphrase, suspended, suspended_and_back, new_key])
def test_a_login_that_waits_for_its_second_step_ends_with_every_other_session(
    ben: Person, meanwhile: Callable[[Person], None]
) -> None:
    with_second_step(ben)
    waiting = Client()
    assert sign_in(waiting, ben).startswith("/accounts/2fa/authenticate/")

    meanwhile(ben)
    waiting.post("/accounts/2fa/authenticate/", {"code": code()})

    assert not is_signed_in(waiting)


def test_whoever_is_stuck_at_the_second_step_uses_the_restore_link_in_the_same_browser(
    world: World, ben: Person
) -> None:
    with_second_step(ben)
    client = Client()
    sign_in(client, ben)

    typed = {"passphrase": NEW, "again": NEW, "understood": "on"}
    answer = client.post(restore_link(world, ben), typed)

    assert (answer.status_code, answer.headers["Location"]) == (302, "/accounts/sheet/")
    assert is_signed_in(client)


def test_the_right_code_after_a_login_that_nothing_disturbed_signs_in(ben: Person) -> None:
    with_second_step(ben)
    client = Client()
    sign_in(client, ben)

    client.post("/accounts/2fa/authenticate/", {"code": code()})

    assert is_signed_in(client)


def test_every_other_session_ends_with_a_passphrase_restored_from_the_sheet(ben: Person) -> None:
    elsewhere, remembered = ben.sign_in(Client()), Client()
    sign_in(remembered, ben, remember="on")
    typed = {"username": ben.volunteer.username, "sheet": ben.sheet, "passphrase": NEW, "again": NEW}

    Client().post("/accounts/recover/", typed)

    assert [is_signed_in(client) for client in (elsewhere, remembered)] == [False, False]


# Two at the same moment


@pytest.mark.django_db(transaction=True)
def test_of_two_who_use_a_restore_link_at_once_one_gets_the_account(world: World, ben: Person) -> None:
    token = restore_link(world, ben).split("/")[3]
    outcomes = []

    def use(passphrase: str) -> None:
        try:
            standing.restore_login(token, passphrase, "en", AT)
        except RestoreRefused:
            return
        outcomes.append(passphrase)

    at_once([lambda: use(NEW), lambda: use(OTHER), lambda: use(NEW), lambda: use(OTHER)])

    assert len(outcomes) == 1
    assert keys.unlock(now(ben), outcomes[0])
    assert now(ben).check_password(outcomes[0]) is True


@pytest.mark.django_db(transaction=True)
def test_of_two_at_the_desk_who_press_at_once_one_has_the_link_and_it_works_once(
    world: World, ben: Person
) -> None:
    cleo, dee = (people.coordinator(world.coordinator, name) for name in ("Cleo", "Dee"))
    LoginRestore.objects.press(now(ben), world.coordinator.volunteer, AT)
    tokens: list[str] = []

    def press(by: Person) -> None:
        tokens.append(LoginRestore.objects.press(now(ben), by.volunteer, AT))

    at_once([lambda: press(cleo), lambda: press(dee), lambda: press(cleo), lambda: press(dee)])

    given = [token for token in tokens if token]
    assert len(given) == 1
    assert LoginRestore.objects.find(given[0], AT).volunteer == ben.volunteer
    with pytest.raises(RestoreRefused):
        LoginRestore.objects.find(given[0], AT + timedelta(days=2))
