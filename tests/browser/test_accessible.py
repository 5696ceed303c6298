"""axe finds nothing on any page of any role, by day and by night, on a small telephone and on a desk, at the
usual size and at twice that."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.crawl import OPEN_FOLDS, ROLES, Example, answered_with_a_page, is_at, pages
from tests.browser.test_whole_story import PASSPHRASE
from tests.live import LiveSystem

# What axe looks at is the same in every browser.
pytestmark = [pytest.mark.timeout(600), pytest.mark.chromium]

PHONE, DESKTOP = {"width": 320, "height": 640}, {"width": 1280, "height": 900}
# A desk where everything is twice as large: so a browser lays a page out at 200 %.
ZOOMED = {"width": 640, "height": 450}
# The small screen and the desk, each in both colours.
LIGHTS = (
    *((PHONE, "light"), (PHONE, "dark"), (DESKTOP, "light"), (DESKTOP, "dark")),
    *((ZOOMED, "light"), (ZOOMED, "dark")),
)
# Only the letters, twice as large, on the small screen.
LARGE_LETTERS = "document.documentElement.style.fontSize = '200%'"
USUAL_LETTERS = "document.documentElement.style.fontSize = ''"
# What changes with the colours and the width; everything else is looked at once.
COLOURS_AND_SIZES = {
    "runOnly": {"type": "rule", "values": ["color-contrast", "target-size", "link-in-text-block"]}
}
# So many sorts of pages each role has at least: a crawl that finds none finds nothing wrong.
FEWEST = {"anybody": 8, "asker": 5, "volunteer": 8, "coordinator": 6}
# No pages a person reads: files, parts of a page, and what a program asks.
# Looked at in tests/browser/test_something_wrong.py: the example has nothing of the kind.
ELSEWHERE = {"/desk/reports/<report_id>/", "/needs/<need_id>/talk/"}
NO_PAGES = {"/calendar/<token>.ics", "/desk/trouble/", "/healthz", "/profile/news.js"}
# A page nobody links to: it is there for whoever was sent the address.
SENT = {
    "nobody": ("/a/erased/", "/a/erasing/", "/accounts/recover/", "/language/", "/outside/"),
    "Volunteer B": (
        *("/accounts/unlock/", "/accounts/reauthenticate/", "/accounts/logout/"),
        "/accounts/2fa/webauthn/",
    ),
}
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def example(live_system: Callable[..., LiveSystem]) -> Example:
    system = live_system()
    return Example(system, system.demo())


def complaints(page: Page, options: dict[str, Any] | None = None) -> list[str]:
    """What axe finds: rule, element and what to do about it."""
    found = Axe().run(page, options=options).response["violations"]
    nodes = [(rule["id"], node) for rule in found for node in rule["nodes"]]
    return [f"{rule}: {node['html'][:120]} {node['failureSummary']}" for rule, node in nodes]


def in_every_light(page: Page) -> dict[str, list[str]]:
    """width and colours → complaints, for the page the browser is on."""
    found = {}
    for width, scheme in LIGHTS:
        page.set_viewport_size(width)
        # Colours that are still changing are nobody's colours.
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        everything = (width, scheme) == (PHONE, "light")
        wrong = complaints(page, None if everything else COLOURS_AND_SIZES)
        wrong += ["scrolls sideways"] if page.evaluate(SIDEWAYS) > 0 else []
        found[f"{width['width']} {scheme}"] = wrong
    page.set_viewport_size(PHONE)
    page.evaluate(LARGE_LETTERS)
    found["large letters"] = ["scrolls sideways"] if page.evaluate(SIDEWAYS) > 0 else []
    page.evaluate(USUAL_LETTERS)
    return {light: wrong for light, wrong in found.items() if wrong}


@pytest.mark.parametrize("role", ROLES)
def test_axe_finds_nothing_on_any_page(example: Example, member_page: Callable[..., Page], role: str) -> None:
    page = member_page(example.system)
    example.enter(page, ROLES[role].who)
    wrong = {}
    for path in pages(page, ROLES[role]):
        page.evaluate(OPEN_FOLDS)
        wrong[path] = in_every_light(page)
    assert {path: found for path, found in wrong.items() if found} == {}
    assert len(wrong) >= FEWEST[role]


@pytest.mark.parametrize(
    ("path", "button"),
    [("/a/ride/", "Ask"), ("/a/return/", "Open"), ("/accounts/login/", "Sign in")],
)
def test_axe_finds_nothing_where_something_was_typed_wrongly(
    example: Example, member_page: Callable[..., Page], path: str, button: str
) -> None:
    page = member_page(example.system)
    page.goto(path)
    page.locator("main form").evaluate("form => form.noValidate = true")
    posted = page.expect_response(lambda answer: answer.request.method == "POST")
    with page.expect_navigation(), posted as answered:
        page.get_by_role("button", name=button, exact=True).click()
    assert answered.value.status in (200, 422)
    assert complaints(page) == []


def test_axe_finds_nothing_on_a_page_that_is_not_there(
    example: Example, member_page: Callable[..., Page]
) -> None:
    page = member_page(example.system)
    answer = page.goto("/a/no-such-page/")
    assert answer is not None
    assert (answer.status, complaints(page)) == (404, [])


def on_the_way(page: Page, example: Example) -> Iterator[str]:
    """What is shown once, after something was done: the path, while the browser is on it."""
    for path in SENT["nobody"]:
        page.goto(path)
        yield path
    page.goto("/a/ride/")
    for name in ("area", "day"):
        page.locator(f"[name={name}]").select_option(index=2)
    page.get_by_role("button", name="Ask", exact=True).click()
    page.wait_for_url("**/a/code/")
    yield "/a/code/"
    page.context.clear_cookies()
    yield from as_somebody_new_at_the_desk(page, example)
    page.context.clear_cookies()
    example.enter(page, "Volunteer B")
    for path in SENT["Volunteer B"]:
        page.goto(path)
        yield path


def as_somebody_new_at_the_desk(page: Page, example: Example) -> Iterator[str]:
    """An invitation, an account, its sheet; and with a colleague, a link that restores a login."""
    example.enter(page, "Coordinator A")
    sure_who_it_is(page)
    page.goto("/desk/people/")
    page.get_by_label("For somebody who will work at the desk").check()
    with page.expect_navigation():
        page.get_by_role("button", name="Make a link").click()
    link = shown_link(page)
    yield "/desk/people/invite/"
    page.context.clear_cookies()
    page.goto(link)
    yield "/join/a-link/"
    page.get_by_label("What should people call you?").fill("Cleo")
    page.get_by_label("Passphrase", exact=True).fill(PASSPHRASE)
    page.get_by_label("The same again").fill(PASSPHRASE)
    with page.expect_navigation():
        page.get_by_role("button", name="Open my account").click()
    page.get_by_role("heading", name="Your recovery sheet").wait_for()
    yield "/join/a-link/ with the sheet"
    sure_who_it_is(page)
    link = shown_link(page)
    yield "/desk/people/somebody/restore/"
    page.context.clear_cookies()
    page.goto(link)
    yield "/accounts/restore/a-link/"


def sure_who_it_is(page: Page) -> None:
    """One of the two who restore the login of Volunteer C."""
    page.goto("/desk/people/")
    with page.expect_navigation():
        page.get_by_role("link", name="Volunteer C", exact=True).click()
    page.evaluate(OPEN_FOLDS)
    with page.expect_navigation():
        page.get_by_role("button", name="I am sure it is them").click()


def shown_link(page: Page) -> str:
    """The path of the link that is shown only now."""
    shown = page.locator("[role=status] [translate=no]").inner_text()
    return urlsplit(shown).path


def test_axe_finds_nothing_on_what_is_shown_once(example: Example, member_page: Callable[..., Page]) -> None:
    page = member_page(example.system)
    wrong = {}
    for path in on_the_way(page, example):
        page.evaluate(OPEN_FOLDS)
        wrong[path] = in_every_light(page)
    assert {path: found for path, found in wrong.items() if found} == {}


def test_no_page_is_left_out_when_axe_looks(example: Example, member_page: Callable[..., Page]) -> None:
    seen = [path for paths in SENT.values() for path in paths]
    seen += ["/join/a-link/", "/accounts/restore/a-link/"]
    for role in ROLES.values():
        page = member_page(example.system)
        example.enter(page, role.who)
        seen += list(pages(page, role))
    unseen = {address for address in answered_with_a_page() if not any(is_at(path, address) for path in seen)}
    assert unseen - ELSEWHERE == NO_PAGES
