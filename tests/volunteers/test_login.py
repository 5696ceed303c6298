"""Signing in, unlocking, second step, and the end of every session that should end."""

import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.test import Client
from django.urls import NoReverseMatch, reverse

from privacy import gate, limits
from privacy.tickets import MAX_WAIT
from tests.full_gate import everybody_waits
from tests.volunteers import people
from tests.volunteers.people import AT, PASSPHRASE, Person
from tests.volunteers.test_keys import everything
from volunteers import keys, seeds
from volunteers.account import Volunteer
from volunteers.urls import account_urls, offer_urls, profile_urls, second_factor_urls

pytestmark = pytest.mark.urls("tests.volunteers.urls")
NEW = "orchard window paper boat"
SEED = "JBSWY3DPEHPK3PXP"


def code_now(later: int = 0) -> str:
    """The code of this half minute, or of one so many later."""
    return format_hotp_value(hotp_value(SEED, int(time.time()) // 30 + later))


def with_second_step(person: Person) -> Person:
    with seeds.belonging_to(person.volunteer):
        TOTP.activate(person.volunteer, SEED)
    return person


def what_is_said(client: Client, login: str, password: str) -> tuple[int, bytes]:
    page = client.post("/accounts/login/", {"login": login, "password": password})
    shown = page.content.replace(login.encode(), b"").replace(page.context["csrf_token"].encode(), b"")
    return page.status_code, shown


def test_after_signing_in_nobody_types_the_passphrase_twice(ben: Person, client: Client) -> None:
    ben.sign_in(client)

    assert client.get("/sealed/").content == b"opened"


def test_the_name_is_found_however_it_is_typed(ben: Person, client: Client) -> None:
    typed = f" {ben.volunteer.username.upper().replace('-', ' ')} "

    answer = client.post("/accounts/login/", {"login": typed, "password": PASSPHRASE})

    assert answer.headers["Location"] == "/board/"


def test_somebody_not_let_in_starts_at_their_profile(ana: Person, client: Client) -> None:
    kim = people.newcomer(ana)

    answer = client.post("/accounts/login/", {"login": kim.volunteer.username, "password": PASSPHRASE})

    assert answer.headers["Location"] == "/profile/"


def test_unknown_name_wrong_passphrase_and_suspended_get_one_answer(ana: Person, ben: Person) -> None:
    kim = people.volunteer(ana)
    kim.volunteer.suspend_account(AT)

    answers = {
        what_is_said(Client(), "nobody-here-10", PASSPHRASE),
        what_is_said(Client(), ben.volunteer.username, "not the right one"),
        what_is_said(Client(), kim.volunteer.username, PASSPHRASE),
    }

    assert len(answers) == 1
    assert b"do not go together" in answers.pop()[1]


def test_many_wrong_tries_lock_one_name_and_nobody_else(ana: Person, ben: Person, client: Client) -> None:
    for _try in range(11):
        client.post("/accounts/login/", {"login": ben.volunteer.username, "password": "not the right one"})

    locked = client.post("/accounts/login/", {"login": ben.volunteer.username, "password": PASSPHRASE})
    other = client.post("/accounts/login/", {"login": ana.volunteer.username, "password": PASSPHRASE})

    assert "Too many tries." in locked.content.decode()
    assert other.status_code == 302


def test_in_a_crowd_who_tries_a_lot_waits_and_then_gets_in(
    ben: Person, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused: list[float] = []
    monkeypatch.setattr(gate, "pause", paused.append)
    monkeypatch.setattr(gate, "load", lambda: 1.0)
    typed = {"login": ben.volunteer.username, "password": PASSPHRASE}

    answers = {Client().post("/accounts/login/", typed).status_code for _try in range(40)}

    assert answers == {302}
    assert (paused[0], paused[-1]) == (1.0, MAX_WAIT.total_seconds())


def test_where_too_many_wait_the_form_comes_back(
    ben: Person, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "hit", lambda *args: 1000)
    monkeypatch.setattr(gate, "load", lambda: 1.0)
    typed = {"login": ben.volunteer.username, "password": PASSPHRASE}

    with everybody_waits():
        page = client.post("/accounts/login/", typed).content.decode()

    assert ("Please press again." in page, ben.volunteer.username in page) == (True, True)


def test_a_passphrase_is_not_sent_back(ben: Person, client: Client) -> None:
    typed = {"login": ben.volunteer.username, "password": "not the right one"}

    pages = [
        client.post("/accounts/login/", typed),
        client.post("/accounts/login/", typed, headers={"X-Requested-With": "XMLHttpRequest"}),
    ]

    assert [b"not the right one" in page.content for page in pages] == [False, False]


def test_suspending_ends_every_session_at_once(ben: Person, client: Client) -> None:
    ben.sign_in(client)

    ben.volunteer.suspend_account(AT)

    assert client.get("/profile/").headers["Location"] == "/accounts/login/?next=/profile/"


def test_a_session_from_before_a_suspension_stays_dead_after_it(ben: Person, client: Client) -> None:
    ben.sign_in(client)
    ben.volunteer.suspend_account(AT)
    ben.volunteer.reinstate(AT)

    assert client.get("/profile/").status_code == 302
    assert ben.sign_in(Client()).get("/sealed/").content == b"opened"


def test_a_new_passphrase_ends_the_other_sessions_and_keeps_this_one(ben: Person) -> None:
    here, elsewhere = ben.sign_in(Client()), ben.sign_in(Client())

    answer = here.post("/accounts/passphrase/", {"old": PASSPHRASE, "passphrase": NEW, "again": NEW})

    assert answer.headers["Location"] == "/profile/"
    assert here.get("/sealed/").content == b"opened"
    assert elsewhere.get("/profile/").status_code == 302
    assert keys.unlock(Volunteer.objects.get(pk=ben.volunteer.pk), NEW) == ben.private


def test_the_passphrase_changes_only_with_the_old_one(ben: Person, client: Client) -> None:
    ben.sign_in(client)

    page = client.post("/accounts/passphrase/", {"old": "not the right one", "passphrase": NEW, "again": NEW})

    assert "This is not your passphrase." in page.content.decode()
    assert Volunteer.objects.get(pk=ben.volunteer.pk).check_password(PASSPHRASE) is True


def test_with_a_second_step_the_passphrase_alone_opens_nothing(ben: Person, client: Client) -> None:
    with_second_step(ben)

    ben.sign_in(client)

    assert client.get("/profile/").status_code == 302
    assert client.session.get(keys.SESSION_KEY) is None


def test_after_the_second_step_the_passphrase_is_asked_where_something_is_locked(
    ben: Person, client: Client
) -> None:
    with_second_step(ben)
    ben.sign_in(client)
    assert client.post("/accounts/2fa/authenticate/", {"code": code_now()}).headers["Location"] == "/board/"

    asked = client.get("/sealed/")
    opened = client.post("/accounts/unlock/", {"passphrase": PASSPHRASE, "next": "/sealed/"})

    assert asked.headers["Location"] == "/accounts/unlock/?next=%2Fsealed%2F"
    assert opened.headers["Location"] == "/sealed/"
    assert client.get("/sealed/").content == b"opened"


def test_the_second_step_cannot_be_guessed(ben: Person, client: Client) -> None:
    with_second_step(ben)
    ben.sign_in(client)

    right = {code_now(later) for later in range(-2, 4)}
    wrong = [code for code in (f"{n:06}" for n in range(18)) if code not in right][:12]
    answers = [client.post("/accounts/2fa/authenticate/", {"code": code}) for code in wrong]

    assert "Too many tries." in answers[-1].content.decode()


def test_the_seed_of_the_second_step_is_sealed(ben: Person) -> None:
    with_second_step(ben)

    assert everything().count(SEED.encode()) == 0
    with seeds.belonging_to(ben.volunteer):
        assert Authenticator.objects.get().wrap().validate_code(code_now()) is True


def test_a_second_step_moved_to_another_account_is_not_theirs(
    ana: Person, ben: Person, client: Client
) -> None:
    """Who can write to the database gives somebody their own factor: it stays worth nothing there."""
    with_second_step(ben)
    with seeds.belonging_to(ana.volunteer):
        TOTP.activate(ana.volunteer, "KRSXG5CTMVRXEZLU")
    theirs = Authenticator.objects.get(user=ben.volunteer).data
    Authenticator.objects.filter(user=ana.volunteer).update(data=theirs)
    ana.sign_in(client)

    page = client.post("/accounts/2fa/authenticate/", {"code": code_now()})

    assert "This code is not right, or it was used before." in page.content.decode()
    assert client.get("/profile/").status_code == 302


@pytest.mark.parametrize("damaged", ["", "!", "AAAA", None, 7, ["AAAA"]])
def test_a_damaged_second_step_leaves_the_spare_codes_working(
    ben: Person, client: Client, damaged: object
) -> None:
    with_second_step(ben)
    with seeds.belonging_to(ben.volunteer):
        spare = RecoveryCodes.activate(ben.volunteer).generate_codes()[0]
    Authenticator.objects.filter(type="totp").update(data={"secret": damaged})
    ben.sign_in(client)

    wrong = client.post("/accounts/2fa/authenticate/", {"code": code_now()})
    right = client.post("/accounts/2fa/authenticate/", {"code": spare})

    assert (wrong.status_code, right.status_code, right.headers["Location"]) == (200, 302, "/board/")


@pytest.mark.parametrize("damaged", ["!", "AAAA", None])
def test_damaged_spare_codes_can_be_made_anew(ben: Person, client: Client, damaged: object) -> None:
    ben.sign_in(client)
    client.post("/accounts/reauthenticate/", {"password": PASSPHRASE})
    with seeds.belonging_to(ben.volunteer):
        TOTP.activate(ben.volunteer, SEED)
        RecoveryCodes.activate(ben.volunteer)
    Authenticator.objects.filter(type="recovery_codes").update(data={"seed": damaged, "used_mask": 0})

    page = client.get("/accounts/2fa/spare-codes/", follow=True)
    made = client.post("/accounts/2fa/spare-codes/new/", follow=True)

    assert page.redirect_chain == [("/accounts/2fa/spare-codes/new/", 302)]
    assert page.status_code == 200
    assert "Write them on paper. We show them only now." in made.content.decode()


def test_setting_up_an_app_shows_a_png_and_no_svg(ben: Person, client: Client) -> None:
    ben.sign_in(client)
    assert (
        client.get("/accounts/2fa/totp/activate/").headers["Location"].startswith("/accounts/reauthenticate/")
    )
    client.post("/accounts/reauthenticate/", {"password": PASSPHRASE})

    page = client.get("/accounts/2fa/totp/activate/").content
    picture = client.get("/accounts/2fa/totp/qr.png")

    assert (b"<svg" in page, b"data:" in page) == (False, False)
    assert (picture.headers["Content-Type"], picture.content[:4]) == ("image/png", b"\x89PNG")


def test_a_wrong_passphrase_unlocks_nothing(ben: Person, client: Client) -> None:
    ben.sign_in(client)
    client.post("/accounts/lock/")

    page = client.post("/accounts/unlock/", {"passphrase": "not the right one"})

    assert (page.status_code, client.get("/sealed/").status_code) == (422, 302)


@pytest.mark.parametrize(
    "elsewhere", ["https://example.org/", "//example.org/", "javascript:alert(1)", "\\\\x"]
)
def test_unlocking_never_leads_elsewhere(ben: Person, client: Client, elsewhere: str) -> None:
    ben.sign_in(client)

    answer = client.post("/accounts/unlock/", {"passphrase": PASSPHRASE, "next": elsewhere})

    assert answer.headers["Location"] == "/board/"


def test_a_key_that_was_swapped_opens_nothing_and_says_so(ana: Person, ben: Person, client: Client) -> None:
    Volunteer.objects.filter(pk=ben.volunteer.pk).update(public_key=ana.volunteer.public_key)
    ben.sign_in(client)

    page = client.post("/accounts/unlock/", {"passphrase": PASSPHRASE})

    assert "Your key was changed" in page.content.decode()
    assert client.get("/sealed/").status_code == 302


def test_after_signing_out_the_key_is_gone(ben: Person, client: Client) -> None:
    ben.sign_in(client)
    old = client.cookies["s"].value

    client.post("/accounts/logout/")
    client.cookies["s"] = old

    assert client.get("/sealed/").headers["Location"].startswith("/accounts/login/")


def test_the_sheet_sets_a_new_passphrase(ben: Person, client: Client) -> None:
    typed = {"username": ben.volunteer.username, "sheet": ben.sheet, "passphrase": NEW, "again": NEW}

    answer = client.post("/accounts/recover/", typed)

    assert answer.headers["Location"] == "/accounts/login/"
    assert client.post("/accounts/login/", {"login": typed["username"], "password": NEW}).status_code == 302


def test_words_that_fit_nobody_are_not_shown_again(ben: Person, client: Client) -> None:
    typed = {"username": "nobody-here-10", "sheet": ben.sheet, "passphrase": NEW, "again": NEW}

    page = client.post("/accounts/recover/", typed)

    assert page.status_code == 422
    assert (ben.sheet in page.content.decode(), NEW in page.content.decode()) == (False, False)
    assert "User name and sheet do not go together." in page.content.decode()


@pytest.mark.parametrize(
    "address",
    ["signup/", "email/", "confirm-email/", "password/reset/", "password/set/", "login/code/", "inactive/",
     "social/login/error/", "sessions/", "2fa/recovery-codes/download/", "2fa/webauthn/signup/"],
)  # fmt: skip
def test_pages_about_e_mail_and_sign_up_do_not_exist(ana: Person, client: Client, address: str) -> None:
    assert ana.sign_in(client).get(f"/accounts/{address}").status_code == 404


def test_the_account_pages_are_these_and_no_others() -> None:
    assert {url.name for url in [*account_urls, *second_factor_urls] if hasattr(url, "name")} == {
        "account_login", "account_logout", "account_reauthenticate", "account_change_password",
        "account_passkey", "account_unlock", "account_lock", "account_recover", "recovery_sheet",
        "recovery_sheet_new", "recovery_sheet_qr", "mfa_index", "mfa_authenticate", "mfa_reauthenticate",
        "mfa_activate_totp",
        "mfa_deactivate_totp", "totp_qr", "mfa_view_recovery_codes", "mfa_generate_recovery_codes",
        "mfa_list_webauthn", "mfa_add_webauthn", "mfa_login_webauthn", "mfa_reauthenticate_webauthn",
        "mfa_edit_webauthn", "mfa_remove_webauthn",
    }  # fmt: skip
    with pytest.raises(NoReverseMatch):
        reverse("account_email")


PUBLIC = {
    "account_login",
    "account_logout",
    "account_passkey",
    "account_recover",
    "mfa_authenticate",
    "mfa_login_webauthn",
    "news_script",
}


def test_a_stranger_reaches_only_what_signing_in_needs(ana: Person, client: Client) -> None:
    one = {"offer_id": ana.volunteer.pk, "channel_id": ana.volunteer.pk, "pk": 1}
    for url in [*account_urls, *second_factor_urls, *profile_urls, *offer_urls]:
        name = getattr(url, "name", None)
        if name is None or name in PUBLIC:
            continue
        needed = {key: value for key, value in one.items() if key in url.pattern.converters}
        for method in (client.get, client.post):
            answer = method(reverse(name, kwargs=needed))
            assert answer.status_code in {302, 405}, name
            assert answer.status_code == 405 or "/accounts/login/" in answer.headers["Location"], name


@pytest.mark.parametrize(
    "name",
    ["account_change_password", "account_reauthenticate", "account_unlock", "mfa_index", "mfa_activate_totp",
     "mfa_view_recovery_codes", "mfa_generate_recovery_codes", "mfa_list_webauthn", "mfa_add_webauthn",
     "profile", "offers", "offer_new", "account_logout", "mfa_reauthenticate"],
)  # fmt: skip
def test_every_page_of_the_account_opens_in_our_frame(ben: Person, client: Client, name: str) -> None:
    ben.sign_in(client)
    client.post("/accounts/reauthenticate/", {"password": PASSPHRASE})
    client.get("/accounts/2fa/totp/activate/")
    secret = client.session["mfa.totp.secret"]
    code = format_hotp_value(hotp_value(secret, int(time.time()) // 30))
    if name != "mfa_activate_totp":
        client.post("/accounts/2fa/totp/activate/", {"code": code})

    page = client.get(reverse(name))

    assert page.status_code == 200
    assert b'class="leave"' in page.content


@pytest.mark.parametrize("name", ["account_login", "account_recover", "account_passkey"])
def test_pages_before_signing_in_open_without_an_account(
    db: None, ana: Person, client: Client, name: str
) -> None:
    page = client.get(reverse(name))

    assert page.status_code == 200
    assert (b"<script src" in page.content) is (name == "account_passkey")


def test_a_passkey_is_asked_for_without_saying_who_has_one(ana: Person, client: Client) -> None:
    answer = client.get("/accounts/2fa/webauthn/login/", headers={"Accept": "application/json"})

    assert answer.json()["request_options"]["publicKey"].get("allowCredentials", []) == []
