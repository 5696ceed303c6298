"""At its https address and at its onion address: each request as is right for where it came in."""

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.test import RequestFactory

from privacy.origins import Origins

pytestmark = pytest.mark.once

HTTPS, ONION = "https://notes.example", f"http://{'a2b3' * 14}.onion"
SAFE, HIDDEN = "notes.example", ONION.removeprefix("http://")


@pytest.fixture(autouse=True)
def _two_addresses(settings: Any) -> None:
    settings.PUBLIC_URL, settings.ONION_URL, settings.ORIGINS = HTTPS, ONION, [HTTPS, ONION]
    settings.ALLOWED_HOSTS = [SAFE, HIDDEN, "127.0.0.1"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")


def asked(host: str, path: str = "/", method: str = "GET", **headers: str) -> HttpRequest:
    """A request as it comes in: `headers` with _ for -."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return RequestFactory().generic(method, path, headers={"Host": host, **named})


def answer(request: HttpRequest, **cookies: str) -> HttpResponseBase:
    """What comes out where the view sets these cookies, as carelessly as a library may."""

    def view(_request: HttpRequest) -> HttpResponse:
        response = HttpResponse("x")
        for name, value in cookies.items():
            response.set_cookie(name, value, path="/deep/", domain="example", httponly=True)
        return response

    return Origins(view)(request)


def seen(request: HttpRequest) -> dict[str, str]:
    """The cookies a view sees."""
    answer(request)
    return dict(request.COOKIES)


def test_over_https_every_cookie_is_for_this_host_alone_and_never_in_clear() -> None:
    response = answer(asked(SAFE, X_Forwarded_Proto="https"), s="one", other="two;")

    assert [cookie.OutputString() for cookie in response.cookies.values()] == [
        "__Host-s=one; HttpOnly; Path=/; Secure",
        '__Host-other="two\\073"; HttpOnly; Path=/; Secure',
    ]


@pytest.mark.parametrize("host", [HIDDEN, "127.0.0.1:8000"])
def test_over_http_every_cookie_has_its_plain_name(host: str) -> None:
    response = answer(asked(host), s="one")

    assert [cookie.OutputString() for cookie in response.cookies.values()] == ["s=one; HttpOnly; Path=/"]


def test_a_cookie_taken_back_is_taken_back_under_the_name_it_has() -> None:
    def view(_request: HttpRequest) -> HttpResponse:
        response = HttpResponse("x")
        response.delete_cookie("s")
        return response

    found = [
        next(iter(Origins(view)(request).cookies.values()))
        for request in (asked(SAFE, X_Forwarded_Proto="https"), asked(HIDDEN))
    ]

    assert [(one.key, one["max-age"], one["secure"]) for one in found] == [
        ("__Host-s", 0, "1"),
        ("s", 0, ""),
    ]


@pytest.mark.parametrize(
    "planted",
    [
        "s=theirs",
        "s=theirs; __host-s=theirs; __HOST-s=theirs; __Secure-s=theirs",
        "\u2000__Host-s=theirs",
        "\xa0__Host-s=theirs",
        "\x85__Host-s=theirs",
        "\u3000s=theirs",
        "$Version=1; s=theirs; $Path=/",
        '"__Host-s"=theirs',
        "__Host-s",
    ],
)
@pytest.mark.parametrize("alphabet", ["utf-8", "latin-1"])
def test_what_somebody_planted_over_http_is_never_read_over_https(planted: str, alphabet: str) -> None:
    # As the server hands over the bytes of a header.
    raw = planted.encode(alphabet, "replace").decode("latin-1")

    assert "theirs" not in seen(asked(SAFE, X_Forwarded_Proto="https", Cookie=raw)).values()
    both = seen(asked(SAFE, X_Forwarded_Proto="https", Cookie=f"{raw}; __Host-s=ours; {raw}"))
    assert (both["s"], "theirs" in both.values()) == ("ours", False)


def test_the_same_cookies_are_read_over_http_under_their_plain_names() -> None:
    assert seen(asked(HIDDEN, Cookie="s=ours; __Host-s=theirs;c=2")) == {"s": "ours", "c": "2"}


def test_what_came_over_https_comes_back_over_https() -> None:
    cookie = '__Host-s=ours; __Host-l="fr"'

    assert seen(asked(SAFE, X_Forwarded_Proto="https", Cookie=cookie)) == {"s": "ours", "l": "fr"}


@pytest.mark.parametrize("host", [SAFE, "NOTES.example", "notes.example.", "notes.example:8000"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("said", ["", "http", "x"])
def test_nothing_is_said_in_clear_at_the_https_address(host: str, method: str, said: str) -> None:
    headers = {"X_Forwarded_Proto": said} if said else {}
    request = asked(host, "/a/ride/?a=b", method, Cookie="s=planted", **headers)

    response = answer(request, s="one")

    assert (response.status_code, response["Location"]) == (302, f"{HTTPS}/a/ride/?a=b")
    assert not response.cookies


def test_the_onion_address_is_never_led_away_and_no_visitor_there_is_a_proxy() -> None:
    request = asked(HIDDEN, X_Forwarded_Proto="https")

    response = answer(request, s="one")

    assert (response.status_code, request.is_secure(), list(response.cookies)) == (200, False, ["s"])


def test_this_machine_is_what_the_request_says_it_is() -> None:
    plain, proxied = asked("127.0.0.1:8000"), asked("127.0.0.1:8000", X_Forwarded_Proto="https")

    assert [list(answer(one, s="x").cookies) for one in (plain, proxied)] == [["s"], ["__Host-s"]]


def test_the_first_page_over_https_says_where_the_onion_is() -> None:
    response = answer(asked(SAFE, "/a/stay/?x=%20", X_Forwarded_Proto="https"))

    assert response["Onion-Location"] == f"{ONION}/a/stay/?x=%20"


@pytest.mark.parametrize(
    "request_",
    [
        asked(SAFE, method="POST", X_Forwarded_Proto="https"),
        asked(SAFE, X_Forwarded_Proto="https", Cookie="__Host-s=in the middle of something"),
        asked("127.0.0.1", X_Forwarded_Proto="https"),
        asked(HIDDEN),
        asked(HIDDEN, X_Forwarded_Proto="https"),
    ],
    ids=range(5),
)
def test_nobody_is_sent_to_the_onion_from_anything_else(request_: HttpRequest) -> None:
    assert "Onion-Location" not in answer(request_)


def test_without_an_onion_address_none_is_named(settings: Any) -> None:
    settings.ONION_URL, settings.ORIGINS = "", [HTTPS]

    assert "Onion-Location" not in answer(asked(SAFE, X_Forwarded_Proto="https"))
