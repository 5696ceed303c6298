"""axe finds nothing on any page of any role, by day and by night, on a small telephone and on a desk."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.crawl import OPEN_FOLDS, ROLES, Example, pages
from tests.live import LiveSystem

# What axe looks at is the same in every browser.
pytestmark = [pytest.mark.timeout(600), pytest.mark.chromium]

PHONE, DESKTOP = {"width": 320, "height": 640}, {"width": 1280, "height": 900}
# The small screen and the desk, each in both colours.
LIGHTS = ((PHONE, "light"), (PHONE, "dark"), (DESKTOP, "light"), (DESKTOP, "dark"))
# What changes with the colours and the width; everything else is looked at once.
COLOURS_AND_SIZES = {
    "runOnly": {"type": "rule", "values": ["color-contrast", "target-size", "link-in-text-block"]}
}
# So many sorts of pages each role has at least: a crawl that finds none finds nothing wrong.
FEWEST = {"anybody": 8, "asker": 5, "volunteer": 8, "coordinator": 6}
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
    with page.expect_response(lambda answer: answer.request.method == "POST") as answered:
        page.locator("main form").evaluate("form => form.noValidate = true")
        page.get_by_role("button", name=button, exact=True).click()
    assert answered.value.status in (200, 422)
    page.wait_for_load_state()
    assert complaints(page) == []


def test_axe_finds_nothing_on_a_page_that_is_not_there(
    example: Example, member_page: Callable[..., Page]
) -> None:
    page = member_page(example.system)
    answer = page.goto("/a/no-such-page/")
    assert answer is not None
    assert (answer.status, complaints(page)) == (404, [])
