"""Who gets what at which address, and who reads what there: every address for every role.

Written down in docs/access.md and compared.

    WRITE_ACCESS_TABLE=1 make test ARGS=tests/mutualaid/test_access_table.py

writes it anew, to be read by a person before it is committed.
"""

import logging
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from django.urls import get_resolver
from nacl.pwhash import argon2id

from mutualaid.duties import DUTIES
from privacy import clock, instance
from privacy.models import HEART, Heartbeat
from tests.bad_input import undone
from tests.mutualaid.everybody import ROLES, UNKNOWN, WRITTEN, Everybody, everybody, found_in, shown
from tests.mutualaid.test_any_address import Address, addresses
from tests.requests_app import world as worlds
from tests.volunteers.people import AT

pytestmark = pytest.mark.once
TABLE = Path(__file__).resolve().parents[2] / "docs" / "access.md"
HEAD = """# Who gets what

Every address, as each of these is answered: `GET`, then `POST` with next to nothing in it. Written by a test
(`tests/mutualaid/test_access_table.py`) and compared by it, so that a new address cannot be forgotten.

* **page**: an answer. **form**: it came back to be filled in. **done**: it was done, or leads on.
* **door**: they are asked to sign in; **code**: for the return code; **sheet**: for the words of a sheet;
  **lock**: for the passphrase.
* **404**: there is nothing, whoever asks. **–**: not this way.

The need in these addresses is hers ("the asker"). "Unvetted" joined, and nobody has let them in. "Vetted" is
let in, and it fits; "no fit" is let in, and it does not; "paused" has a break. The volunteer it was approved
for is "assigned"; "locked" is the same person on a remembered device, its key closed; "released" was
approved, and could not come. "Administrator" works at the desk and holds its key; "coordinator" works there
and holds none. The links in these addresses (an invitation, a calendar, a login to restore) are open ones:
whoever has them has what they open.

"""
READ = """
## Who reads what is sealed

Where each text stood in an answer (page, headers, cookies), a part of a page for htmx included. Nowhere else.

"""
WAYS = {
    "/accounts/login/": "door",
    "/a/return/": "code",
    "/outside/": "sheet",
    "/accounts/unlock/": "lock",
}
ADDRESSES = sorted(addresses(get_resolver()), key=shown)
HTMX = {"HX-Request": "true"}


def word(answer: Any) -> str:
    """One word for an answer; a number where it is none of those a person is meant to get."""
    status = answer.status_code
    if status in (301, 302, 303):
        way = str(answer["Location"]).partition("?")[0]
        return WAYS.get(way, "done")
    return {200: "page", 404: "404", 405: "–", 409: "form", 422: "form"}.get(status, str(status))


@pytest.fixture
def made(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Everybody]:
    monkeypatch.setattr("privacy.clock.now", lambda: AT)
    monkeypatch.setattr("privacy.clock.read", lambda: clock.Reading(AT, AT, AT))
    # What a derivation costs is measured in tests/privacy.
    monkeypatch.setattr("privacy.derivation.OPS", argon2id.OPSLIMIT_MIN)
    monkeypatch.setattr("privacy.derivation.MEMORY", argon2id.MEMLIMIT_MIN)
    # Whoever has signed in has typed their passphrase a moment ago, however long all of it takes.
    monkeypatch.setattr(settings, "ACCOUNT_REAUTHENTICATION_TIMEOUT", 24 * 60 * 60, raising=False)
    cache.clear()
    instance.ensure(create=True)
    Heartbeat.objects.beat(HEART, [duty.name for duty in DUTIES], AT)
    logging.disable(logging.CRITICAL)
    yield everybody(worlds.make())
    logging.disable(logging.NOTSET)


def ask(client: Client, method: str, path: str, typed: Any = None, **headers: str) -> Any:
    """One answer, as if nothing had happened before, and nothing happens after."""
    cache.clear()
    with undone(client):
        if method in ("get", "post"):
            return getattr(client, method)(path, typed or {}, headers=headers or None)
        return client.generic(method.upper(), path)


@dataclass
class Seen:
    """The rows of the table, and what was read: text → role → the addresses where it stood."""

    rows: list[list[str]] = field(default_factory=list)
    read: dict[str, dict[str, set[str]]] = field(
        default_factory=lambda: {what: defaultdict(set) for what in WRITTEN}
    )

    def look(self, made: Everybody, address: Address) -> None:
        cells = []
        for role, client in made.clients.items():
            path, typed = made.path(address), {"task": made.ids["task"]}
            answers = [ask(client, method, path, typed) for method in ("get", "post")]
            words = [word(answer) for answer in answers]
            if answers[0].status_code == 200:
                answers.append(ask(client, "get", path, typed, **HTMX))
            # The needs of others: only what is read there is of interest.
            answers += [ask(client, "get", path) for path in made.elsewhere(address)]
            for what in {what for answer in answers for what in found_in(answer)}:
                self.read[what][role].add(shown(address))
            cells.append(words[0] if words[0] == words[1] else " · ".join(words))
        self.rows.append([f"`{shown(address)}`", *cells])

    def tables(self) -> str:
        head = ["address", *ROLES]
        lines = [head, ["---"] * len(head), *self.rows]
        read = [["what", "who", "where"], ["---"] * 3]
        for what, by_role in self.read.items():
            where = {
                role: ", ".join(f"`{path}`" for path in sorted(found)) for role, found in by_role.items()
            }
            read += [[what, role, where[role]] for role in ROLES if role in where] or [
                [what, "nobody here", "–"]
            ]
        return HEAD + _table(lines) + READ + _table(read)


