"""Reads a page the way a browser does: elements in order, with their attributes."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

FOCUSABLE = {"a", "button", "input", "select", "textarea", "summary"}


@dataclass
class Markup(HTMLParser):
    """Every element of a page as (name, attributes), in order."""

    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def named(self, *tags: str) -> list[dict[str, str]]:
        """The attributes of every element called one of `tags`."""
        return [attrs for tag, attrs in self.elements if tag in tags]

    def ids(self) -> list[str]:
        """Every id, in order."""
        return [attrs["id"] for _, attrs in self.elements if "id" in attrs]

    def first_stop(self) -> dict[str, str]:
        """What the Tab key reaches first."""
        return self.named(*FOCUSABLE)[0]


def parse(html: str) -> Markup:
    """The elements of `html`."""
    markup = Markup()
    markup.feed(html)
    return markup
