"""How much comes over the wire, and what comes with it: on 2G, in Tor Browser, at night."""

from collections.abc import Callable
from urllib.parse import urljoin

import pytest

from tests.journeys.conftest import Stage
from tests.journeys.page import Page
from tests.journeys.story import COMPANY, RIDE
from tests.journeys.walk import Browser
from tests.live import LiveSystem

FIRST_VISIT = 14_600  # bytes: what a server may send before the first answer comes back
ASKERS_PAGE = 8 * 1024  # bytes
LANGUAGES = ["en", "fr"]


@pytest.fixture
def system(live_system: Callable[..., LiveSystem]) -> LiveSystem:
    return live_system()


def loaded(page: Page) -> list[str]:
    """The addresses of everything the page makes a browser load."""
    found = [node.attrs["href"] for node in page.root.all("link") if node.attrs.get("rel") != "alternate"]
    found += [node.attrs["src"] for node in page.root.all("img", "script", "iframe") if "src" in node.attrs]
    return [urljoin(page.url, address) for address in found]


def size_of(browser: Browser, address: str) -> int:
    """Bytes of the body as they came, and of the lines of the header."""
    before = len(browser.seen)
    browser.visit(address)
    return sum(
        answer.size + sum(len(name) + len(value) + 4 for name, value in answer.received)
        for answer in browser.seen[before:]
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", ["/", "/a/stay/"])
def test_a_first_visit_is_three_requests_and_fits_the_first_packets(
    system: LiveSystem, language: str, path: str
) -> None:
    browser = Browser(system.url, language)
    page = browser.visit(path)
    assert page.root.all("html")[0].attrs["lang"] == language
    assert page.root.all("script", "iframe", "video", "audio", "object", "embed") == []
    assert [address for address in loaded(page) if not address.startswith(f"{system.url}/static/")] == []
    requests = [page.url, *dict.fromkeys(loaded(page))]
    assert len(requests) <= 3
    assert sum(size_of(Browser(system.url, language), address) for address in requests) <= FIRST_VISIT


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_of_hers_is_heavier_than_eight_kilobytes(system: LiveSystem, language: str) -> None:
    browser = Browser(system.url, language)
    sizes = {}
    for path in (
        "/a/stay/",
        "/a/ride/",
        "/a/accompaniment/",
        "/a/return/",
        "/a/mine/",
        "/a/erased/",
        "/a/x/",
    ):
        browser.visit(path)
        sizes[path] = browser.seen[-1].size
    assert {path: size for path, size in sizes.items() if size > ASKERS_PAGE} == {}


def test_her_page_stays_light_when_many_offer_and_much_was_written(stage: Stage) -> None:
    asker, people = stage.asker(), [stage.volunteer(f"Volunteer {n}", mail=False) for n in range(6)]
    asker.asks(RIDE, note="Behind the baker's. " * 20, desk_reads="no")
    asker.writes_the_code_on_paper()
    for number, person in enumerate(people):
        person.claims() if number == 0 else person.stands_by()
    asker.approves("Volunteer 0", place="Under the station clock")
    for number in range(10):
        asker.writes("Volunteer 0", f"{number}: where are you? " * 4)
    asker.asks(COMPANY)
    asker.looks().says("Volunteer 0", "Volunteer 5", COMPANY)
    assert asker.browser.seen[-1].size <= ASKERS_PAGE
    asker.erases()
