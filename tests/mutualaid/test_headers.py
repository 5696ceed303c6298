"""The headers of every answer, as a whole: whoever asks, for whatever, however; of every error, too."""

import itertools
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.cache import cache
from django.db import OperationalError, connection
from django.test import Client

from organisation.models import Organisation
from privacy import instance
from tests.bad_input import ROLES, Cast, assemble, undone
from tests.look.markup import parse
from tests.mutualaid.test_any_address import ADDRESSES, paths
from tests.requests_app import world as worlds
from tests.requests_app.world import TOMORROW
from tests.volunteers.people import AT

METHODS = ("GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "STRANGE")
FEATURES = (
    "accelerometer attribution-reporting autoplay bluetooth browsing-topics camera compute-pressure "
    "cross-origin-isolated display-capture encrypted-media fullscreen gamepad geolocation gyroscope hid "
    "identity-credentials-get idle-detection local-fonts magnetometer microphone midi otp-credentials "
    "payment picture-in-picture private-state-token-issuance private-state-token-redemption "
    "run-ad-auction screen-wake-lock serial storage-access usb web-share window-management "
    "xr-spatial-tracking"
)
ALWAYS = {
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(
        [f"{name}=()" for name in FEATURES.split()]
        + ["publickey-credentials-create=(self)", "publickey-credentials-get=(self)"]
    ),
    "Referrer-Policy": "same-origin",
    "Server": "web",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
BARE = (
    "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
WITH_SCRIPT = BARE + "; script-src 'self'; connect-src 'self'"
PAGE = {"Cache-Control": "no-store", "Vary": "Accept-Encoding, Accept-Language, Cookie"}
HTTPS = {"Strict-Transport-Security": "max-age=31536000"}
KINDS = {
    "text/html; charset=utf-8",
    "application/json",
    "text/calendar; charset=utf-8",
    "image/png",
    "text/javascript; charset=utf-8",
}
# What some answers say besides: the header → which answers. Anything else is one too many.
BESIDES = {
    "Location": lambda sent: sent.status_code in (301, 302, 303),
    "Allow": lambda sent: sent.status_code == 405 or sent.request["REQUEST_METHOD"] == "OPTIONS",
    "Retry-After": lambda sent: sent.status_code == 503,
    "Refresh": lambda sent: (
        sent.request["PATH_INFO"] in ("/a/return/", "/accounts/login/", "/accounts/recover/")
    ),
    "Clear-Site-Data": lambda sent: (
        (sent.request["PATH_INFO"], sent.status_code) in {("/a/leave/", 303), ("/accounts/close/", 200)}
    ),
    "Content-Disposition": lambda sent: sent["Content-Type"].startswith(("text/calendar", "image/png")),
    "Content-Length": lambda sent: int(sent["Content-Length"]) == len(sent.content) or is_head(sent),
    "Content-Language": lambda sent: sent["Content-Language"] in ("en", "fr"),
    "Content-Type": lambda sent: sent["Content-Type"] in KINDS,
}


def is_head(sent: Any) -> bool:
    return bool(sent.request["REQUEST_METHOD"] == "HEAD")


def complaints(sent: Any, *, script: bool = False, https: bool = False) -> list[str]:
    """What is wrong with the headers of an answer. `script`: whether it may allow any."""
    headers = dict(sent.headers)
    policy = headers.pop("Content-Security-Policy", "")
    besides = {name: headers.pop(name) for name in BESIDES if name in headers}
    allowed = (
        {WITH_SCRIPT} if script and b"<script" in sent.content else {BARE, WITH_SCRIPT} if script else {BARE}
    )
    found = [f"{name}: {value}" for name, value in besides.items() if not BESIDES[name](sent)]
    found += [f"policy: {policy}"] if policy not in allowed else []
    if headers != ALWAYS | PAGE | (HTTPS if https else {}):
        found.append(f"headers: {sorted(headers.items())}")
    asked = f"{sent.request['REQUEST_METHOD']} {sent.request['PATH_INFO']} ({sent.status_code})"
    return [f"{asked}: {one}" for one in found]


def may_script(role: str, path: str) -> bool:
    """Nobody on the first page and hers; the door for staff, and whoever came through it."""
    if path == "/" or path.startswith("/a/"):
        return False
    return path.startswith("/accounts/") or role in ("volunteer", "coordinator")


def also_over_https(client: Client) -> Client:
    """The same person, where cookies have the names they have there."""
    for name, cookie in list(client.cookies.items()):
        client.cookies[f"__Host-{name}"] = cookie.value
    return client


@pytest.fixture
def quiet(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An instance that was just set up."""
    monkeypatch.setattr("privacy.clock.now", lambda: AT)
    cache.clear()
    instance.ensure(create=True)
    Organisation.objects.ensure(AT)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def cast(quiet: None) -> Cast:
    made = assemble(worlds.make())
    for role in ROLES:
        also_over_https(made.client(role)).raise_request_exception = False
    return made


def wrong(cast: Cast, role: str, asked: Iterator[tuple[str, str]]) -> list[str]:
    """What is wrong with the answers to these methods and paths, every second of them over https."""
    client, found = cast.client(role), []
    for number, (method, path) in enumerate(asked):
        https = number % 2 == 0
        cache.clear()
        with undone(client):
            sent = client.generic(method, path, secure=https)
        found += complaints(sent, script=may_script(role, path), https=https)
    return found


def once_each(cast: Cast) -> Iterator[tuple[str, str]]:
    """Every address, shown and posted to, and one of the other methods."""
    others = itertools.cycle(METHODS[2:])
    for address in ADDRESSES:
        path = paths(cast, address)[0]
        yield from ((method, path) for method in ("GET", "POST", next(others)))


def everything(cast: Cast) -> Iterator[tuple[str, str]]:
    """Every address in every way, with what exists in it and with what does not; an odd number of ways."""
    for address in ADDRESSES:
        found = paths(cast, address)
        yield from itertools.product(METHODS, dict.fromkeys([found[0], found[-1]]))


@pytest.mark.once
@pytest.mark.parametrize("role", ROLES)
def test_every_answer_has_exactly_the_headers_of_the_table(cast: Cast, role: str) -> None:
    assert wrong(cast, role, once_each(cast)) == []


@pytest.mark.drill
@pytest.mark.once
@pytest.mark.parametrize("role", ROLES)
def test_every_answer_in_every_way_has_exactly_the_headers_of_the_table(cast: Cast, role: str) -> None:
    assert wrong(cast, role, everything(cast)) == []


@pytest.mark.once
@pytest.mark.parametrize("method", METHODS)
def test_nobody_gets_back_what_they_sent(quiet: None, method: str) -> None:
    said = "a-word-that-nobody-else-says"
    answer = Client().generic(
        method, "/a/leave/", said.encode(), headers={"X-Said": said, "Cookie": f"x={said}"}
    )
    assert said not in f"{answer.content.decode()}{answer.headers}{answer.cookies}"


# Every error, as it really comes about


def bad_host(client: Client, _settings: Any) -> Any:
    return client.get("/", headers={"host": "elsewhere.example"})


def bad_charset(client: Client, _settings: Any) -> Any:
    return client.generic("POST", "/a/ride/", b"x", content_type="text/plain; charset=utf-7")


def nul_in_query(client: Client, _settings: Any) -> Any:
    return client.get("/a/ride/?x=%00")


def no_token(client: Client, _settings: Any) -> Any:
    return client.post("/a/ride/", {})


def another_origin(client: Client, _settings: Any) -> Any:
    return client.post("/a/ride/", {}, headers={"origin": "https://elsewhere.example"})


def no_origin(client: Client, _settings: Any) -> Any:
    return client.post("/a/ride/", {"csrfmiddlewaretoken": "x" * 32})


def not_there(client: Client, _settings: Any) -> Any:
    return client.get("/a/nowhere/at/all/")


def nul_in_path(client: Client, _settings: Any) -> Any:
    return client.get("/a/%00/")


def no_such_file(client: Client, _settings: Any) -> Any:
    return client.get("/static/nothing.css")


def not_this_way(client: Client, _settings: Any) -> Any:
    token = str(client.get("/a/ride/").context["csrf_token"])
    return client.post(
        "/a/erased/", {"csrfmiddlewaretoken": token}, headers={"referer": "https://testserver/"}
    )


def too_much(client: Client, _settings: Any) -> Any:
    return client.generic("POST", "/a/ride/", b"x" * 70_000)


def not_filled_in(client: Client, _settings: Any) -> Any:
    token = str(client.get("/a/ride/").context["csrf_token"])
    return client.post("/a/ride/", {"csrfmiddlewaretoken": token}, headers={"referer": "https://testserver/"})


def no_database(client: Client, _settings: Any) -> Any:
    with connection.execute_wrapper(_away):
        return client.get("/")


def _away(*_asked: Any) -> Any:
    raise OperationalError


def broken_view(client: Client, _settings: Any) -> Any:
    with patch("organisation.views.render", side_effect=ValueError):
        return client.get("/")


def nothing_can_be_sealed(client: Client, settings: Any) -> Any:
    page = client.get("/a/ride/")
    typed = {"csrfmiddlewaretoken": str(page.context["csrf_token"]), "day": TOMORROW.isoformat()}
    area = page.context["form"].fields["area"].choices
    typed |= {
        "area": next(str(value) for value, _label in area if value),
        "token": page.context["form"]["token"].value(),
    }
    settings.KEYRING_PATH = Path("/nowhere/slots")
    return client.post("/a/ride/", typed, headers={"referer": "https://testserver/"})


ERRORS = {
    bad_host: 400,
    bad_charset: 400,
    nul_in_query: 400,
    no_token: 403,
    another_origin: 403,
    no_origin: 403,
    not_there: 404,
    nul_in_path: 404,
    no_such_file: 404,
    not_this_way: 405,
    too_much: 413,
    not_filled_in: 422,
    broken_view: 500,
    no_database: 503,
    nothing_can_be_sealed: 503,
}


@pytest.mark.parametrize("https", [False, True])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_every_error_has_them_too_and_leave_now_is_its_first_stop(
    quiet: None, settings: Any, error: Any, https: bool
) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.defaults |= {"HTTP_HOST": "testserver", "HTTP_X_FORWARDED_PROTO": "https" if https else "http"}
    sent = error(client, settings)
    assert (sent.status_code, complaints(sent, https=https)) == (ERRORS[error], [])
    page = parse(sent.content.decode())
    assert page.first_stop() == {"class": "leave", "href": "/a/leave/"}
    assert len(page.named("h1")) == 1


# Files


def files_own(sent: Any) -> dict[str, str]:
    """What a file's answer says besides what all say."""
    fixed = ALWAYS | {"Content-Security-Policy": BARE}
    assert {name: sent[name] for name in fixed} == fixed
    return {name: value for name, value in sent.headers.items() if name not in fixed}


@pytest.mark.once
@pytest.mark.django_db
def test_a_file_may_be_kept_and_says_nothing_else() -> None:
    url, client = staticfiles_storage.url("style.css"), Client()
    whole = client.get(url)
    size = len(whole.getvalue())
    own = files_own(whole)
    since = own.pop("Last-Modified")
    tag = own.pop("ETag", None)
    assert own == {
        "Cache-Control": "max-age=315360000, public, immutable",
        "Content-Length": str(size),
        "Content-Type": 'text/css; charset="utf-8"',
        "Vary": "Accept-Encoding",
    }
    assert tag is None or tag.strip('"')
    same = client.get(url, headers={"if-modified-since": since})
    assert (same.status_code, same.content if not same.streaming else b"") == (304, b"")
    part = client.get(url, headers={"range": "bytes=0-9"})
    assert (part.status_code, part["Content-Range"]) == (206, f"bytes 0-9/{size}")
    assert len(part.getvalue()) == 10
    beyond = client.get(url, headers={"range": f"bytes={size}-"})
    assert (beyond.status_code, beyond["Cache-Control"]) == (416, "no-store")
    for answer in (same, part, beyond):
        files_own(answer)
    for answer in (whole, same, part, beyond):
        assert "Access-Control-Allow-Origin" not in answer.headers
        answer.close()
