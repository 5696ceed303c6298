"""One sealed value is damaged: every page is there, says so in a neutral sentence, and keeps all the rest.

Over every sealed field (tests/mutualaid/everything_sealed.py), and every page where something sealed stands.
"""

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.cache import cache
from django.db import transaction
from django.test import Client

from privacy import codes
from privacy.models import Compartment, Grant, Session
from requests_app.models import Message, Task
from tests.mutualaid.an_instance import world
from tests.mutualaid.everything_sealed import Cell, Pair, cells_of, sealed_fields, side
from tests.requests_app.desk import read
from tests.requests_app.test_damaged_rows import enter
from tests.requests_app.test_outside_contact import types
from tests.requests_app.world import World
from tests.volunteers import people
from tests.volunteers.people import PASSPHRASE
from volunteers import desk

__all__ = ["world"]
pytestmark = [pytest.mark.once, pytest.mark.drill, pytest.mark.timeout(900)]

TEXT = re.compile(
    r"The (?:first|second) (?:note|clinic|bench|of hers|of theirs|wrong|talk)|(?:first|second)@example\.org"
)
CANNOT = ("cannot be read", "opens when the person looks here next", "You cannot open the desk's key yet")
# What goes with a value, because it is sealed or read together with it.
TOGETHER = {
    "note": {"note", "clinic"},
    "answers": {"note", "clinic"},
    "desk_place": {"bench"},
    "place": {"bench"},
    "body": {"of hers", "of theirs"},
    "thread": {"of hers", "of theirs"},
    "sealed_private": {"note", "clinic", "bench", "talk", "station"},
    "leg": {"station"},
    "plan": {"plan"},
    "text": {"plan"},
    "said": {"wrong", "talk"},
    "report": {"wrong"},
    "debrief": {"talk"},
    "address": {"@example.org"},
}


@dataclass
class Open:
    """Everybody's browser, and the two needs of one asker."""

    first: Pair
    second: Pair
    clients: dict[str, Client]

    def pages(self) -> dict[str, str]:
        """What everybody reads, page by page; each must be there."""
        found = {}
        for who, paths in self._paths().items():
            for path in paths:
                cache.clear()
                answer = self.clients[who].get(path)
                assert answer.status_code == 200, (who, path, answer.status_code)
                found[f"{who} {path}"] = read(answer.content.decode())
        return found

    def _paths(self) -> dict[str, list[str]]:
        needs = [self.first.need.pk, self.second.need.pk]
        person = self.first.volunteer.volunteer.pk
        return {
            "asker": ["/a/mine/"],
            "volunteer": ["/board/", f"/needs/{needs[0]}/", "/profile/", "/offers/new/", "/accounts/2fa/"],
            "desk": [
                "/desk/",
                *(f"/desk/needs/{pk}/" for pk in needs),
                f"/desk/people/{person}/",
                "/desk/people/",
                "/desk/debriefs/",
            ],
            "outside": [f"/outside/{self.first.report.pk}/"],
        }


@pytest.fixture
def everybody(world: World) -> Open:
    second = people.coordinator(world.coordinator, "Dora")
    desk.share_with(second.volunteer, world.coordinator.volunteer, world.coordinator.private)
    one = side(world, "first", world.coordinator)
    other = side(world, "second", second, one.visit)
    cache.clear()
    ben = one.volunteer.sign_in(Client())
    ben.post("/accounts/2fa/authenticate/", {"code": code_now("JBSWY3DPEHPK3PXP")})
    ben.post("/accounts/unlock/", {"passphrase": PASSPHRASE})
    clients = {"asker": enter(one.visit), "volunteer": ben, "desk": one.client}
    clients["outside"], entered = types(codes.as_words(one.sheet, "en"))
    assert entered.status_code == 302
    opened = Open(one, other, clients)
    # That somebody at the desk opened it is on her page from now on.
    opened.pages()
    return opened


