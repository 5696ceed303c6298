"""Leave now, from every page, at the https address and at the onion address: somewhere neutral at once.

That page is told nothing, Back and Forward show nothing, and what the browser had kept opens nothing.
"""

import contextlib
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, BrowserType, Error, Page, expect

from tests.browser import doors, neutral
from tests.browser.crawl import ROLES, Example, open_folds, pages
from tests.browser.doors import Door
from tests.browser.neutral import Neutral
from tests.journeys.canary import pairs_of
from tests.journeys.clockwork import Rows

pytestmark = [pytest.mark.timeout(300), pytest.mark.second_look]

SECRET = "Behind the baker's."


@pytest.fixture(scope="module")
def example(door: Door) -> Example:
    filled: dict[str, Any] = door.system.demo()
    return Example(door.system, filled)


@pytest.fixture(scope="module")
def weather(door: Door, example: Example, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neutral]:
    """Where this system leads: over https from https, over http from the onion."""
    tls = doors.tls(tmp_path_factory.mktemp("weather")) if door.scheme == "https" else None
    with neutral.somewhere(tls) as place:
        Rows(door.system).leads_to(place.url)
        yield place


def ask(page: Page) -> list[str]:
    """The words of her code."""
    page.goto("/a/ride/")
    page.locator("[name=area]").select_option(index=1)
    page.locator("[name=day]").select_option(index=2)
    open_folds(page)
    page.locator("[name=desk_reads][value=no]").check(force=True)
    page.locator("[name=note]").fill(SECRET)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_role("heading", name="Your return code")).to_be_visible()
    return page.locator("ol.code li").all_inner_texts()


def leave(page: Page) -> None:
    """One press is enough; who is not in the middle of a field comes to it first with the Tab key."""
    if page.evaluate("document.activeElement === document.body"):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Leave now"
        page.keyboard.press("Enter")
    else:
        page.get_by_role("link", name="Leave now").click()
    expect(page.get_by_text("Rain later.")).to_be_visible()


def left(page: Page) -> str:
    """All that can be read on a page, what stands in its fields included."""
    fields = page.locator("textarea, input:not([type=hidden])").all()
    return " ".join([page.locator("body").inner_text(), *(one.input_value() for one in fields)])


def nothing_is_left(page: Page, weather: Neutral, door: Door, code: list[str], *told: str) -> None:
    """Neither there, nor in the browser, nor Back, nor Forward: of her code and what a page told."""
    anything = re.compile("|".join(map(re.escape, [SECRET, "Your page", *told])))
    looked_for = [anything, pairs_of(code)] if code else [anything]
    told_there = weather.heard()
    assert (told_there[:1], any(told_there)) == ([{}], False)
    # Firefox may still name a cookie that ended this moment.
    kept = [one for one in page.context.cookies() if one["expires"] == -1 or one["expires"] > time.time()]
    assert [cookie["name"] for cookie in kept if cookie["domain"] == door.host] == []
    steps = [*("back",) * 3, *("forward",) * 2]
    for step in steps:
        # A page that came from a post may be one the browser refuses to load again.
        with contextlib.suppress(Error):
            getattr(page, f"go_{step}")()
        seen = left(page)
        found = [match[0] for wanted in looked_for for match in wanted.finditer(seen)]
        if found:
            own_words = shown_to_strangers(page)
            found = [words for words in found if words not in own_words]
        assert (step, page.url, found) == (step, page.url, [])
    weather.heard()


def shown_to_strangers(page: Page) -> str:
    """What somebody reads there who was never here before: its own words may be two of a code."""
    assert page.context.browser is not None
    with page.context.browser.new_context(java_script_enabled=False, ignore_https_errors=True) as stranger:
        theirs = stranger.new_page()
        theirs.goto(page.url)
        return left(theirs)


def put_back(page: Page, door: Door, cookies: Any) -> None:
    """What somebody copied from the browser before."""
    kept = ("name", "value", "secure", "httpOnly", "sameSite")
    page.context.add_cookies([{"url": door.url} | {key: one[key] for key in kept} for one in cookies])  # type: ignore[misc]


# How somebody comes to a page of each sort, errors included.


def plainly(path: str) -> Callable[[Page], None]:
    def go(page: Page) -> None:
        page.goto(path)

    return go


def half_typed(page: Page) -> None:
    page.goto("/a/stay/")
    open_folds(page)
    page.locator("[name=note]").fill(SECRET)


def in_another_language(page: Page) -> None:
    half_typed(page)
    page.locator("button[name=switch_language][value=fr]").click()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    page.locator("button[name=switch_language][value=en]").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")


def refused(page: Page) -> None:
    """A form that came back: 422."""
    half_typed(page)
    page.locator("[name=note]").evaluate("field => field.removeAttribute('maxlength')")
    page.locator("[name=note]").fill(SECRET + "x" * 2500)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("This is too long")


def too_much(page: Page) -> None:
    """413."""
    half_typed(page)
    page.locator("[name=note]").evaluate("field => field.removeAttribute('maxlength')")
    page.locator("[name=note]").fill(SECRET + "x" * 70_000)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_role("heading", name="That is too much at once.")).to_be_visible()


def open_for_too_long(page: Page) -> None:
    """403: the cookie of the form is gone."""
    half_typed(page)
    page.context.clear_cookies()
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_role("heading", name="This page was open for too long.")).to_be_visible()


