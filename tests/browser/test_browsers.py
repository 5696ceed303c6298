"""The browsers are what the other tests take them for."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.live import LiveSystem

PAGE = b"""<!doctype html><title>none</title><noscript><p id=without>without</p></noscript>
<svg id=s width=50 height=50><rect width=50 height=50 /></svg>
<form method=post><label>Text <input name=text></label> <button>Send</button></form>
<script>document.title = 'ran'</script>"""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        origin = self.headers.get("Origin", "").rpartition(":")[0]
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE + b"<p id=got>" + origin.encode() + b" " + body)

    do_POST = do_GET

    def log_message(self, *_words: object) -> None:
        """Quiet."""


@pytest.fixture
def site() -> Iterator[LiveSystem]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield LiveSystem(f"http://127.0.0.1:{server.server_address[1]}", Path(), {})
        server.shutdown()


def test_no_script_runs_for_the_asker_and_forms_work(
    asker_page: Callable[..., Page], site: LiveSystem
) -> None:
    page = asker_page(site)
    page.goto("/")
    page.get_by_label("Text").fill("hello")
    with page.expect_navigation():
        page.get_by_role("button", name="Send").click()

    assert page.locator("#got").inner_text() == "http://127.0.0.1 text=hello"
    assert page.title() == "none"
    assert page.locator("#without").inner_text() == "without"


def test_scripts_run_for_members(member_page: Callable[..., Page], site: LiveSystem) -> None:
    page = member_page(site)
    page.goto("/")

    assert page.title() == "ran"


def test_firefox_draws_no_svg_as_at_the_safest_level(
    member_page: Callable[..., Page], site: LiveSystem, browser_name: str
) -> None:
    page = member_page(site)
    page.goto("/")
    drawn = page.evaluate("document.getElementById('s') instanceof SVGElement")

    assert drawn == (browser_name == "chromium")
