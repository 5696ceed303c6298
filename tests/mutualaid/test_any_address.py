"""Whatever anybody sends to any address: an answer, never a stack trace.

Addresses are read from the resolver and forms from the pages, so that new ones are tried as well.
"""

import logging
import random
import re
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, resolve, reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from privacy import instance
from tests.bad_input import NASTY, ROLES, Cast, assemble, undone
from tests.forms_seen import Form, forms_of, typed_in
from tests.requests_app import world as worlds
from tests.volunteers.people import AT

METHODS = ("GET", "POST", "PUT", "STRANGE")
# Whose forms were tried already.
BEFORE = {
    "nobody": (),
    "asker": ("nobody",),
    "volunteer": ("nobody",),
    "coordinator": ("nobody", "volunteer"),
}
SESSION = "privacy_session"
# Every code that is typed writes one row, also one that opens nothing.
KNOCK = "requests_app_knock"
# What the desk reads stands in her log, also where it is beside a form that comes back.
REVEAL = "requests_app_reveal"
WRITES = re.compile(r'^(INSERT INTO|UPDATE|DELETE FROM) "(\w+)"')
# A return code, a passphrase, a code of an app, words of a sheet: never shown again.
SECRET = re.compile(r"first|second|code|passphrase|again|old|sheet|words?|word\d*")


@dataclass(frozen=True)
class Address:
    """One pattern, and what stands for each of its parts: name → uuid, int, str or slug."""

    name: str
    parts: Mapping[str, str]

    def with_parts(self, parts: Mapping[str, str]) -> str:
        return reverse(self.name, kwargs=dict(parts))


def addresses(resolver: Any, parts: Mapping[str, str] | None = None) -> Iterator[Address]:
    """Every address below a resolver."""
    for found in resolver.url_patterns:
        converters = found.pattern.converters.items()
        own = {
            name: type(converter).__name__.removesuffix("Converter").lower() for name, converter in converters
        }
        below = {**(parts or {}), **own}
        if isinstance(found, URLResolver):
            yield from addresses(found, below)
        else:
            assert isinstance(found, URLPattern)
            assert found.name, f"{found.pattern} has no name"
            yield Address(found.name, below)


ADDRESSES = sorted(addresses(get_resolver()), key=lambda address: address.name)


def candidates(cast: Cast, name: str, kind: str) -> list[str]:
    """What may stand there: what exists, of this visitor and of others, and what does not."""
    every_id = sorted({pk for values in cast.ids.values() for pk in values if len(pk) == 36})
    unknown = {"uuid": every_id, "int": ["0", "1", "9" * 20], "slug": ["stay"], "str": ["nothing", "x" * 500]}
    return cast.ids.get(name) or unknown[kind]


def paths(cast: Cast, address: Address, *, every: bool = False) -> list[str]:
    """The address with some (or every one) of what may stand in it."""
    found: list[dict[str, str]] = [{}]
    for name, kind in address.parts.items():
        values = candidates(cast, name, kind)
        some = values if every else dict.fromkeys([*values[:2], values[-1]])
        found = [{**one, name: value} for one in found for value in some]
    return [address.with_parts(one) for one in found]


@pytest.fixture
def cast(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cast]:
    monkeypatch.setattr("privacy.clock.now", lambda: AT)
    cache.clear()
    instance.ensure(create=True)
    made = assemble(worlds.make())
    for role in ROLES:
        made.client(role).raise_request_exception = False
    logging.disable(logging.CRITICAL)
    yield made
    logging.disable(logging.NOTSET)


@dataclass(frozen=True)
class Sent:
    """One request, and which tables it wrote to."""

    what: str
    response: Any
    wrote: frozenset[str]

    def complaint(self) -> str:
        """What is wrong with the answer whatever was asked; empty for a good one."""
        status, error = self.response.status_code, getattr(self.response, "exc_info", None)
        if status >= 500 and self.response.request["PATH_INFO"] != "/healthz":
            return f"{self.what}: {status} " + (
                "".join(traceback.format_exception(*error)[-3:]) if error else ""
            )
        if status in (400, 403, 404, 405, 413, 422) and self.wrote:
            return f"{self.what}: refused with {status}, but wrote to {sorted(self.wrote)}"
        return ""

    @property
    def page(self) -> str:
        return str(self.response.content.decode("utf-8", "replace"))


@contextmanager
def tables_written() -> Iterator[set[str]]:
    """The tables that are written to while the block runs, but for those that any visit may write to."""
    wrote: set[str] = set()

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if (found := WRITES.match(sql)) and found[2] not in (SESSION, KNOCK, REVEAL):
            wrote.add(found[2])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield wrote


def send(client: Client, method: str, path: str, data: Any = None) -> Sent:
    """One request that leaves nothing behind."""
    cache.clear()
    with undone(client), tables_written() as wrote:
        if method in ("GET", "POST"):
            response = getattr(client, method.lower())(path, data or {})
        else:
            response = client.generic(method, path, b"\xff\0")
    return Sent(f"{method} {path} {data or ''}", response, frozenset(wrote))


def forms_seen(cast: Cast, role: str) -> dict[str, Form]:
    """Every form this visitor is ever shown, one for each address: where it goes → the form."""
    found: dict[tuple[str, str], tuple[str, Form]] = {}
    for address in ADDRESSES:
        for path in paths(cast, address, every=True):
            for form in forms_of(send(cast.client(role), "GET", path).page):
                form.fields.pop("csrfmiddlewaretoken", None)
                goes_to = urlsplit(form.action).path or path
                match = resolve(goes_to)
                found.setdefault((match.view_name, match.kwargs.get("slug", "")), (goes_to, form))
    return dict(found.values())


