"""The people of a story, and what they do, in the words of the design. Each has a browser of their own."""

import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.journeys.page import NotThere, Page, Typed
from tests.journeys.walk import Browser
from tests.live import LiveSystem

PASSPHRASE = "meadow lantern quiet river"
CLOSED = "The key is destroyed. Old backups cannot open it."
NOBODY = "Nobody is coming until this page says yes."
RIDE, STAY, COMPANY = "A ride", "A place to sleep", "Someone to come with you"
# What the board and the desk call the only task of a ride.
THERE, DESK_RIDE = "The way there", "A ride: The way there"
ALL_WEEK = [str(bit) for bit in range(28)]
HOURS_OF_NIGHT, DAY = timedelta(hours=5), timedelta(days=1)


def tomorrow() -> str:
    """The next day as the forms name it: a day begins at five in the morning."""
    return ((datetime.now(UTC) - HOURS_OF_NIGHT).date() + DAY).isoformat()


def today(lasts: timedelta = timedelta(minutes=2)) -> str:
    """The day it is, as the forms name it, for as long as a story about it `lasts`: of a day that would be
    over before, its last minutes are let pass."""
    since = (datetime.now(UTC) - HOURS_OF_NIGHT).time()
    left = DAY - timedelta(hours=since.hour, minutes=since.minute, seconds=since.second)
    if left <= lasts:
        time.sleep(left.total_seconds())
    return (datetime.now(UTC) - HOURS_OF_NIGHT).date().isoformat()


def first_link(system: LiveSystem) -> str:
    """The link that set-up printed for the first coordinator."""
    found = re.search(r"/join/\S+", system.setup)
    assert found, system.setup
    return found[0]


@dataclass
class Asker:
    """She has a return code and nothing else."""

    browser: Browser
    code: list[str] = field(default_factory=list)

    def asks(self, kind: str = RIDE, **answers: Typed) -> Page:
        """Where and when are enough. Afterwards she sees her code, unless she has one already."""
        self.browser.visit("/")
        self.browser.follow(kind)
        page = self.browser.press("Ask", **{"day": tomorrow(), **answers})
        if "Write this on paper now." in page:
            self.code = page.items("code")
        return page

    def writes_the_code_on_paper(self) -> Page:
        self.browser.visit("/a/code/")
        return self.browser.press("I have it on paper", first=self.code[1], second=self.code[-2])

    def leaves(self) -> None:
        """Leave now: the session is dead, and she is somewhere neutral."""
        self.browser.follow("Leave now")

    def comes_back(self, browser: Browser | None = None, code: str = "") -> Page:
        """With four letters of each word, in this browser or another one."""
        self.browser = browser or self.browser
        self.browser.visit("/")
        self.browser.follow("I have a code")
        return self.browser.press("Open", code=code or " ".join(word[:4] for word in self.code))

    def looks(self) -> Page:
        return self.browser.visit("/a/mine/")

    def approves(self, handle: str, place: str | None = None) -> Page:
        """Yes, and only then the place."""
        self.looks()
        typed = {} if place is None else {"place": place}
        return self.browser.press(f"Yes, {handle} may come", **typed)

    def declines(self, handle: str) -> Page:
        self.looks()
        return self.browser.press("No, thank you", within=handle)

    def writes(self, handle: str, text: str) -> Page:
        self.looks()
        return self.browser.press("Send", within=handle, text=text)

    def says_where(self, handle: str, place: str) -> Page:
        self.looks()
        return self.browser.press("Say where to meet", within=handle, place=place)

    def withdraws(self) -> Page:
        self.looks()
        return self.browser.press("Take it back")

    def erases(self) -> Page:
        self.looks()
        return self.browser.press("Erase everything now")

    def makes_a_second_code(self, does: str = "hide", kind: str = "accompaniment") -> list[str]:
        """The words of it, written on paper as the page asks."""
        self.looks()
        words = self.browser.press("Make a second code", does=does, kind=kind).items("code")
        self.browser.press("I have it on paper", first=words[1], second=words[-2])
        return words

    def two_words(self) -> str:
        return two_words(self.looks())

    def need(self) -> str:
        """The id of her newest need, as the forms of her page have it."""
        return id_in(self.looks(), r"/a/mine/needs/([0-9a-f-]{36})/withdraw/")


