"""Whatever anybody sends to any address: an answer, never a stack trace. New addresses are found alone."""

import logging
import re
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from privacy import instance
from tests.bad_input import NASTY, ROLES, Cast, assemble, undone
from tests.requests_app import world as worlds
from tests.volunteers.people import AT

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "STRANGE")
SOME_IDS = 4


@dataclass(frozen=True)
class Address:
    """One pattern, and what stands for each of its parts: name → the kind of thing (uuid, int, str, slug)."""

    name: str
    parts: Mapping[str, str]

    def with_parts(self, given: Mapping[str, str]) -> str:
        return reverse(self.name, kwargs=dict(given))


def addresses(resolver: Any, parts: Mapping[str, str] | None = None) -> Iterator[Address]:
    """Every address below a resolver."""
    for found in resolver.url_patterns:
        own = {
            name: type(c).__name__[: -len("Converter")].lower()
            for name, c in found.pattern.converters.items()
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


def paths(cast: Cast, address: Address) -> list[str]:
    """The address with a few of everything in it."""
    found = [{}]
    for name, kind in address.parts.items():
        found = [{**one, name: value} for one in found for value in candidates(cast, name, kind)[:SOME_IDS]]
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


def send(client: Client, method: str, path: str, data: Any = None) -> Any:
    """One request that leaves nothing behind."""
    cache.clear()
    with undone(client):
        if method in ("GET", "POST"):
            return getattr(client, method.lower())(path, data or {})
        return client.generic(method, path, b"\xff\0")


def complaint(response: Any) -> str:
    """Where it broke; empty for an answer."""
    if response.status_code < 500 or response.request["PATH_INFO"] == "/healthz":
        return ""
    error = getattr(response, "exc_info", None)
    return f"{response.status_code} " + ("".join(traceback.format_exception(*error)[-3:]) if error else "")


def seen(cast: Cast, client: Client) -> tuple[list[str], list[str]]:
    """The names of all fields this visitor is ever shown, and what stands in them."""
    names, values = {"next", "ticket", "switch_language"}, set()
    for address in ADDRESSES:
        for path in paths(cast, address):
            page = send(client, "GET", path).content.decode("utf-8", "replace")
            for tag in re.findall(r"<(?:input|textarea|select|button)\b[^>]*>", page):
                names |= {unescape(name) for name in re.findall(r'\bname="([^"]*)"', tag)}
                values |= {unescape(value) for value in re.findall(r'\bvalue="([^"]*)"', tag)}
    return sorted(names - {"csrfmiddlewaretoken"}), sorted(values)


@pytest.mark.parametrize("role", ROLES)
def test_every_address_answers_every_method(cast: Cast, role: str) -> None:
    client, broken = cast.client(role), []
    for address in ADDRESSES:
        for path in paths(cast, address):
            for method in METHODS:
                if found := complaint(send(client, method, path)):
                    broken.append(f"{method} {path}: {found}")
    assert broken == []


def try_at_random(cast: Cast, role: str, examples: int, *, always_the_same: bool) -> None:
    client = cast.client(role)
    names, values = seen(cast, client)
    value = st.sampled_from([*values, *NASTY]) | st.text(max_size=60).filter(_can_be_sent)
    typed = st.dictionaries(st.sampled_from(names), value | st.lists(value, max_size=3))

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
        kwargs = {
            name: data.draw(st.sampled_from(candidates(cast, name, kind)))
            for name, kind in address.parts.items()
        }
        method = data.draw(st.sampled_from(["POST", "POST", "POST", "GET"]))
        assert complaint(send(client, method, address.with_parts(kwargs), data.draw(typed))) == ""

    one()


def _can_be_sent(text: str) -> bool:
    """A browser sends no lone surrogates; their bytes are tried in test_bad_requests.py."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


@pytest.mark.parametrize("role", ROLES)
def test_no_address_breaks_over_what_is_typed(cast: Cast, role: str) -> None:
    try_at_random(cast, role, 150, always_the_same=True)


@pytest.mark.drill
@pytest.mark.parametrize("role", ROLES)
def test_no_address_breaks_over_a_lot_that_is_typed(cast: Cast, role: str) -> None:
    try_at_random(cast, role, 4000, always_the_same=False)
