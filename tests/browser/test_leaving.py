"""Leave now, from every page of hers: somewhere neutral at once, and Back shows nothing."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Page, expect

from tests.browser.crawl import ROLES, pages
from tests.journeys.canary import pairs_of
from tests.journeys.clockwork import Rows
from tests.live import LiveSystem

pytestmark = [pytest.mark.timeout(300), pytest.mark.second_look]

SECRET = "Behind the baker's."


class Neutral(BaseHTTPRequestHandler):
    """A page about the weather."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Weather</title><p>Rain later.")

    def log_message(self, *_words: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def neutral() -> Iterator[str]:
    """The address of somewhere neutral."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Neutral) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/weather"
        server.shutdown()


@pytest.fixture(scope="module")
def system(live_system: Callable[..., LiveSystem], neutral: str) -> LiveSystem:
    running = live_system()
    Rows(running).leads_to(neutral)
    return running


@pytest.fixture
def asker(system: LiveSystem, asker_page: Callable[..., Page]) -> Page:
    return asker_page(system)


def ask(page: Page) -> None:
    page.goto("/a/ride/")
    page.locator("[name=day]").select_option(index=2)
    page.get_by_text("A note", exact=True).click()
    page.locator("[name=note]").fill(SECRET)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_role("heading", name="Your return code")).to_be_visible()


def leave(page: Page) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Leave now"
    page.keyboard.press("Enter")
    expect(page.get_by_text("Rain later.")).to_be_visible()


@pytest.mark.parametrize("path", ["/", "/a/stay/", "/a/code/", "/a/mine/", "/a/return/"])
def test_leave_now_is_first_ends_everything_and_back_shows_nothing(asker: Page, path: str) -> None:
    ask(asker)
    words = asker.locator("ol.code li").all_inner_texts()
    asker.goto(path)
    leave(asker)
    for _ in range(3):
        asker.go_back()
        shown = asker.locator("body").inner_text()
        assert SECRET not in shown
        assert "Your page" not in shown
        assert not pairs_of(words).search(shown)
    asker.goto("/a/mine/")
    expect(asker.get_by_label("Your return code")).to_be_visible()
    assert [cookie["name"] for cookie in asker.context.cookies() if cookie["name"] == "s"] == []


def test_leave_now_is_on_every_page_of_hers(asker: Page, system: LiveSystem) -> None:
    ask(asker)
    for path in pages(asker, ROLES["asker"]):
        box = asker.get_by_role("link", name="Leave now").bounding_box()
        assert box is not None, path
        assert (box["height"] >= 44, box["y"] < 60) == (True, True), path
