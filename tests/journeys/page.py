"""A page as a browser without a script understands it: what can be read, and what can be pressed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
UNSEEN = {"head", "script", "style", "template"}
PLAIN = {"hidden", "text", "email", "password", "number", "date", "time", "tel", "search", "url", "textarea"}
FREE = {"text", "email", "password", "search", "tel", "url", "textarea"}

Typed = str | bool | int | list[str]


class NotThere(AssertionError):
    """The page has nothing like that: no such button, field, choice or link."""


@dataclass(eq=False)
class Node:
    """One element."""

    tag: str
    attrs: dict[str, str] = field(default_factory=dict)
    children: list["Node | str"] = field(default_factory=list)

    def walk(self) -> Iterator["Node"]:
        """This element and everything below it, in the order of the page."""
        yield self
        for child in self.children:
            if isinstance(child, Node):
                yield from child.walk()

    def all(self, *tags: str) -> list["Node"]:
        return [node for node in self.walk() if node.tag in tags]

    def text(self) -> str:
        """What a person reads there, with one space where there were many."""
        if self.tag in UNSEEN or "hidden" in self.attrs:
            return ""
        parts = [child if isinstance(child, str) else f" {child.text()} " for child in self.children]
        return " ".join("".join(parts).split())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("")
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_endtag(self, tag: str) -> None:
        if any(node.tag == tag for node in self.open[1:]):
            while self.open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


@dataclass
class Form:
    """One form with its button pressed. `fields` are what a browser would send, in order."""

    action: str
    method: str
    fields: list[tuple[str, str]]


@dataclass
class Page:
    """What came back: its address after every redirect, status, headers in small letters, and the HTML."""

    url: str
    status: int
    headers: dict[str, str]
    html: str

    def __post_init__(self) -> None:
        reader = _Reader()
        reader.feed(self.html)
        self.root = reader.root
        self.text = self.root.text()

    def __contains__(self, words: str) -> bool:
        return words in self.text

    def says(self, *sentences: str) -> "Page":
        """Check that a person reads these words there."""
        for sentence in sentences:
            if sentence not in self.text:
                raise NotThere(f"{self.url} does not say {sentence!r} but: {self.text}")
        return self

    def links(self) -> dict[str, str]:
        """Words → address, of every link."""
        return {node.text(): node.attrs["href"] for node in self.root.all("a") if "href" in node.attrs}

    def link(self, words: str) -> str:
        """The address of the link that begins with these words."""
        for text, href in self.links().items():
            if text.startswith(words):
                return href
        raise NotThere(f"no link {words!r} on {self.url}, but {sorted(self.links())}")

    def buttons(self) -> list[str]:
        return [button.text() for button in self.root.all("button")]

    def values(self, name: str) -> list[str]:
        """The values of all hidden fields with this name."""
        fields = self.root.all("input")
        return [node.attrs.get("value", "") for node in fields if node.attrs.get("name") == name]

    def choices(self, name: str) -> list[str]:
        """What a select offers, without its empty choice."""
        selects = [node for node in self.root.all("select") if node.attrs.get("name") == name]
        return [_value(option) for node in selects for option in node.all("option") if _value(option)]

    def free_text(self) -> set[str]:
        """The names of the fields in which anything at all can be typed."""
        fields = [node for node in self.root.all("input", "textarea") if "readonly" not in node.attrs]
        return {node.attrs.get("name", "") for node in fields if _kind(node) in FREE}

    def items(self, css_class: str) -> list[str]:
        """The items of the lists with this class, such as the words of a code."""
        lists = [n for n in self.root.all("ol", "ul") if css_class in n.attrs.get("class", "").split()]
        return [item.text() for found in lists for item in found.all("li")]

    def form(self, button: str, within: str = "", **typed: Typed) -> Form:
        """The form whose button has these words, filled: what is typed must be fields and choices it offers.

        `within`: only below a heading with these words, where several cards have the same button.
        """
        for form, pressed in self._buttons(button, within):
            if all(self._has(form, name) for name in typed):
                return self._filled(form, pressed, typed)
        raise NotThere(f"no button {button!r} with {sorted(typed)} on {self.url}, but {self.buttons()}")

    def _buttons(self, words: str, within: str) -> Iterator[tuple[Node, Node]]:
        by_id = {node.attrs["id"]: node for node in self.root.all("form") if "id" in node.attrs}
        cards = self.root.all("article", "section", "tr", "li") if within else []
        headed = [c for c in cards if any(h.text() == within for h in c.all("h2", "h3", "th", "a"))]
        inner = [c for c in headed if not any(other in headed for other in list(c.walk())[1:])]
        for part in inner if within else [self.root]:
            for form in part.all("form"):
                for button in form.all("button"):
                    if button.text() == words:
                        yield form, button
            for button in part.all("button"):
                if button.text() == words and button.attrs.get("form") in by_id:
                    yield by_id[button.attrs["form"]], button

    def _has(self, form: Node, name: str) -> bool:
        return any(node.attrs.get("name") == name for node in form.all("input", "select", "textarea"))

    def _filled(self, form: Node, button: Node, typed: dict[str, Typed]) -> Form:
        fields: list[tuple[str, str]] = []
        done: set[str] = set()
        for node in form.all("input", "select", "textarea"):
            name = node.attrs.get("name")
            if not name or "disabled" in node.attrs:
                continue
            if name not in typed:
                fields += [(name, value) for value in _untouched(node)]
            elif name not in done:
                group = [n for n in form.all("input", "select", "textarea") if n.attrs.get("name") == name]
                fields += [(name, value) for value in _answered(group, typed[name])]
                done.add(name)
        if button.attrs.get("name"):
            fields.append((button.attrs["name"], button.attrs.get("value", "")))
        return Form(form.attrs.get("action", ""), form.attrs.get("method", "get").lower(), fields)


def _kind(node: Node) -> str:
    return node.attrs.get("type", "text") if node.tag == "input" else node.tag


def _untouched(node: Node) -> list[str]:
    """What a browser sends for a field nobody touched."""
    kind = _kind(node)
    if kind in ("radio", "checkbox"):
        return [node.attrs.get("value", "on")] if "checked" in node.attrs else []
    if kind == "select":
        options = node.all("option")
        chosen = [option for option in options if "selected" in option.attrs] or options[:1]
        return [_value(option) for option in chosen]
    if kind == "textarea":
        return [_text_of(node)]
    return [node.attrs.get("value", "")] if kind in PLAIN else []


def _text_of(node: Node) -> str:
    text = "".join(child for child in node.children if isinstance(child, str))
    return text.removeprefix("\r\n").removeprefix("\n")


def _value(option: Node) -> str:
    return option.attrs.get("value", option.text())


def _answered(group: list[Node], typed: Any) -> list[str]:
    """What a person's answer sends. Raises NotThere where the page does not offer it."""
    kind, name = _kind(group[0]), group[0].attrs["name"]
    if kind == "select":
        offered = [_value(option) for option in group[0].all("option")]
    elif kind in ("radio", "checkbox"):
        offered = [node.attrs.get("value", "on") for node in group]
    else:
        return [str(typed)]
    if isinstance(typed, bool):
        return offered[:1] if typed else []
    wanted = [str(value) for value in typed] if isinstance(typed, list) else [str(typed)]
    if not set(wanted) <= set(offered):
        raise NotThere(f"{name} offers {offered}, not {wanted}")
    return wanted
