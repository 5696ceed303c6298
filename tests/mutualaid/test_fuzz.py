"""Hostile input to every form and every address, made by hypothesis: never an error, never slow, never a row
that no page spoke of.

Stricter than test_any_address.py, which sends what a browser can send: here bodies are bytes, fields come as
files, twice, not at all, or in a content type that is none, and addresses and query strings are made up.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.core.cache import cache
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.bad_input import NASTY, ROLES, Cast, undone
from tests.forms_seen import Form
from tests.mutualaid.test_any_address import ADDRESSES, Sent, candidates, cast, forms_seen, tables_written

__all__ = ["cast"]
pytestmark = [pytest.mark.once, pytest.mark.timeout(900)]

SLOW = 2.0  # seconds, on a machine that is as quiet as when the run began
TRIES = 3
URLENCODED, BOUNDARY = "application/x-www-form-urlencoded", "B0undary"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
DOORS = ("/accounts/login/", "/a/return/", "/accounts/unlock/", "/accounts/reauthenticate/")

planes = st.sampled_from(
    [(0, 0x7F), (0x80, 0xFFFF), (0x1_0000, 0x1_FFFF), (0x2_0000, 0x10_FFFF), (0xD800, 0xDFFF)]
)
any_text = planes.flatmap(
    lambda span: st.text(
        st.characters(min_codepoint=span[0], max_codepoint=span[1], categories=None), max_size=40
    )
)
numbers = st.one_of(
    st.integers(-(10**40), 10**40).map(str),
    st.floats().map(str),
    st.integers(1, 4000).map(lambda n: "9" * n),
)
long_text = st.tuples(any_text, st.integers(1, 400)).map(lambda both: both[0] * both[1])
values = st.one_of(st.sampled_from(NASTY), any_text, numbers, long_text)
names = st.one_of(
    any_text, st.sampled_from(["next", "csrfmiddlewaretoken", "id", "__proto__", "a[b][c]", "language"])
)
Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Asked:
    """One request as it goes over the wire."""

    method: str
    path: str
    query: str
    body: bytes
    content_type: str

    def send(self, client: Client) -> tuple[Sent, float]:
        """It, and the seconds it took; nothing of it stays."""
        cache.clear()
        with undone(client), tables_written() as wrote:
            began = time.perf_counter()
            response = client.generic(
                self.method, self.path, self.body, self.content_type, QUERY_STRING=self.query
            )
            took = time.perf_counter() - began
        return Sent(repr(self), response, frozenset(wrote)), took


# What everything is compared with: a page that does next to nothing.
PLAIN = Asked("GET", "/a/return/", "", b"", "")


def pace(client: Client) -> float:
    """The seconds that page takes just now, at best."""
    return min(PLAIN.send(client)[1] for _ in range(TRIES))


def is_slow(asked: Asked, client: Client, quiet: float) -> float:
    """The seconds it takes at best, if that is too much; 0 where the machine was busy with something else."""
    took = min(asked.send(client)[1] for _ in range(TRIES))
    return took if took > SLOW * max(1, pace(client) / quiet) else 0


def _came_back(sent: Sent) -> bool:
    """Whether the page is the form once more, with something to be put right."""
    return sent.response.status_code == 200 and 'aria-invalid="true"' in sent.page


def complaints(asked: Asked, client: Client, quiet: float) -> list[str]:
    """What is wrong with the answer. `quiet`: the pace when the run began."""
    sent, took = asked.send(client)
    found = [sent.complaint()]
    if took > SLOW and (took := is_slow(asked, client, quiet)):
        found.append(f"{asked}: {took:.1f} s")
    if sent.wrote and asked.method in ("GET", "HEAD") and sent.response.status_code >= 300:
        found.append(f"{asked}: only looked, and wrote to {sorted(sent.wrote)}")
    if sent.wrote and asked.method == "POST" and _came_back(sent):
        found.append(f"{asked}: came back to be filled in, and wrote to {sorted(sent.wrote)}")
    where = sent.response.headers.get("Location", "").partition("?")[0]
    if sent.wrote and where in DOORS and asked.path not in DOORS:
        found.append(f"{asked}: sent to {where}, but wrote to {sorted(sent.wrote)}")
    return [said for said in found if said]


# How fields become bytes


def _bytes(text: str) -> bytes:
    """Surrogates as nobody may send them."""
    return text.encode("utf-8", "surrogatepass")


def urlencoded(fields: Pairs) -> bytes:
    return urlencode([(_bytes(name), _bytes(value)) for name, value in fields]).encode()


def multipart(fields: Pairs, files: set[int]) -> bytes:
    parts = []
    for place, (name, value) in enumerate(fields):
        label = _bytes(name).replace(b'"', b"%22").replace(b"\r", b"").replace(b"\n", b"")
        as_file = b'; filename="f.png"\r\nContent-Type: image/png' if place in files else b""
        head = b'Content-Disposition: form-data; name="' + label + b'"' + as_file
        parts.append(b"--" + BOUNDARY.encode() + b"\r\n" + head + b"\r\n\r\n" + _bytes(value) + b"\r\n")
    return b"".join(parts) + b"--" + BOUNDARY.encode() + b"--\r\n"


@st.composite
def bodies(draw: Callable[[Any], Any], fields: Pairs) -> tuple[bytes, str]:
    """The fields in some content type, well or badly."""
    way = draw(st.sampled_from(["urlencoded"] * 4 + ["multipart"] * 3 + ["cut", "wrong type", "noise"]))
    if way == "multipart":
        files = draw(st.sets(st.integers(0, max(len(fields) - 1, 0)), max_size=3))
        return multipart(fields, files), MULTIPART
    if way == "cut":
        whole = multipart(fields, set())
        return whole[: draw(st.integers(0, len(whole)))], MULTIPART
    if way == "wrong type":
        kinds = [
            "application/json",
            "text/plain",
            "application/octet-stream",
            "",
            "x",
            "multipart/form-data",
            MULTIPART,
        ]
        return urlencoded(fields), draw(st.sampled_from(kinds))
    if way == "noise":
        return draw(st.binary(max_size=300)), draw(st.sampled_from([URLENCODED, MULTIPART]))
    return urlencoded(fields), URLENCODED


@st.composite
def queries(draw: Callable[[Any], Any]) -> str:
    """Mostly none; else deep, long, repeated or broken."""
    way = draw(st.sampled_from(["", "", "", "pairs", "deep", "many", "raw"]))
    if way == "pairs":
        fields = draw(st.lists(st.tuples(names, values), max_size=4))
        return urlencoded([(name, value[:500]) for name, value in fields]).decode()
    if way == "deep":
        return "a" + "[b]" * draw(st.integers(1, 500)) + "=1"
    if way == "many":
        return "&".join(f"{quote(_bytes(draw(names))[:20])}=1" for _ in range(draw(st.integers(1, 90))))
    return draw(st.binary(max_size=40)).decode("latin-1").replace("#", "") if way == "raw" else ""


@st.composite
def filled(draw: Callable[[Any], Any], form: Form) -> Pairs:
    """A form as it would be sent, but for a few fields: bad, twice, gone, or made up."""
    fields = [(name, value) for name, several in form.filled().items() for value in several]
    for place in sorted(draw(st.sets(st.integers(0, max(len(fields) - 1, 0)), max_size=4)), reverse=True):
        if not fields:
            break
        what = draw(st.sampled_from(["bad", "bad", "bad", "twice", "gone"]))
        name = fields[place][0]
        if what == "bad":
            fields[place] = (name, draw(values))
        elif what == "twice":
            fields.insert(place, (name, draw(values)))
        else:
            del fields[place]
    return fields + draw(st.lists(st.tuples(names, values), max_size=2))


def _path(draw: Callable[[Any], Any], actors: Cast) -> str:
    """An address with parts that exist, or made-up ones, or something behind it."""
    address = draw(st.sampled_from(ADDRESSES))
    parts = {
        name: draw(st.sampled_from(candidates(actors, name, kind))) for name, kind in address.parts.items()
    }
    path = address.with_parts(parts)
    if draw(st.integers(0, 9)) == 0:
        path += quote(_bytes(draw(any_text)))
    return path


@st.composite
def requests(draw: Callable[[Any], Any], actors: Cast, forms: dict[str, Form]) -> Asked:
    if forms and draw(st.booleans()):
        path = draw(st.sampled_from(sorted(forms)))
        method, fields = forms[path].method, draw(filled(forms[path]))
    else:
        path = _path(draw, actors)
        method = draw(st.sampled_from(["GET", "POST", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"]))
        fields = draw(st.lists(st.tuples(names, values), max_size=6))
    if method in ("GET", "HEAD"):
        query = (
            urlencoded([(n, v[:500]) for n, v in fields]).decode() if draw(st.booleans()) else draw(queries())
        )
        return Asked(method, path, query, b"", "")
    return Asked(method, path, draw(queries()), *draw(bodies(fields)))


def fuzz(actors: Cast, role: str, examples: int, *, always_the_same: bool) -> None:
    client, forms = actors.client(role), forms_seen(actors, role)
    quiet = pace(client)

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=always_the_same,
        suppress_health_check=list(HealthCheck),
    )
    @given(requests(actors, forms))
    def one(asked: Asked) -> None:
        assert complaints(asked, client, quiet) == []

    one()


@pytest.mark.drill
@pytest.mark.parametrize("role", ROLES)
def test_no_bytes_to_any_form_or_address_break_slow_or_write_anything_unsaid(cast: Cast, role: str) -> None:
    fuzz(cast, role, 600, always_the_same=False)


@pytest.mark.fuzz
@pytest.mark.parametrize("role", ROLES)
def test_nor_do_many_more(cast: Cast, role: str) -> None:
    fuzz(cast, role, 6000, always_the_same=False)


def test_what_is_slow_or_breaks_would_be_seen(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """The complaints themselves: a page that breaks, and one that takes three seconds each time."""
    quiet = pace(cast.nobody)
    assert complaints(PLAIN, cast.nobody, quiet) == []
    clock = iter(range(0, 3000, 3))
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(clock)))
    assert complaints(PLAIN, cast.nobody, pace(cast.nobody)) == [f"{PLAIN}: 3.0 s"]
    monkeypatch.undo()
    monkeypatch.setattr("requests_app.views.ask.render", _breaks)
    assert "500" in complaints(replace(PLAIN, path="/a/ride/"), cast.nobody, quiet)[0]


def _breaks(*args: object, **named: object) -> None:
    raise ZeroDivisionError
