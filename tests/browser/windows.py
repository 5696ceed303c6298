"""What somebody does in a window of a real browser, in the words of the page, with a look at each page."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, Request, expect

from tests.browser.crawl import open_folds

WIDTH = 320
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
TWICE = """
() => {
    const ids = [...document.querySelectorAll('[id]')].map(node => node.id)
    return ids.filter((id, place) => ids.indexOf(id) !== place)
}
"""


def seen(page: Page) -> Page:
    """Each page that somebody comes to: nothing is sideways of it, and no id is there twice."""
    open_folds(page)
    assert page.evaluate(SIDEWAYS) <= 0, f"{page.url} scrolls sideways"
    assert page.evaluate(TWICE) == [], page.url
    return page


def fill(form: Locator, **typed: str | list[str]) -> None:
    """Fields by name: text, a choice by its value, ticks by theirs."""
    for name, value in typed.items():
        fields = form.locator(f"[name={name}]")
        tag, kind = fields.first.evaluate("node => [node.tagName, node.type]")
        if kind in ("radio", "checkbox"):
            for one in [value] if isinstance(value, str) else value:
                form.locator(f"[name={name}][value='{one}']").check(force=True)
        elif tag == "SELECT":
            fields.select_option(value)
        else:
            fields.fill(str(value))


@dataclass
class Window:
    """A page of somebody with an account, or (Her) without."""

    page: Page

    def goes(self, path: str) -> None:
        self.page.goto(path)
        seen(self.page)

    def follows(self, words: str) -> None:
        """The first link that has these words."""
        with self.page.expect_navigation():
            self.page.get_by_role("link", name=words).first.click()
        seen(self.page)

    def part(self, heading: str, text: str = "", css: str = "article, section, main") -> Locator:
        """The innermost part of the page that is headed by this; `text`: it says this as well."""
        headed = self.page.locator(css).filter(has=self.page.get_by_role("heading", name=heading, exact=True))
        return headed.filter(has_text=text).last if text else headed.last

    def presses(self, button: str, within: Locator | None = None, **typed: str | list[str]) -> None:
        """The form that has this button, filled; the page that answers is there afterwards."""
        pressed = (within or self.page.locator("main")).get_by_role("button", name=button, exact=True).first
        fill(pressed.locator("xpath=ancestor::form"), **typed)
        with self.page.expect_navigation():
            pressed.click()
        seen(self.page)

    def reads(self, *sentences: str) -> None:
        for sentence in sentences:
            expect(self.page.locator("main")).to_contain_text(sentence)

    def reads_nothing_of(self, *secrets: str) -> None:
        html = self.page.content()
        assert [secret for secret in secrets if secret in html] == [], self.page.url

    # Of those with an account

    def opens(self, title: str) -> None:
        """One need, from the board."""
        self.goes("/board/")
        with self.page.expect_navigation():
            self.page.locator("#board").get_by_role("link", name=title).first.click()
        seen(self.page)

    def takes(self, title: str, button: str = "I can do this", part: str = "", **typed: str) -> None:
        """One task; `part`: what the need's page calls it, where there are several."""
        self.opens(title)
        self.presses(button, self.part(part) if part else None, **typed)


@dataclass
class Her(Window):
    """Whoever asks: no script, 320 px; her page asks nobody else for anything."""

    asked_of: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.page.set_viewport_size({"width": WIDTH, "height": 640})
        self.page.on("request", self._note)

    def _note(self, request: Request) -> None:
        self.asked_of.add("{0.scheme}://{0.netloc}".format(urlsplit(request.url)))

    def presses(self, button: str, within: Locator | None = None, **typed: str | list[str]) -> None:
        super().presses(button, within, **typed)
        self.looked_at()

    def looks(self) -> None:
        self.goes("/a/mine/")
        self.looked_at()

    def looked_at(self) -> None:
        """No script, nothing of anybody else, no wider than her screen."""
        assert self.page.locator("script").count() == 0, self.page.url
        assert self.page.evaluate("document.documentElement.scrollWidth") <= WIDTH, self.page.url
        assert self.asked_of == {"{0.scheme}://{0.netloc}".format(urlsplit(self.page.url))}

    def asks(self, kind: str, **typed: str | list[str]) -> None:
        """The form, from the first page; whatever comes back is looked at."""
        self.goes("/")
        self.looked_at()
        self.follows(kind)
        self.looked_at()
        self.presses("Ask", **typed)

    def goes_on_without_paper(self) -> None:
        self.follows("Go on without.")
        self.looked_at()

    def says_yes(self, handle: str, part: Locator | None = None, **typed: str) -> None:
        self.looks()
        self.presses(f"Yes, {handle} may come", part, **typed)

    def erases(self) -> None:
        self.looks()
        self.presses("Erase everything now")
        self.reads("Everything you wrote here is erased.")