@dataclass
class Volunteer:
    """Somebody with an account."""

    browser: Browser
    handle: str
    passphrase: str = PASSPHRASE
    username: str = ""
    sheet: list[str] = field(default_factory=list)

    def joins(self, link: str) -> Page:
        """The invitation, an account, and the recovery sheet on paper."""
        page = self.browser.visit(link)
        self.username = next(
            node.attrs["value"] for node in page.root.all("input") if node.attrs.get("name") == "username"
        )
        page = self.browser.press(
            "Open my account", handle=self.handle, passphrase=self.passphrase, again=self.passphrase
        )
        self.sheet = page.items("code")
        return self.writes_the_sheet_on_paper(page)

    def writes_the_sheet_on_paper(self, page: Page) -> Page:
        asked = [
            n.attrs["name"] for n in page.root.all("input") if n.attrs.get("name", "").startswith("word")
        ]
        typed = {name: self.sheet[int(name.removeprefix("word"))] for name in asked}
        return self.browser.press("It is on paper", **typed)

    def signs_in(self, browser: Browser | None = None) -> Page:
        self.browser = browser or self.browser
        self.browser.visit("/accounts/login/")
        return self.browser.press("Sign in", login=self.username, password=self.passphrase)

    def offers(self, *kinds: str, **answers: Typed) -> Page:
        """Any time of the week, here, unless `answers` say otherwise."""
        page = self.browser.visit("/offers/new/")
        areas = [
            o.attrs["value"] for s in page.root.all("select") for o in s.all("option") if o.attrs["value"]
        ]
        usual: dict[str, Typed] = {"home_area": areas[0], "weekly": ALL_WEEK, "capacity": 2}
        return self.browser.press("Save", kinds=list(kinds), **{**usual, **answers})

    def wants_mail(self, address: str, paces: bool = True) -> Page:
        self.browser.visit("/profile/")
        return self.browser.press("Add", transport="email", address=address, paces=paces)

    def board(self) -> Page:
        return self.browser.visit("/board/")

    def opens(self, title: str = THERE) -> Page:
        """One need, from the board."""
        self.board()
        return self.browser.follow(title)

    def claims(self, title: str = THERE, place: str | None = None) -> Page:
        self.opens(title)
        return self.browser.press("I can do this", **({} if place is None else {"place": place}))

    def stands_by(self, title: str = THERE) -> Page:
        self.opens(title)
        return self.browser.press("I stand by")

    def writes(self, text: str, title: str = THERE) -> Page:
        self.opens(title)
        return self.browser.press("Send", text=text)

    def releases(self, title: str = THERE) -> Page:
        self.opens(title)
        return self.browser.press("I can't after all")

    def finishes(self, title: str = THERE) -> Page:
        self.opens(title)
        return self.browser.press("It is done")

    def two_words(self, title: str = THERE) -> str:
        return two_words(self.opens(title))


@dataclass
class Coordinator(Volunteer):
    """An account with the desk role."""

    def invites(self, coordinator: bool = False) -> str:
        """A link for one person."""
        self.browser.visit("/desk/people/")
        page = self.browser.press("Make a link", coordinator=coordinator)
        found = re.search(r"/join/\S+", page.text)
        assert found, page.text
        return found[0]

    def vouches_for(self, handle: str, context: str = "met") -> Page:
        self.browser.visit("/desk/people/")
        self.browser.follow(handle)
        return self.browser.press("I vouch for them", context=context)

    def person(self, handle: str) -> Page:
        """One of them, from the list."""
        self.browser.visit("/desk/people/")
        return self.browser.follow(handle)

    def checks(self, handle: str, item: str, day: str) -> Page:
        """Something about them was checked on that day."""
        self.person(handle)
        return self.browser.press("I checked this", item=item, done_on=day)

    def suspends(self, handle: str) -> Page:
        self.browser.visit("/desk/people/")
        self.browser.follow(handle)
        return self.browser.press(f"Suspend {handle}")

    def desk(self) -> Page:
        return self.browser.visit("/desk/")

    def looks_at(self, title: str = DESK_RIDE) -> Page:
        """One need, from the desk's table."""
        self.desk()
        return self.browser.follow(title)

    def approves(self, handle: str, title: str = DESK_RIDE) -> Page:
        self.looks_at(title)
        return self.browser.press(f"Yes, {handle} may come")


def two_words(page: Page) -> str:
    """The words by which the two recognise each other."""
    found = [n.text() for n in page.root.all("p") if n.attrs.get("class") == "big"]
    if not found:
        raise NotThere(f"no two words on {page.url}: {page.text}")
    return found[0]


def id_in(page: Page, pattern: str) -> str:
    """The id in the first form whose address matches."""
    for form in page.root.all("form"):
        if found := re.fullmatch(pattern, form.attrs.get("action", "")):
            return found[1]
    raise NotThere(f"no form for {pattern} on {page.url}")