WAYS = {
    "her page": plainly("/a/mine/"),
    "her code": plainly("/a/code/"),
    "the first page": plainly("/"),
    "the code form": plainly("/a/return/"),
    "a half typed form": half_typed,
    "a form in two languages": in_another_language,
    "422": refused,
    "400": plainly("/a/ride/?x=%00"),
    "403": open_for_too_long,
    "404": plainly("/a/nowhere/at/all/"),
    "413": too_much,
}
# Asked in the drill.
SELDOM = {"the first page", "the code form", "a form in two languages", "400", "413"}


@pytest.mark.parametrize(
    "way", [pytest.param(way, marks=pytest.mark.drill) if way in SELDOM else way for way in WAYS]
)
def test_leave_now_ends_everything_and_back_shows_nothing(
    door: Door, weather: Neutral, asker_at: Page, way: str
) -> None:
    words = ask(asker_at)
    WAYS[way](asker_at)
    old = asker_at.context.cookies()
    leave(asker_at)
    nothing_is_left(asker_at, weather, door, words)
    put_back(asker_at, door, old)
    asker_at.goto("/a/mine/")
    expect(asker_at.get_by_label("Your return code")).to_be_visible()


def test_leave_now_works_while_the_database_is_away(door: Door, weather: Neutral, asker_at: Page) -> None:
    """503: and even then the cookies are gone and the next page is the weather."""
    asker_at.goto("/a/leave/")
    expect(asker_at.get_by_text("Rain later.")).to_be_visible()
    words = ask(asker_at)
    database, aside = door.system.data_dir / "db.sqlite3", door.system.data_dir / "aside"
    database.rename(aside)
    in_its_place(database)
    try:
        asker_at.goto("/a/mine/")
        expect(asker_at.get_by_role("heading", name="Not just now.")).to_be_visible()
        leave(asker_at)
    finally:
        database.rmdir()
        aside.rename(database)
    nothing_is_left(asker_at, weather, door, words)


def in_its_place(database: Path) -> None:
    """A folder. Whoever asked the database at this very moment has begun a new one there."""
    while not database.is_dir():
        with contextlib.suppress(FileExistsError):
            database.mkdir()
        if database.is_file():
            database.unlink()


@pytest.mark.parametrize("who", ["volunteer", "coordinator"])
def test_leave_now_signs_out_whoever_is_signed_in(
    door: Door,
    weather: Neutral,
    example: Example,
    new_context: Callable[..., BrowserContext],
    who: str,
) -> None:
    page = new_context(base_url=door.url, ignore_https_errors=True).new_page()
    example.enter(page, ROLES[who].who)
    page.goto(ROLES[who].start)
    told = page.locator("main").inner_text().splitlines()[:2]
    old = page.context.cookies()
    leave(page)
    nothing_is_left(page, weather, door, [], *[line for line in told if len(line) > 12])
    put_back(page, door, old)
    page.goto(ROLES[who].start)
    expect(page).to_have_url(re.compile("/accounts/login/"))


def test_leave_now_is_on_every_page_of_hers(weather: Neutral, asker_at: Page) -> None:
    ask(asker_at)
    for path in pages(asker_at, ROLES["asker"]):
        box = asker_at.get_by_role("link", name="Leave now").bounding_box()
        assert box is not None, path
        assert (box["height"] >= 44, box["y"] < 60) == (True, True), path


# How often Chromium is asked whether it keeps pages at all.
TRIES = 20


def came_back(page: Page, prepare: Callable[[Page], None]) -> str:
    """How Chromium shows the page before this one, whatever it thinks of it: loaded, or from its memory."""
    session, ways = page.context.new_cdp_session(page), []
    session.send("Page.enable")
    session.on("Page.frameNavigated", lambda event: ways.append(event["type"]))
    prepare(page)
    entries = session.send("Page.getNavigationHistory")["entries"]
    before = len(ways)
    session.send("Page.navigateToHistoryEntry", {"entryId": entries[-2]["id"]})
    end = time.monotonic() + 20
    while len(ways) == before and time.monotonic() < end:
        page.wait_for_timeout(50)
    return str(ways[-1])


@pytest.mark.chromium
def test_back_takes_nothing_out_of_the_browsers_memory_either(
    door: Door, weather: Neutral, browser_type: BrowserType, browser_type_launch_args: dict[str, Any]
) -> None:
    """Chromium keeps whole pages, also those it may not store. Playwright switches that off elsewhere."""

    def to_the_weather(page: Page) -> None:
        page.goto(f"{weather.url}/of-yesterday")
        page.goto(weather.url)

    def away(page: Page) -> None:
        ask(page)
        half_typed(page)
        leave(page)

    without = ["--disable-back-forward-cache"]
    whole = browser_type_launch_args | {"executable_path": shutil.which("chromium")}
    browser = browser_type.launch(**whole, ignore_default_args=without)
    try:
        context = browser.new_context(base_url=door.url, java_script_enabled=False, ignore_https_errors=True)
        # A busy browser lets go of a page it kept: one that comes back from its memory is enough.
        tries = (came_back(context.new_page(), to_the_weather) for _try in range(TRIES))
        keeps = "BackForwardCacheRestore" in tries
        hers = came_back(context.new_page(), away)
    finally:
        browser.close()
    assert (keeps, hers) == (True, "Navigation")


def test_the_weather_would_have_noticed(weather: Neutral, asker_at: Page) -> None:
    weather.heard()
    asker_at.goto(weather.url)
    with asker_at.expect_navigation():
        asker_at.get_by_role("link", name="More").click()
    assert weather.heard() == [{}, {"referer": weather.url}]
