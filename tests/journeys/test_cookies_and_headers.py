"""What a browser is given to keep, and what every answer says about itself."""

from collections.abc import Callable
from http.cookies import Morsel, SimpleCookie

import pytest

from tests.journeys.conftest import Stage
from tests.journeys.story import RIDE
from tests.journeys.walk import Browser, Exchange
from tests.live import LiveSystem

# Session, CSRF, language: nothing else is ever stored in a browser.
NAMES = {"s", "c", "l"}
SAME_SITE = {"s": "Lax", "c": "Strict", "l": "Lax"}
TRACES = {"x-powered-by", "etag", "last-modified", "via"}


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
        assert headers["referrer-policy"] in ("same-origin", "no-referrer")
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
    assert headers["clear-site-data"] == '"cache", "cookies", "storage"'
    asker.comes_back(stage.browser())
    asker.erases()


def test_behind_https_cookies_travel_nowhere_else(live_system: Callable[..., LiveSystem]) -> None:
    system = live_system(PUBLIC_URL="https://notes.example.org")
    browser = Browser(system.url)
    browser.forwarded = {"Host": "notes.example.org", "X-Forwarded-Proto": "https"}
    browser.visit("/a/stay/")
    browser.visit("/language/?language=fr&next=/")
    found = cookies(browser.seen)
    assert {cookie.key for cookie in found} == {"c", "l"}
    assert all(cookie["secure"] for cookie in found)
    headers = {name.lower(): value for name, value in browser.seen[0].received}
    assert headers["strict-transport-security"].startswith("max-age=31536000")
