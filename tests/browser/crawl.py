"""Every sort of page that links lead to, from one start; and who can be signed in on an example instance."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page

from tests.live import LiveSystem

# These do something, or are no page.
NEVER = re.compile(r"/a/leave/|/accounts/logout/|/language/|/static/|\.ics$")
# Of pages that differ in an id only, one is enough.
NUMBER = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=/)\d+(?=/)")
# What everybody gets at every address, written down by tests/mutualaid/test_access_table.py.
TABLE = Path(__file__).resolve().parents[2] / "docs" / "access.md"
OPEN_FOLDS = "document.querySelectorAll('details').forEach(fold => fold.open = true)"


@dataclass(frozen=True)
class Role:
    """Who looks: a handle of the example, "the asker" or "" for anybody; where; and how far they go."""

    who: str
    start: str
    within: str


ROLES = {
    "anybody": Role("", "/", "/$|/a/|/help/|/accounts/"),
    "asker": Role("the asker", "/a/mine/", "/$|/a/"),
    "volunteer": Role("Volunteer B", "/board/", "/(board|needs|offers|profile|accounts|for-somebody)/"),
    "coordinator": Role("Coordinator A", "/desk/", "/desk/"),
}


@dataclass
class Example:
    """A running instance that holds the example organisation of `manage.py demo`."""

    system: LiveSystem
    filled: dict[str, Any]

    def account(self, handle: str) -> dict[str, str]:
        return next(dict(row) for row in self.filled["accounts"] if row["handle"] == handle)

    def enter(self, page: Page, who: str) -> None:
        """Come in as this role does: with a code, with a name and passphrase, or not at all."""
        if who == "the asker":
            page.goto("/a/return/")
            page.get_by_label("Your return code").fill(self.filled["return_code"])
            page.get_by_role("button", name="Open", exact=True).click()
            page.wait_for_url("**/a/mine/")
        elif who:
            account = self.account(who)
            page.goto("/accounts/login/")
            page.get_by_label("User name").fill(account["username"])
            page.get_by_label("Passphrase", exact=True).fill(account["passphrase"])
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url(lambda url: "/accounts/login/" not in url)


def pages(page: Page, role: Role) -> Iterator[str]:
    """The path of each sort of page, while the browser is on it."""
    seen: set[str] = set()
    waiting = [role.start]
    while waiting:
        path = waiting.pop(0)
        sort = NUMBER.sub("N", path)
        if sort in seen or NEVER.search(path) or not re.match(role.within, path):
            continue
        seen.add(sort)
        page.goto(path)
        waiting += links_to_ours(page)
        yield path


def answered_with_a_page() -> list[str]:
    """Every address that shows somebody a page when it is opened, as docs/access.md has it."""
    rows = [line.strip("| \n").split(" | ") for line in TABLE.read_text().splitlines() if line[:3] == "| `"]
    found = [(row[0].strip("`"), [cell.split(" · ")[0] for cell in row[1:]]) for row in rows]
    return [address for address, cells in found if address.startswith("/") and "page" in cells]


def is_at(path: str, address: str) -> bool:
    """Whether a path is one of an address with names in it: /needs/<need_id>/."""
    return re.fullmatch(re.sub("<[^>]+>", "[^/]+", address), path) is not None


def open_folds(page: Page) -> None:
    """Press every fold that is closed, as somebody without a script does."""
    for fold in page.locator("details").all():
        if fold.get_attribute("open") is None:
            fold.locator("> summary").click()


def links_to_ours(page: Page) -> list[str]:
    """The paths of the links on the page that lead to pages of ours."""
    own = urlsplit(page.url).netloc
    found = [link.get_attribute("href") or "" for link in page.locator("a[href]").all()]
    parts = [urlsplit(href) for href in found]
    return [part.path for part in parts if part.path.startswith("/") and part.netloc in ("", own)]
