"""Somebody of each role in the middle of everything, what nobody should type, and what came of it."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.test import Client

from notify.models import Channel
from organisation.models import Hours, PhoneNumber
from privacy import codes
from requests_app.models import Claim, Mailbox, Need
from requests_app.visits import Visit
from tests.requests_app.world import TOMORROW, World, only_task, say_yes, take, unlocked
from tests.volunteers.people import AT, Person
from volunteers.models import Invitation, Offer

ROLES = ("nobody", "asker", "volunteer", "coordinator")

RIGHT_TO_LEFT = "שלום ‮abc‬ مرحبا"
EMOJI = "💐👩🏽‍🦽"
UNKNOWN_ID = "6b1f2d1e-1111-4111-8111-111111111111"
NASTY = (
    *("", " ", "\0", "a\0b", EMOJI, RIGHT_TO_LEFT, "\ufffe\uffff\u2028\u202e", "e\u0301" * 50, "\ufdfa" * 60),
    *("x" * 2500, "<script>alert(1)</script>{{ 7|add:7 }}{% now 'Y' %}%(name)s%s", "'; DROP TABLE x; --"),
    *("0", "-1", "1", "9" * 20, "9" * 5000, "1e400", "NaN", "Infinity", "1.5", "٣", "0x10", "1_0"),
    *("true", "null", "{}", "[]", '{"id": 1}', "tomorrow", "25:61", "2020-01-01", "2026-02-30", "0000-00-00"),
    *("0001-01-01", "9999-12-31", "10000-01-01", "9999-12-31T23:59", "0001-01-01T00:00"),
    *("http://[", "//elsewhere.example/", "javascript:alert(1)", "stay", "en", "not-an-id", UNKNOWN_ID),
)


@dataclass
class Cast:
    """An instance in the middle of everything. `ids`: for each part of an address what may stand there."""

    world: World
    nobody: Client
    asker: Client
    volunteer: Client
    coordinator: Client
    ids: dict[str, list[str]] = field(default_factory=dict)

    def client(self, role: str) -> Client:
        found: Client = getattr(self, role)
        return found


def assemble(world: World) -> Cast:
    """An asker with needs in every state, a volunteer with claims, somebody else's of each, the desk."""
    ben, cleo = world.volunteer("Ben"), world.volunteer("Cleo")
    asker, visit = _asker(world)
    _needs(world, visit, ben, cleo)
    other, _need = world.ask(kind="ride", decides="desk", desk_reads=True, place="By the pond")
    take(cleo, only_task(_need))
    _visit, done = world.ask(other, kind="ride")
    done.withdraw(AT)
    for person in (ben, cleo):
        pk, address = person.volunteer.pk, "somebody@example.org"
        Channel.objects.add(recipient=pk, transport="email", address=address, language="en", at=AT)
    Offer.objects.of(ben.volunteer)[0].set_day(TOMORROW, 3, AT)
    Hours.objects.add(weekday=1, from_time=AT.time(), until_time=(AT + timedelta(hours=1)).time())
    PhoneNumber.objects.add(label="Example", number="555 0100")
    cast = Cast(world, Client(), asker, _signed_in(ben), _signed_in(world.coordinator))
    token = Invitation.objects.make(world.coordinator.volunteer, AT)
    cast.ids = {
        "slug": ["stay", "ride", "accompaniment", "nothing"],
        "token": [token, "nothing"],
        "need_id": _pks(Need),
        "claim_id": _pks(Claim),
        "offer_id": _pks(Offer),
        "channel_id": _pks(Channel),
        "invitation_id": _pks(Invitation),
        "person_id": _pks(type(ben.volunteer)),
        "pk": ["0", *_pks(Hours), *_pks(PhoneNumber), str(world.area.pk), "9" * 20],
    }
    return cast


def _asker(world: World) -> tuple[Client, Visit]:
    client = Client()
    client.post("/a/ride/", {"area": world.area.pk, "day": TOMORROW.isoformat(), "token": "first"})
    page = client.get("/a/code/").content.decode()
    words = re.findall(r"<li>([a-z]+)</li>", page.split('class="code"')[1])[:8]
    secret = codes.read(" ".join(words))
    found = Mailbox.objects.behind(secret, AT)
    assert found
    return client, Visit(*found, secret)


def _needs(world: World, visit: Visit, ben: Person, cleo: Person) -> None:
    """Held with somebody standing by; approved with a place and a message; a stay; withdrawn."""
    _visit, held = world.ask(visit, kind="ride")
    take(ben, only_task(held))
    take(cleo, only_task(held), standing_by=True)
    _visit, coming = world.ask(visit, kind="accompaniment")
    claim = say_yes(visit, take(ben, only_task(coming)), place="Under the clock")
    claim.write(unlocked(ben), "volunteer", "On my way.", AT)
    _visit, stay = world.ask(visit, kind="stay", nights=2)
    take(ben, only_task(stay))
    _visit, over = world.ask(visit, kind="ride")
    over.withdraw(AT)


def _signed_in(person: Person) -> Client:
    cache.clear()
    return person.sign_in(Client())


def _pks(model: Any) -> list[str]:
    return [str(pk) for pk in model.objects.values_list("pk", flat=True)]


@contextmanager
def undone(client: Client) -> Iterator[None]:
    """Whatever happens inside, database, keyring and cookies are as before afterwards."""
    path, cookies = Path(settings.KEYRING_PATH), client.cookies.output(header="", sep=";")
    kept = path.with_suffix(".kept")
    before = path.stat().st_mtime_ns
    if not kept.exists() or kept.stat().st_mtime_ns != before:
        shutil.copy2(path, kept)
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    client.cookies.clear()
    client.cookies.load(cookies)
    if path.stat().st_mtime_ns != before:
        shutil.copy2(kept, path)
