"""The forms of a page as a browser sees them: where they go, their fields, and what stands in them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from tests.requests_app.world import TOMORROW

GUESSES = {
    "date": TOMORROW.isoformat(),
    "datetime-local": f"{TOMORROW}T10:00",
    "time": "10:00",
    "number": "1",
    "email": "somebody@example.org",
    "tel": "555 0100",
    "password": "meadow lantern quiet river",
}
NOT_TYPED = {"hidden", "submit", "button"}
GROUPS = {"checkbox", "radio", "select"}


@dataclass
class Field:
    """One name in a form. `kind` is the type of the input, or "textarea" or "select"."""

    kind: str
    values: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)

    @property
    def is_typed(self) -> bool:
        """A person writes into it, and sees what they wrote."""
        return self.kind not in NOT_TYPED | GROUPS | {"password"}

    def filled(self) -> list[str]:
        """What stands in it; where nothing does, something that fits."""
        if any(self.values) or self.kind == "hidden":
            return self.values
        if self.kind in GROUPS:
            return [option for option in self.options if option][:1]
        return [GUESSES.get(self.kind, "Something")]


@dataclass
class Form:
    """Where it goes ("" is the page itself), how, and its fields by name."""

    action: str
    method: str
    fields: dict[str, Field] = field(default_factory=dict)

    def filled(self) -> dict[str, list[str]]:
        """Every field with something in it."""
        return {name: found.filled() for name, found in self.fields.items()}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.form: Form | None = None
        self.open: Field | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.form = Form(given.get("action", ""), given.get("method", "get").upper())
            self.forms.append(self.form)
        elif self.form and tag in ("input", "textarea", "select", "button") and given.get("name"):
            self._field(tag, given)
        elif tag == "option" and self.open:
            self.open.options.append(given.get("value", ""))
            if "selected" in given:
                self.open.values.append(given.get("value", ""))

    def _field(self, tag: str, given: dict[str, str]) -> None:
        assert self.form
        kind = given.get("type", "text") if tag == "input" else {"button": "submit"}.get(tag, tag)
        kind = "hidden" if "readonly" in given else kind
        found = self.form.fields.setdefault(given["name"], Field(kind))
        value = given.get("value", "on" if kind == "checkbox" else "")
        if kind in ("checkbox", "radio"):
            found.options.append(value)
        if kind not in GROUPS | {"submit", "textarea"} or "checked" in given:
            found.values.append(value)
        if tag in ("textarea", "select"):
            self.open = found

    def handle_data(self, data: str) -> None:
        if self.open and self.open.kind == "textarea":
            # The first line break after the tag is not part of the text.
            self.open.values = ["".join([*self.open.values, data]).removeprefix("\n")]

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.form = None
        if tag in ("textarea", "select"):
            self.open = None


def forms_of(page: str) -> list[Form]:
    """Every form of a page, in order."""
    reader = _Reader()
    reader.feed(page)
    return reader.forms


def typed_in(page: str, name: str) -> list[Any]:
    """What stands in every field of that name, on the whole page."""
    return [form.fields[name].values for form in forms_of(page) if name in form.fields]
