"""Who gets what at which address: every address for every role, written down in docs/access.md and compared.

    WRITE_ACCESS_TABLE=1 make test ARGS=tests/mutualaid/test_access_table.py

writes it anew, to be read by a person before it is committed.
"""

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import get_resolver

from mutualaid.duties import DUTIES, HEART
from privacy import instance
from privacy.models import Heartbeat
from requests_app import standing
from requests_app.visits import Visit
from tests.bad_input import undone
from tests.mutualaid.test_any_address import Address, addresses
from tests.requests_app import world as worlds
from tests.requests_app.test_damaged_rows import enter
from tests.requests_app.world import World, say_yes, take
from tests.volunteers import people
from tests.volunteers.people import AT, Person
from volunteers.models import Invitation, Offer

TABLE = Path(__file__).resolve().parents[2] / "docs" / "access.md"
HEAD = """# Who gets what

Every address, as each of these is answered: `GET`, then `POST` with next to nothing in it. Written by a test
(`tests/mutualaid/test_access_table.py`) and compared by it, so that a new address cannot be forgotten.

* **page**: an answer. **form**: it came back to be filled in. **done**: it was done, or leads on.
* **door**: they are asked to sign in; **code**: for the return code; **lock**: for the passphrase.
* **404**: there is nothing, whoever asks. **–**: not this way.

The need in these addresses is hers ("the asker"). The volunteer it was approved for is "assigned";
"released" was, and could not come; "no fit" is let in, and it does not fit; "waiting" nobody has let in;
"administrator" works at the desk and holds its key, "coordinator" works there and holds none.

"""


@dataclass
class Everybody:
    """A browser for each role, and what stands in the addresses."""

    clients: dict[str, Client] = field(default_factory=dict)
    ids: dict[str, Any] = field(default_factory=dict)


def signed_in(person: Person) -> Client:
    cache.clear()
    return person.sign_in(Client())


def with_code(visit: Visit) -> Client:
    """Her page is open; what a form's token is worth is tested where forms are."""
    client = Client()
    client.cookies = enter(visit).cookies
    return client


def everybody(world: World) -> Everybody:
    visit, need = world.ask(kind="ride", answers={"back": "yes"}, desk_reads=True)
    other, _need = world.ask()
    there, back = need.tasks.order_by("-role")
    ben, released, resting = (world.volunteer(name) for name in ("Ben", "Dan", "Eve"))
    misfit = world.volunteer("Fay", kinds=["stay"])
    claim = say_yes(visit, take(ben, there), place="Under the clock")
    say_yes(visit, take(released, back), place="By the gate").release(AT)
    resting.volunteer.pause(worlds.day(3), AT)
    waiting, suspended = people.newcomer(world.coordinator, "Gil"), world.volunteer("Hal")
    keyless = people.coordinator(world.coordinator, "Ida")
    made = Everybody(
        clients={
            "nobody": Client(),
            "the asker": with_code(visit),
            "another asker": with_code(other),
            "waiting": signed_in(waiting),
            "no fit": signed_in(misfit),
            "paused": signed_in(resting),
            "assigned": signed_in(ben),
            "released": signed_in(released),
            "suspended": signed_in(suspended),
            "coordinator": signed_in(keyless),
            "administrator": signed_in(world.coordinator),
        }
    )
    standing.suspend(suspended.volunteer, AT)
    made.ids = {
        "slug": "ride",
        "need_id": need.pk,
        "claim_id": claim.pk,
        "offer_id": Offer.objects.of(ben.volunteer)[0].pk,
        "person_id": ben.volunteer.pk,
        "token": Invitation.objects.make(world.coordinator.volunteer, AT),
        "task": there.pk,
    }
    return made


UNKNOWN = {
    "uuid": "6b1f2d1e-1111-4111-8111-111111111111",
    "int": "999",
    "string": "nothing",
    "slug": "nothing",
}
WAYS = {"/accounts/login/": "door", "/a/return/": "code", "/accounts/unlock/": "lock"}


def path_of(address: Address, ids: dict[str, Any]) -> str:
    return address.with_parts({name: ids.get(name, UNKNOWN[kind]) for name, kind in address.parts.items()})


def shown(address: Address) -> str:
    """The address as it is read: names in place of ids."""
    path = path_of(address, UNKNOWN)
    for name, kind in reversed(address.parts.items()):
        path = f"<{name}>".join(path.rsplit(UNKNOWN[kind], 1))
    return path


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
    cache.clear()
    instance.ensure(create=True)
    Heartbeat.objects.beat(HEART, [duty.name for duty in DUTIES], AT)
    logging.disable(logging.CRITICAL)
    yield everybody(worlds.make())
    logging.disable(logging.NOTSET)


def rows(made: Everybody) -> Iterator[list[str]]:
    for address in sorted(addresses(get_resolver()), key=shown):
        path = path_of(address, made.ids)
        cells = []
        for client in made.clients.values():
            answers = []
            for ask in (client.get, client.post):
                cache.clear()
                with undone(client):
                    answers.append(word(ask(path, {"task": made.ids["task"]})))
            cells.append(answers[0] if answers[0] == answers[1] else " · ".join(answers))
        yield [f"`{shown(address)}`", *cells]


@pytest.mark.once
@pytest.mark.timeout(300)
def test_everybody_gets_at_every_address_what_the_table_says(made: Everybody) -> None:
    head = ["address", *made.clients]
    lines = [head, ["---"] * len(head), *rows(made)]
    table = HEAD + "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
    if os.environ.get("WRITE_ACCESS_TABLE"):
        TABLE.write_text(table, encoding="utf-8")
    assert table == TABLE.read_text(encoding="utf-8")


@pytest.mark.once
def test_the_table_says_what_must_never_change() -> None:
    lines = [line.strip("| ").split(" | ") for line in TABLE.read_text(encoding="utf-8").splitlines()]
    table = {line[0].strip("`"): dict(zip(HEADS, line[1:], strict=True)) for line in lines if len(line) > 5}
    outside = {"nobody", "the asker", "another asker", "waiting", "no fit", "paused", "suspended"}

    for address, cells in table.items():
        if address.startswith("/needs/"):
            assert {role for role in outside if not only(cells[role], "404", "–", "done · 404")} == set(), (
                address
            )
        if address.startswith("/desk/"):
            inside = outside | {"assigned", "released"}
            assert {role for role in inside if {"page", "form"} & set(cells[role].split(" · "))} == set(), (
                address
            )
        if address.startswith(("/a/mine/needs/", "/a/mine/people/")):
            assert only(cells["another asker"], "done · 404"), address
            assert only(cells["nobody"], "done · code"), address


HEADS = [
    *("nobody", "the asker", "another asker", "waiting", "no fit", "paused"),
    *("assigned", "released", "suspended", "coordinator", "administrator"),
]


def only(cell: str, *allowed: str) -> bool:
    """Whether a cell says one of these, whole, or for each of its two answers."""
    return cell in allowed or set(cell.split(" · ")) <= set(allowed)