def code_now(seed: str) -> str:
    return str(format_hotp_value(hotp_value(seed, int(time.time()) // 30)))


Damage = Callable[[bytes, bytes], bytes | None]
DAMAGED: dict[str, Damage] = {
    "noise": lambda own, other: os.urandom(len(own)),
    "cut": lambda own, other: own[:40],
    "one bit": lambda own, other: own[:-1] + bytes([own[-1] ^ 1]),
    "empty": lambda own, other: b"",
    "text": lambda own, other: b"Hello.",
    "another's": lambda own, other: other,
    "null": lambda own, other: None,
}


@pytest.mark.parametrize("how", DAMAGED)
def test_every_page_keeps_all_but_what_is_damaged(everybody: Open, how: str) -> None:
    before, problems, tried = everybody.pages(), [], set()
    theirs = {(cell.field, cell.key): cell for cell in cells_of(everybody.second)}
    for cell in cells_of(everybody.first):
        if cell.model is Session or (how == "null" and not _may_be_null(cell)):
            continue
        own, other = cell.get(), theirs[cell.field, cell.key].get()
        # Taken back by the database: a place that is gone heals, since she sealed it to the desk as well.
        with transaction.atomic():
            _put(cell, DAMAGED[how](own, other))
            after = everybody.pages()
            transaction.set_rollback(True)
        # Nothing where something was cannot be told from nothing: a place need not be there.
        silent = how == "null" and (cell.model is Task or cell.name in ("place", "desk_place"))
        problems += [f"{cell.field}: {said}" for said in _compared(cell, before, after, silent)]
        tried.add(cell.field)
    assert problems == []
    assert tried == (sealed_fields() - {("privacy.Session", "data")} if how != "null" else NULLABLE)
    assert everybody.pages() == before


NULLABLE = {
    *(("requests_app.Need", name) for name in ("note", "answers", "desk_place")),
    ("requests_app.Claim", "place"),
    ("requests_app.Task", "answers"),
    ("requests_app.Mailbox", "errand"),
    ("requests_app.Knock", "errand"),
    *(("requests_app." + name, "said") for name in ("Report", "Debrief")),
}


def _may_be_null(cell: Cell) -> bool:
    return bool(cell.model._meta.get_field(cell.name).null)


def _put(cell: Cell, blob: bytes | None) -> None:
    if blob is None:
        cell.model._default_manager.filter(pk=cell.pk).update(**{cell.name: None})
    else:
        cell.put(blob)


def _compared(cell: Cell, before: dict[str, str], after: dict[str, str], silent: bool) -> list[str]:
    """What is wrong: lost that need not be, shown that belongs elsewhere, or gone without a word."""
    gone_with_it, found = _gone_with(cell), []
    for page, text in after.items():
        was, now = set(TEXT.findall(before[page])), set(TEXT.findall(text))
        lost = {one for one in was - now if not _is_among(one, gone_with_it)}
        found += [f"{page} lost {lost}"] if lost else []
        found += [f"{page} shows {now - was}"] if now - was else []
        if was - now and not any(sentence in text for sentence in CANNOT) and not silent:
            found.append(f"{page} says nothing about it")
    return found


def _gone_with(cell: Cell) -> set[str]:
    if cell.model is Grant:
        purpose = Grant.objects.select_related("compartment").get(pk=cell.pk).compartment.purpose
        return TOGETHER[purpose.partition(" ")[0]]
    if cell.model is Task:
        return TOGETHER["leg"]
    if cell.model is Message:
        return {"of hers"} if Message.objects.get(pk=cell.pk).author == Message.ASKER else {"of theirs"}
    return TOGETHER.get(cell.name, set())


def _is_among(text: str, what: set[str]) -> bool:
    """Of the first need alone; a coordinator's share of the desk's key opens both."""
    theirs = text.startswith(("The first", "first@")) or what == TOGETHER["sealed_private"]
    return theirs and any(text.endswith(end) for end in what)


def test_every_page_keeps_all_but_a_compartment_that_is_damaged(everybody: Open) -> None:
    before, problems = everybody.pages(), []
    first = everybody.first
    # Not the report's: its compartment alone says whose it is; the desk then finds it among the unreadable.
    owners = [row.slot_owner for row in (first.need, first.claim, first.debrief)]
    for compartment in Compartment.objects.filter(slot_owner__in=owners):
        for changed in ({"slot_number": 999999}, {"slot_owner": "need:none"}, {"purpose": "nothing"}):
            Compartment.objects.filter(pk=compartment.pk).update(**changed)
            after = everybody.pages()
            for page, text in after.items():
                gone = set(TEXT.findall(before[page])) - set(TEXT.findall(text))
                wrong = {
                    one for one in gone if not _is_among(one, TOGETHER[compartment.purpose.partition(" ")[0]])
                }
                problems += [f"{compartment.purpose} {changed}: {page} lost {wrong}"] if wrong else []
            kept = {name: getattr(compartment, name) for name in changed}
            Compartment.objects.filter(pk=compartment.pk).update(**kept)
    assert problems == []
