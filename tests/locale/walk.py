"""Walks the pages of somebody's browser by their links, and reads what a person would read there."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from django.test import Client

# Attributes a person sees or hears.
READ_ALOUD = (
    "alt",
    "aria-label",
    "data-failed",
    "data-label",
    "data-offline",
    "placeholder",
    "title",
)
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
# A textarea holds what somebody typed.
SILENT = {"script", "style", "textarea"}
# They end the session, or make a file.
NEVER = re.compile(r"/a/leave/|/accounts/logout/|/language/|\.ics$|/static/|\.png$")
PLAIN_ENGLISH = re.compile(r"[A-Za-z]{2,}(?:[ '’-]+[A-Za-z]+)*")


@dataclass
class Page(HTMLParser):
    """One page: its texts, without those marked as another language, as not to be translated or as data."""

    path: str
    html: str
    texts: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[tuple[str, bool]] = []
        self.feed(self.html)

    def handle_starttag(self, tag: str, pairs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in pairs}
        data = (
            attributes.get("translate") == "no"
            or attributes.get("dir") == "auto"
            or (tag != "html" and "lang" in attributes)
        )
        hidden = data or tag in SILENT or self._is_hidden()
        if tag not in VOID:
            self._open.append((tag, hidden))
        if not hidden and tag != "meta":
            self.texts += [attributes[name] for name in READ_ALOUD if attributes.get(name)]
            if tag == "input" and attributes.get("type") in ("submit", "button"):
                self.texts.append(attributes.get("value", ""))
        if tag == "a" and attributes.get("href"):
            self.links.append(urljoin(self.path, attributes["href"]))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if data.strip() and not self._is_hidden():
            self.texts.append(" ".join(data.split()))

    def _is_hidden(self) -> bool:
        return bool(self._open and self._open[-1][1])

    def plain_english(self, data: list[str]) -> list[str]:
        """What reads like English although the page is in another language; `data` may stand there."""
        found = []
        for text in self.texts:
            for known in data:
                text = text.replace(known, " ")
            found += PLAIN_ENGLISH.findall(text)
        return found


def walk(client: Client, *starts: str) -> dict[str, Page]:
    """Every page that links lead to from `starts`, by its path."""
    pages: dict[str, Page] = {}
    waiting = list(starts)
    while waiting:
        path = waiting.pop(0)
        if path in pages or NEVER.search(path):
            continue
        answer = client.get(path, follow=True)
        assert answer.status_code == 200, (path, answer.status_code)
        pages[path] = Page(path, answer.content.decode())
        links = (urlsplit(link) for link in pages[path].links)
        waiting += [link.path for link in links if not link.netloc and link.scheme in ("", "http")]
    return pages
