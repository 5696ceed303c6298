"""Unknown, wrong, suspended: one and the same answer, down to the bytes, the queries and the work."""

import re
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from nacl.pwhash import argon2id

from tests.volunteers import people
from tests.volunteers.people import AT, PASSPHRASE, Person

pytestmark = pytest.mark.urls("tests.volunteers.urls")
NEW = "orchard window paper boat"
TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="[^"]+"')
# The second in which it was said; and how long the name is that was typed.
OF_THE_MOMENT = {"Expires", "Content-Length"}
VALUE = re.compile(r"'[^']*'|\b\d+\b")


@dataclass(frozen=True)
class Answer:
    """What somebody who only watches from outside can compare, and what the work inside was."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    queries: tuple[str, ...]
    derivations: int
    cookies: tuple[str, ...]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each Argon2id."""
    count: list[int] = []
    real = argon2id.kdf

    def kdf(*args: Any, **kwargs: Any) -> bytes:
        count.append(1)
        return bytes(real(*args, **kwargs))

    monkeypatch.setattr("privacy.derivation.argon2id.kdf", kdf)
    return count


def answer(path: str, typed: dict[str, str], counted: list[int]) -> Answer:
    """The page that answers, with the CSRF token and the name that was typed masked."""
    client = Client(enforce_csrf_checks=True)
    token = client.get(path).context["csrf_token"]
    counted.clear()
    with CaptureQueriesContext(connection) as queries:
        page = client.post(path, {"csrfmiddlewaretoken": str(token), **typed})
    name = typed.get("login", typed.get("username", ""))
    body = TOKEN.sub(b"", page.content).replace(name.encode(), b"-")
    headers = tuple(sorted((k, v) for k, v in page.headers.items() if k not in OF_THE_MOMENT))
    statements = tuple(VALUE.sub("?", query["sql"]) for query in queries.captured_queries)
    return Answer(page.status_code, headers, body, statements, len(counted), tuple(sorted(page.cookies)))


@pytest.fixture
def kim(ana: Person) -> Person:
    """Suspended, with the right passphrase and the right sheet."""
    kim = people.volunteer(ana, "Kim")
    kim.volunteer.suspend_account(AT)
    return kim


def test_at_the_door_nobody_learns_who_has_an_account(
    ana: Person, ben: Person, kim: Person, counted: list[int]
) -> None:
    tries = [
        {"login": "nobody-here-10", "password": PASSPHRASE},
        {"login": ben.volunteer.username, "password": "not the right one"},
        {"login": kim.volunteer.username, "password": PASSPHRASE},
        {"login": kim.volunteer.username, "password": "not the right one"},
    ]

    answers = {answer("/accounts/login/", typed, counted) for typed in tries}

    assert len(answers) == 1
    assert answers.pop().derivations == 1


def test_with_a_sheet_nobody_learns_who_has_an_account(
    ana: Person, ben: Person, kim: Person, counted: list[int]
) -> None:
    tries = [
        {"username": "nobody-here-10", "sheet": ben.sheet},
        {"username": ben.volunteer.username, "sheet": kim.sheet},
        {"username": kim.volunteer.username, "sheet": kim.sheet},
        {"username": kim.volunteer.username, "sheet": "not eight words at all"},
    ]

    answers = {
        answer("/accounts/recover/", typed | {"passphrase": NEW, "again": NEW}, counted) for typed in tries
    }

    assert len(answers) == 1
    assert answers.pop().derivations == 1


def test_after_many_tries_an_unknown_name_is_held_up_as_a_known_one(
    ana: Person, ben: Person, kim: Person, counted: list[int]
) -> None:
    held_up = set()
    for name in ("nobody-here-10", ben.volunteer.username, kim.volunteer.username):
        typed = {"login": name, "password": "not the right one"}
        for _try in range(10):
            answer("/accounts/login/", typed, counted)
        held_up.add(answer("/accounts/login/", typed, counted))

    assert len(held_up) == 1
    assert b"Too many tries." in held_up.pop().body