def forms_of_role(cast: Cast, role: str) -> dict[str, Form]:
    """The forms that only somebody in this role is shown."""
    elsewhere = {
        _shape(path, form) for other in BEFORE[role] for path, form in forms_seen(cast, other).items()
    }
    seen = forms_seen(cast, role).items()
    return {path: form for path, form in seen if _shape(path, form) not in elsewhere}


def _shape(path: str, form: Form) -> tuple[str, frozenset[str]]:
    return resolve(path).view_name, frozenset(form.fields)


@pytest.mark.parametrize("role", ROLES)
def test_every_address_answers_every_method(cast: Cast, role: str) -> None:
    client, complaints = cast.client(role), []
    for address in ADDRESSES:
        for path in paths(cast, address):
            complaints += [send(client, method, path).complaint() for method in METHODS]
    assert [said for said in complaints if said] == []


def one_bad_field(cast: Cast, role: str, values_each: int) -> list[str]:
    """What is wrong with the answers to each form, one of its fields filled badly and the others well."""
    client, complaints, turn = cast.client(role), [], random.Random(1)
    for path, form in forms_of_role(cast, role).items():
        for name in [*form.fields, "next"]:
            for value in turn.sample(NASTY, values_each):
                typed = form.filled() | {name: turn.choice([value, [value, value]])}
                complaints += look_at(send(client, form.method, path, typed), form, typed)
    return complaints


def all_bad_fields(cast: Cast, role: str, values_each: int) -> list[str]:
    """What is wrong with the answers to each form, all of its fields filled badly."""
    client, complaints = cast.client(role), []
    for path, form in forms_of_role(cast, role).items():
        names = [*form.fields, "next"]
        for shift in range(0, len(NASTY), len(NASTY) // values_each):
            typed = {name: NASTY[(shift + place) % len(NASTY)] for place, name in enumerate(names)}
            complaints += look_at(send(client, form.method, path, typed), form, typed)
    return complaints


@pytest.mark.drill
@pytest.mark.once
@pytest.mark.parametrize("role", ROLES)
def test_no_form_breaks_over_one_bad_field_or_forgets_the_others(cast: Cast, role: str) -> None:
    assert one_bad_field(cast, role, 1) == []


@pytest.mark.drill
@pytest.mark.parametrize("role", ROLES)
def test_no_form_breaks_over_all_bad_fields(cast: Cast, role: str) -> None:
    assert all_bad_fields(cast, role, 6) == []


@pytest.mark.fuzz
@pytest.mark.parametrize("role", ROLES)
def test_no_form_breaks_over_any_bad_value(cast: Cast, role: str) -> None:
    assert all_bad_fields(cast, role, len(NASTY)) == []
    assert one_bad_field(cast, role, 12) == []


def look_at(sent: Sent, form: Form, typed: Mapping[str, Any]) -> list[str]:
    """What is wrong with the answer to a form."""
    found = [sent.complaint()]
    if sent.response.status_code == 422:
        if 'role="alert"' not in sent.page and 'class="error"' not in sent.page:
            found.append(f"{sent.what}: refused without a sentence")
        for name, value in typed.items():
            field, last = form.fields.get(name), value[-1:] if isinstance(value, list) else [value]
            if field is None or not last or not last[0].strip() or "\0" in last[0]:
                continue
            kept = any(last[0] in values for values in typed_in(sent.page, name))
            if SECRET.fullmatch(name) or field.kind == "password":
                found += [f"{sent.what}: {name} is shown again"] if kept else []
            elif field.is_typed and not kept:
                found.append(f"{sent.what}: what was typed into {name} is gone")
    return [said for said in found if said]


def try_at_random(cast: Cast, role: str, examples: int, *, always_the_same: bool) -> None:
    client = cast.client(role)
    seen = forms_seen(cast, role)
    names = sorted({name for form in seen.values() for name in form.fields} | {"next", "language"})
    shown = {value for form in seen.values() for values in form.filled().values() for value in values}
    value = st.sampled_from(sorted({*shown, *NASTY})) | st.text(max_size=60).filter(_can_be_sent)

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=always_the_same,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def one(data: st.DataObject) -> None:
        address = data.draw(st.sampled_from(ADDRESSES))
        parts = {
            name: data.draw(st.sampled_from(candidates(cast, name, kind)))
            for name, kind in address.parts.items()
        }
        path = address.with_parts(parts)
        asked = list(seen[path].fields) if path in seen else names
        typed = st.dictionaries(st.sampled_from([*asked, "next"]), value | st.lists(value, max_size=3))
        method = data.draw(st.sampled_from(["POST", "POST", "POST", "GET"]))
        assert send(client, method, path, data.draw(typed)).complaint() == ""

    one()


def _can_be_sent(text: str) -> bool:
    """A browser sends no lone surrogates; their bytes are tried in test_bad_requests.py."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


@pytest.mark.parametrize("role", ROLES)
def test_no_address_breaks_over_what_is_typed(cast: Cast, role: str) -> None:
    try_at_random(cast, role, 80, always_the_same=True)


@pytest.mark.fuzz
@pytest.mark.parametrize("role", ROLES)
def test_no_address_breaks_over_a_lot_that_is_typed(cast: Cast, role: str) -> None:
    try_at_random(cast, role, 4000, always_the_same=False)
