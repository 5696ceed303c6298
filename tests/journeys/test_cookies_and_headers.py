"""What a browser is given to keep, and what every answer says about itself."""

import re
import socket
from collections.abc import Callable
from http.cookies import Morsel, SimpleCookie
from urllib.parse import urlsplit

import pytest

from tests.journeys.conftest import Stage
from tests.journeys.story import RIDE
from tests.journeys.walk import Browser, Exchange
from tests.live import LiveSystem

ONION = f"http://{'a2b3' * 14}.onion"
BOTH = {"PUBLIC_URL": "https://notes.example.org", "ONION_URL": ONION}
# Session, CSRF, language: nothing else is ever stored in a browser.
NAMES = {"s", "c", "l"}
SAME_SITE = {"s": "Lax", "c": "Strict", "l": "Lax"}
TRACES = {"x-powered-by", "etag", "last-modified", "via", "expires"}


def cookies(exchanges: list[Exchange]) -> list[Morsel[str]]:
    """Every cookie that was set, as it was set."""
    lines = [v for exchange in exchanges for name, v in exchange.received if name.lower() == "set-cookie"]
    return [morsel for line in lines for morsel in SimpleCookie(line).values()]


@pytest.fixture(scope="module")
def story(stage: Stage) -> list[Exchange]:
    """Everything three people's browsers exchanged in a short story."""
    asker, ben = stage.asker(), stage.volunteer("Ben", mail=False)
    asker.asks(RIDE)
    asker.writes_the_code_on_paper()
    ben.claims()
    asker.approves("Ben", place="Under the clock")
    ben.writes("On my way.")
    asker.browser.visit("/language/?language=fr&next=/a/mine/")
    asker.browser.visit("/language/?language=en&next=/a/mine/")
    asker.erases()
    stage.coordinator.suspends("Ben")
    browsers = [asker.browser, ben.browser, stage.coordinator.browser]
    return [exchange for browser in browsers for exchange in browser.seen]


def test_cookies_are_three_say_nothing_and_end_with_the_browser(story: list[Exchange]) -> None:
    found = [cookie for cookie in cookies(story) if cookie.value]
    assert {cookie.key for cookie in found} == NAMES
    for cookie in found:
        assert (cookie["httponly"], cookie["path"], cookie["domain"]) == (True, "/", "")
        assert cookie["samesite"] == SAME_SITE[cookie.key]
        assert (cookie["max-age"], cookie["expires"]) == ("", "")


def test_every_answer_is_closed_to_others_and_kept_nowhere(story: list[Exchange]) -> None:
    for exchange in story:
        headers = {name.lower(): value for name, value in exchange.received}
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none';"), exchange.url
        assert "unsafe" not in policy
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["server"] == "web"
        assert not TRACES & set(headers), exchange.url
        if "/a/" in exchange.url:
            assert "script-src" not in policy


def test_leaving_takes_every_cookie_back(stage: Stage) -> None:
    asker = stage.asker()
    asker.asks(RIDE)
    asker.writes_the_code_on_paper()
    asker.browser.visit("/language/?language=en&next=/a/mine/")
    assert set(asker.browser.cookies) == NAMES
    asker.leaves()
    assert asker.browser.cookies == {}
    headers = {name.lower(): value for name, value in asker.browser.seen[-1].received}
    assert headers["clear-site-data"] == '"cache", "storage"'
    asker.comes_back(stage.browser())
    asker.erases()


def test_at_both_addresses_of_one_instance_cookies_are_as_right_as_can_be(
    live_system: Callable[..., LiveSystem],
) -> None:
    system = live_system(**BOTH)
    https = Browser(system.url)
    https.forwarded = {"Host": "notes.example.org", "X-Forwarded-Proto": "https"}
    onion = Browser(system.url)
    onion.forwarded = {"Host": ONION.removeprefix("http://")}
    for browser in (https, onion):
        browser.visit("/a/stay/")
        browser.visit("/language/?language=fr&next=/")
    as_set = [[line.OutputString() for line in cookies(browser.seen)] for browser in (https, onion)]
    shape = [[re.sub("=[^;]+;", "=…;", line, count=1) for line in lines] for lines in as_set]
    assert shape == [
        [
            "__Host-c=…; HttpOnly; Path=/; SameSite=Strict; Secure",
            "__Host-l=…; HttpOnly; Path=/; SameSite=Lax; Secure",
        ],
        ["c=…; HttpOnly; Path=/; SameSite=Strict", "l=…; HttpOnly; Path=/; SameSite=Lax"],
    ]
    hsts = [
        {dict(one.received).get("strict-transport-security") for one in browser.seen}
        for browser in (https, onion)
    ]
    assert hsts == [{"max-age=31536000"}, {None}]


def over_the_wire(system: LiveSystem, request: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers and body of what comes back for these bytes."""
    place = urlsplit(system.url)
    with socket.create_connection((place.hostname, place.port), timeout=20) as line:
        line.sendall(request)
        received = b"".join(iter(lambda: line.recv(1 << 16), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = [(name.lower(), value) for name, _, value in (one.partition(": ") for one in lines)]
    return int(first.split()[1]), pairs, body


@pytest.mark.parametrize(
    ("status", "request_"),
    [
        (400, b"nothing that is HTTP\r\n\r\n"),
        (400, b"GET / HTTP/2.0\r\nHost: 127.0.0.1\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nno colon\r\n\r\n"),
        (414, b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
        (431, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 900_000 + b"\r\n\r\n"),
    ],
    ids=["not HTTP", "HTTP/2", "no colon", "long address", "long header"],
)
def test_what_the_web_server_refuses_by_itself_is_empty_and_names_no_software(
    live_system: Callable[..., LiveSystem], status: int, request_: bytes
) -> None:
    found, headers, body = over_the_wire(live_system(**BOTH), request_)
    assert (found, body) == (status, b"")
    assert {name for name, _value in headers} == {"connection", "content-length", "date"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "TRACE", "OPTIONS", "CONNECT", "STRANGE"])
def test_every_header_is_sent_once_whatever_the_method_and_nothing_is_echoed(
    live_system: Callable[..., LiveSystem], method: str
) -> None:
    said = "a-word-that-nobody-else-says"
    request = f"{method} /a/leave/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nX-Said: {said}\r\n\r\n"
    _status, headers, body = over_the_wire(live_system(**BOTH), request.encode())
    names = [name for name, _value in headers if name != "set-cookie"]
    assert sorted(names) == sorted(set(names))
    assert dict(headers)["server"] == "web"
    assert said not in f"{headers}{body!r}"
