"""Requests no browser sends: broken bodies, foreign alphabets, garbage in cookies and headers."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from django.utils.module_loading import import_string

from organisation.models import Area, Organisation
from privacy import instance
from privacy.request import Request
from requests_app.models import Need
from tests.bad_input import EMOJI, RIGHT_TO_LEFT, UNKNOWN_ID
from tests.requests_app.world import TOMORROW
from tests.volunteers import people
from tests.volunteers.people import AT, Person

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=B"
DOORS = ("/a/ride/", "/a/return/", "/a/mine/erase/", "/accounts/login/", "/language/", "/join/nothing/")
PASSKEY_LOGIN = "/accounts/2fa/webauthn/login/"


@pytest.fixture
def area(db: None, monkeypatch: pytest.MonkeyPatch) -> Area:
    monkeypatch.setattr("privacy.clock.now", lambda: AT)
    # The test client makes requests of Django's own class.
    monkeypatch.setattr("django.test.client.WSGIRequest", Request)
    cache.clear()
    instance.ensure(create=True)
    Organisation.objects.ensure(AT)
    return Area.objects.active()[0]


@pytest.fixture
def client(area: Area) -> Client:
    return Client(raise_request_exception=False)


@pytest.fixture
def ana(area: Area) -> Person:
    """The first coordinator."""
    return people.founder()


@pytest.fixture
def coordinator(ana: Person) -> Client:
    return ana.sign_in(Client(raise_request_exception=False))


def part(name: str, value: bytes, more: bytes = b"") -> bytes:
    head = b'--B\r\nContent-Disposition: form-data; name="' + name.encode() + b'"' + more
    return head + b"\r\n\r\n" + value + b"\r\n"


def a_ride(area: Area, note: bytes) -> bytes:
    """The form of a ride, as multipart bytes."""
    fields = {"area": str(area.pk), "day": TOMORROW.isoformat(), "desk_reads": "no"}
    return (
        b"".join(part(name, value.encode()) for name, value in fields.items())
        + part("note", note)
        + b"--B--\r\n"
    )


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"x", "multipart/form-data"),
        (b"x", f"multipart/form-data; boundary={'x' * 300}"),
        (b"--B\r\n", MULTIPART),
        (part("a", b"!", b"\r\nContent-Transfer-Encoding: base64") + b"--B--\r\n", MULTIPART),
        (part("a", b"x", b'; filename="f.png"') + b"--B--\r\n", MULTIPART),
        (b"&".join(b"a%d=1" % n for n in range(500)), URLENCODED),
        (b"note=%ED%A0%80&day=%FF%FE&area=%00", URLENCODED),
        (b"\xff\xfe\0", URLENCODED),
        (b"{}", "application/json"),
        (part("a", b"x", b"; filename*=rot13''%41") + b"--B--\r\n", MULTIPART),
        (part("a", b"x", b"; filename*=idna''%FF; name*0*=x''%FF") + b"--B--\r\n", MULTIPART),
        (b"x", "\xff/\xff;;;=;charset="),
        (b"x", "text/plain; a*=nothing''%FF"),
        (b"x", f"text/plain; a={'x' * 20_000}"),
        (b"", ""),
    ],
    ids=range(15),
)
def test_a_body_that_cannot_be_read_is_answered(
    client: Client, door: str, body: bytes, content_type: str
) -> None:
    response = client.generic("POST", door, body, content_type=content_type)
    assert response.status_code < 500
    assert Need.objects.count() == 0


@pytest.mark.parametrize(
    "alphabet",
    ["rot13", "hex", "zip", "idna", "undefined", "unicode_escape", "utf-7", "utf-16", "latin-1", "x"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_alphabet_than_utf_8_is_refused(
    client: Client, area: Area, alphabet: str, method: str
) -> None:
    kind = f"{MULTIPART}; charset={alphabet}"
    body = a_ride(area, rb"\ud800")
    response = client.generic(method, "/a/ride/?x=%5Cud800", body, content_type=kind)
    assert (response.status_code, Need.objects.count()) == (400, 0)


def test_the_server_reads_requests_this_way() -> None:
    application = import_string("mutualaid.wsgi.application")
    assert application.request_class is Request


@pytest.mark.parametrize("alphabet", ["utf-8", "UTF-8", '"utf-8"', "utf8"])
def test_utf_8_by_name_is_fine(client: Client, area: Area, alphabet: str) -> None:
    body = a_ride(area, "Où ça ?".encode())
    response = client.generic("POST", "/a/ride/", body, content_type=f"{MULTIPART}; charset={alphabet}")
    assert (response.status_code, Need.objects.count()) == (302, 1)


def test_lone_surrogates_become_a_mark_and_are_stored_as_that(client: Client, area: Area) -> None:
    response = client.generic("POST", "/a/ride/", a_ride(area, b"a\xed\xa0\x80b"), content_type=MULTIPART)
    assert response.status_code == 302
    assert "a\ufffd" in client.get("/a/mine/").content.decode()


@pytest.mark.parametrize("note", [EMOJI, RIGHT_TO_LEFT, "\ufffe\uffff\u2028.", "<b>&amp;"])
def test_what_a_keyboard_can_type_is_stored_as_typed(client: Client, area: Area, note: str) -> None:
    typed = {"area": area.pk, "day": TOMORROW.isoformat(), "note": note, "desk_reads": "no"}
    assert client.post("/a/ride/", typed).status_code == 302
    page = client.get("/a/mine/").content.decode()
    assert note.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") in page


@pytest.mark.parametrize("door", DOORS)
def test_ten_megabytes_are_refused_before_they_are_read(client: Client, door: str) -> None:
    response = client.generic("POST", door, b"x" * 10_000_000, content_type=URLENCODED)
    assert response.status_code == 413
    assert "Nothing was stored" in response.content.decode()


@pytest.mark.parametrize("length", ["-1", "x", "1e9", "٣", " "])
def test_a_length_that_is_none_is_refused(client: Client, length: str) -> None:
    response = client.generic("POST", "/a/ride/", b"a=b", content_type=URLENCODED, CONTENT_LENGTH=length)
    assert response.status_code == 400


def test_a_long_form_that_waits_for_the_passphrase_is_refused(coordinator: Client) -> None:
    """allauth keeps what was posted in the session until the passphrase was typed again."""
    response = coordinator.post("/accounts/2fa/totp/activate/", {"code": "x" * 20_000})
    assert response.status_code == 413
    assert coordinator.get("/board/").status_code == 200


@pytest.mark.parametrize("name", [settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, "l", "messages"])
@pytest.mark.parametrize("value", ["", "x", "x" * 5000, "é" * 32, "../../etc/passwd", "%00", '"', "a=b;c"])
def test_a_cookie_of_garbage_is_no_cookie(area: Area, name: str, value: str) -> None:
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    client.cookies[name] = value
    assert client.get("/").status_code == 200
    assert client.get("/a/ride/").status_code == 200
    assert client.get("/a/mine/")["Location"] == "/a/return/"
    assert client.get("/board/")["Location"] == "/accounts/login/?next=/board/"
    assert client.post("/a/ride/", {"csrfmiddlewaretoken": value}).status_code == 403


@pytest.mark.parametrize("token", [None, "", "x", "x" * 64, "é" * 32, "\0", EMOJI])
def test_a_form_without_its_token_gets_a_page_that_says_what_to_do(area: Area, token: str | None) -> None:
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    client.get("/a/ride/")
    typed = {"area": area.pk, "day": TOMORROW.isoformat()}
    response = client.post("/a/ride/", typed if token is None else {**typed, "csrfmiddlewaretoken": token})
    assert (response.status_code, Need.objects.count()) == (403, 0)
    assert "<h1>" in response.content.decode()


HEADERS: dict[str, dict[str, str]] = {
    "no page to go back to": {"Referer": "http://["},
    "htmx and no page": {"HX-Request": "true", "Referer": "http://[", "HX-Current-URL": "http://["},
    "htmx garbage": {"HX-Request": "true", "HX-Target": "\xff", "HX-Prompt": "%ff", "HX-Trigger": "{"},
    "another host": {"Host": "elsewhere.example"},
    "no host": {"Host": "http://["},
    "no port": {"Host": "localhost:999999999"},
    "languages without end": {"Accept-Language": "x" * 5000},
    "no languages": {"Accept-Language": "\0;q=1e400, fr;q=nan, *;q=-1"},
    "another origin": {"Origin": "http://["},
    "odd conditions": {"If-Modified-Since": "x", "If-None-Match": '"\0', "Range": "bytes=9-1"},
    "another method": {"X-HTTP-Method-Override": "DELETE"},
    "another address": {"X-Forwarded-Host": "http://[", "X-Forwarded-For": "\0", "X-Forwarded-Proto": "x"},
}


@pytest.mark.parametrize("what", HEADERS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_headers_of_garbage_are_answered(coordinator: Client, method: str, what: str) -> None:
    coordinator.post("/accounts/lock/")
    cache.clear()
    for path in (
        "/",
        "/a/ride/",
        "/board/",
        f"/needs/{UNKNOWN_ID}/message/",
        "/desk/people/key/renew/",
        "/static/x",
    ):
        response = coordinator.generic(method, path, headers=HEADERS[what])
        assert response.status_code < 500, path


ELSEWHERE = ("http://[", "//[", "//elsewhere.example", "http://localhost/", "javascript:x", "\0")


@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/unlock/", "/language/", "/accounts/logout/"])
def test_an_address_to_go_on_to_that_is_not_ours_is_forgotten(ana: Person, client: Client, path: str) -> None:
    for where in ELSEWHERE:
        cache.clear()
        typed = {"next": where, "language": "fr", "login": ana.volunteer.username, "password": ana.passphrase}
        for response in (client.get(path, typed), client.post(path, typed)):
            gone_to = response.headers.get("Location", "/")
            assert (response.status_code < 500, gone_to[:1], gone_to[:2] == "//") == (True, "/", False), where


PASSKEY_ANSWERS: dict[str, Any] = {
    "a long number": "9" * 5000,
    "deep brackets": "[" * 20_000,
    "an id alone": '{"id": 1}',
    "a list": "[]",
    "nothing": "null",
    "a word": "x",
    "the shape": '{"id": "eA", "rawId": "eA", "type": "public-key", "response": {}}',
    "the shape with garbage": (
        '{"id": "eA", "rawId": "eA", "type": "public-key", "clientExtensionResults": {}, "response":'
        ' {"clientDataJSON": "e30", "attestationObject": "eA", "authenticatorData": "eA",'
        ' "signature": "eA", "userHandle": "eA"}}'
    ),
}


@pytest.mark.parametrize("answer", PASSKEY_ANSWERS)
def test_a_passkey_that_answers_garbage_does_not_sign_in(client: Client, answer: str) -> None:
    client.get(PASSKEY_LOGIN, headers={"X-Requested-With": "XMLHttpRequest"})
    response = client.post(PASSKEY_LOGIN, {"credential": PASSKEY_ANSWERS[answer]})
    assert (response.status_code, response["Location"]) == (302, "/accounts/login/")
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("path", ["/accounts/2fa/webauthn/add/", "/accounts/2fa/webauthn/reauthenticate/"])
def test_a_new_passkey_that_answers_garbage_is_not_kept(coordinator: Client, ana: Person, path: str) -> None:
    coordinator.post("/accounts/reauthenticate/", {"password": ana.passphrase})
    for what, answer in PASSKEY_ANSWERS.items():
        assert coordinator.get("/accounts/2fa/webauthn/add/").status_code == 200
        response = coordinator.post(path, {"name": "Key", "credential": answer})
        assert response.status_code < 500, what
    assert Authenticator.objects.count() == 0