def _table(lines: list[list[str]]) -> str:
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


@pytest.mark.timeout(900)
def test_everybody_gets_and_reads_at_every_address_what_the_table_says(made: Everybody) -> None:
    seen = Seen()
    for address in ADDRESSES:
        seen.look(made, address)
    if os.environ.get("WRITE_ACCESS_TABLE"):
        TABLE.write_text(seen.tables(), encoding="utf-8")

    readers = {what: tuple(role for role in ROLES if role in by_role) for what, by_role in seen.read.items()}
    assert readers == {what: who for what, (_text, who) in WRITTEN.items()}
    assert seen.tables() == TABLE.read_text(encoding="utf-8")


# What is not told apart


# Where one of these exists, only these roles get another answer than where it does not.
TOLD_APART = {
    "/a/mine/": {"the asker"},
    "/needs/": {"vetted", "assigned", "locked", "released"},
    "/desk/": {"coordinator", "administrator"},
    # Nobody here has typed the words of a sheet.
    "/outside/": set(),
    "/offers/": {"assigned", "locked"},
    # A kind, which is no secret.
    "/for-somebody/": set(ROLES) - {"nobody", "the asker", "another asker", "unvetted", "suspended"},
    "/profile/channels/": {"assigned", "locked"},
    # Nobody here has a passkey.
    "/accounts/2fa/": set(),
    # Whoever has the link.
    "/join/": set(ROLES),
    "/calendar/": set(ROLES),
    "/accounts/restore/": set(ROLES),
}
TOKEN = re.compile(rb'(name="csrfmiddlewaretoken" value=")[^"]+')


def whole(answer: Any, parts: Mapping[str, str]) -> tuple[Any, ...]:
    """Everything of an answer but what was in its own address, and the token of its forms, which is another
    each time."""
    body, headers = TOKEN.sub(rb"\1", answer.content).decode(), dict(answer.headers)
    headers.pop("Content-Length", None)
    for own in [slash + value for value in parts.values() for slash in ("/", "%2F")]:
        body = body.replace(own, "")
        headers = {name: text.replace(own, "") for name, text in headers.items()}
    cookies = sorted((name, morsel["max-age"], morsel["path"]) for name, morsel in answer.cookies.items())
    return answer.status_code, headers, cookies, body


def answers_to(made: Everybody, client: Client, address: Address, parts: Mapping[str, str]) -> list[Any]:
    path = address.with_parts(parts)
    return [whole(ask(client, method, path, {"task": made.ids["task"]}), parts) for method in ("get", "post")]


@pytest.mark.timeout(900)
def test_what_is_somebody_elses_is_answered_as_what_does_not_exist(made: Everybody) -> None:
    found: dict[str, set[str]] = {start: set() for start in TOLD_APART}
    for address in (address for address in ADDRESSES if address.parts and address.name != "ask"):
        nowhere = {name: UNKNOWN[kind] for name, kind in address.parts.items()}
        start = next(start for start in TOLD_APART if shown(address).startswith(start))
        for role, client in made.clients.items():
            both = [answers_to(made, client, address, parts) for parts in (made.parts(address), nowhere)]
            if both[0] != both[1]:
                found[start].add(role)

    assert found == TOLD_APART


# Other methods


@pytest.mark.drill
@pytest.mark.timeout(900)
def test_no_other_method_says_more_than_get_and_post(made: Everybody) -> None:
    wrong = []
    for address in ADDRESSES:
        for role, client in made.clients.items():
            path = made.path(address)
            known = {ask(client, method, path).status_code for method in ("get", "post")}
            for method in ("head", "options", "put", "patch", "delete", "strange"):
                answer = ask(client, method, path)
                # allauth takes PUT for POST, and OPTIONS lists the methods.
                expected = known | {302, 403, 404, 405} | ({200} if method == "options" else set())
                if answer.status_code not in expected or set(found_in(answer)):
                    wrong.append((method, shown(address), role, answer.status_code))

    assert wrong == []


def test_static_files_and_what_is_nowhere_say_the_same_to_everybody(made: Everybody) -> None:
    styles = next(Path(settings.STATIC_ROOT).glob("*.css"))
    for path, status in ((f"/static/{styles.name}", 200), ("/nothing/", 404), ("/static/nothing.css", 404)):
        answers = [ask(client, "head", path) for client in made.clients.values()]
        assert {answer.status_code for answer in answers} == {status}, path


# Read off the table


def test_the_table_says_what_must_never_change() -> None:
    lines = [line.strip("| ").split(" | ") for line in TABLE.read_text(encoding="utf-8").splitlines()]
    table = {line[0].strip("`"): dict(zip(ROLES, line[1:], strict=True)) for line in lines if len(line) > 5}
    outside = {"nobody", "the asker", "another asker", "unvetted", "no fit", "suspended"}
    inside = set(ROLES) - {"coordinator", "administrator"}

    for address, cells in table.items():
        if address.startswith("/needs/"):
            assert {role for role in outside if not only(cells[role], "404", "–", "done · 404")} == set(), (
                address
            )
        if address.startswith("/desk/"):
            assert {role for role in inside if {"page", "form"} & set(cells[role].split(" · "))} == set(), (
                address
            )
        if address.startswith(("/a/mine/needs/", "/a/mine/people/")):
            assert only(cells["another asker"], "404", "done · 404"), address
            assert only(cells["nobody"], "code", "done · code"), address


def only(cell: str, *allowed: str) -> bool:
    """Whether a cell says one of these, whole, or for each of its two answers."""
    return cell in allowed or set(cell.split(" · ")) <= set(allowed)
