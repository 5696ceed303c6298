"""Every page fits a small telephone in French and from right to left, and axe finds nothing there."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.live import LiveSystem
from tests.locale import pseudo

# Needs its own time: every page, in each browser.
pytestmark = [pytest.mark.timeout(300), pytest.mark.second_look]
LANGUAGES = {"fr": "ltr", pseudo.CODE: "rtl"}
NEVER = re.compile(r"/a/leave/|/accounts/logout/|/language/|/static/|\.ics$")
# One page of each sort is enough.
NUMBER = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=/)\d+(?=/)")
OPEN_FOLDS = "document.querySelectorAll('details').forEach(fold => fold.open = true)"
# What sticks out at a side, and buttons whose words do not fit.
OUTSIDE = """() => {
  const width = document.documentElement.clientWidth;
  const sticksOut = element => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && (box.right > width + 1 || box.left < -1);
  };
  const found = [...document.querySelectorAll("body *")].filter(sticksOut);
  const cut = [...document.querySelectorAll("button, a.button")]
    .filter(element => element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0
      && getComputedStyle(element).display !== "inline");
  return [...found, ...cut].map(element => `${element.tagName}: ${element.textContent.trim().slice(0, 40)}`);
}"""


@dataclass
class Example:
    """A running instance that holds the example organisation."""

    system: LiveSystem
    filled: dict[str, Any]


@pytest.fixture(scope="module")
def example(live_system: Callable[..., LiveSystem]) -> Example:
    system = live_system(DJANGO_SETTINGS_MODULE="tests.locale.settings")
    return Example(system, system.demo())


# Both browsers mirror a page; that French is longer than English one of them sees.
EACH = [code if code == pseudo.CODE else pytest.param(code, marks=pytest.mark.chromium) for code in LANGUAGES]


@pytest.fixture(params=EACH)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def reader(example: Example, language: str, member_page: Callable[..., Page]) -> Callable[[str], Page]:
    """`reader(who)`: a page of somebody who reads this language: a handle, "the asker" or "" for anybody."""

    def open_page(who: str) -> Page:
        page = member_page(example.system)
        speak(page, example, language)
        if who == "the asker":
            page.goto("/a/return/")
            page.locator("[name=code]").fill(example.filled["return_code"])
            page.locator("main form button[type=submit]").click()
            page.wait_for_url("**/a/mine/")
        elif who:
            account = next(row for row in example.filled["accounts"] if row["handle"] == who)
            page.goto("/accounts/login/")
            page.locator("[name=login]").fill(account["username"])
            page.locator("[name=password]").fill(account["passphrase"])
            page.locator("main form button[type=submit]").first.click()
            page.wait_for_url(lambda url: "/accounts/login/" not in url)
            # The profile speaks English; this reader does not.
            speak(page, example, language)
        return page

    return open_page


def speak(page: Page, example: Example, language: str) -> None:
    page.context.add_cookies([{"name": "l", "value": language, "url": example.system.url}])


def pages(page: Page, start: str, within: str) -> Iterator[str]:
    """The path of each sort of page that links lead to, where it matches `within`; the browser is on it."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        path = waiting.pop(0)
        sort = NUMBER.sub("N", path)
        if sort in seen or NEVER.search(path) or not re.match(within, path):
            continue
        seen.add(sort)
        page.goto(path)
        waiting += here(page)
        yield path


def here(page: Page) -> list[str]:
    """The paths of the links to pages of ours."""
    own = urlsplit(page.url).netloc
    links = page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)")
    return [urlsplit(link).path for link in links if urlsplit(link).netloc == own]


@pytest.mark.parametrize(
    ("who", "start", "within"),
    [
        ("", "/", "/$|/a/|/help/|/accounts/"),
        ("the asker", "/a/mine/", "/a/mine/"),
        ("Volunteer B", "/board/", "/(board|needs|offers|profile|accounts)/"),
        ("Coordinator A", "/desk/", "/desk/"),
    ],
    ids=["anybody", "asker", "volunteer", "coordinator"],
)
def test_every_page_fits_a_small_telephone(
    reader: Callable[[str], Page], language: str, who: str, start: str, within: str
) -> None:
    page = reader(who)
    wrong = {}
    for path in pages(page, start, within):
        page.evaluate(OPEN_FOLDS)
        assert page.locator("html").get_attribute("dir") == LANGUAGES[language]
        if outside := page.evaluate(OUTSIDE):
            wrong[path] = outside
    assert wrong == {}


@pytest.mark.chromium
@pytest.mark.parametrize("language", [pseudo.CODE], indirect=True)
@pytest.mark.parametrize(
    ("who", "path"),
    [
        ("", "/"),
        ("", "/a/stay/"),
        ("the asker", "/a/mine/"),
        ("Volunteer B", "/board/"),
        ("Volunteer B", "/offers/new/"),
        ("Coordinator A", "/desk/"),
    ],
)
def test_axe_finds_nothing(reader: Callable[[str], Page], who: str, path: str) -> None:
    page = reader(who)
    page.goto(path)
    found = Axe().run(page)
    assert [violation["id"] for violation in found.response["violations"]] == []
