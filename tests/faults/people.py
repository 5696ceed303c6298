"""`python -m tests.faults.people`: in an instance's environment, people who can be asked, and needs.

Reads {"people": 12, "needs": 8, "cap": 3}; prints {"addresses": [[volunteer, address], …], "needs": [id, …]}.
With {"takes": [need, …]} instead, somebody takes each of them; prints {"taken": [need, …]}.
"""

import copy
import json
import secrets
import sys
import uuid
from typing import Any

import django

django.setup()

from notify.models import Channel  # noqa: E402
from organisation import kinds  # noqa: E402
from organisation.models import Area, Organisation  # noqa: E402
from privacy import clock  # noqa: E402
from requests_app import asking, matching  # noqa: E402
from requests_app.models import Asked, Need, Task  # noqa: E402
from volunteers import joining  # noqa: E402
from volunteers.models import Invitation, Offer, Volunteer, Vouch  # noqa: E402
from volunteers.week import ALL_WEEK  # noqa: E402

PASSPHRASE = "meadow lantern quiet river"


def make(people: int, needs: int, cap: int) -> dict[str, Any]:
    at = clock.now()
    Organisation.objects.ensure(at).change(asks_per_day=cap)
    first = _join(Invitation.objects.make(None, at, coordinator=True), "Ana")
    addresses = []
    for number in range(people):
        person = copy.copy(first)
        person.id, person.username, person.handle = uuid.uuid4(), f"person-{number}", f"Person {number}"
        person.is_coordinator = False
        person.set_public_key(bytes(first.public_key))
        Volunteer.objects.bulk_create([person])
        person.vouch(first, at, Vouch.Context.MET)
        _offers(person)
        address = f"person-{number}@example.org"
        Channel.objects.add(recipient=person.pk, transport="email", address=address, language="en", at=at)
        addresses.append([str(person.pk), address])
    visit, asked = None, []
    for _number in range(needs):
        visit = asking.ask(_ride(), secrets.token_bytes(32), visit, "en", at)
        asked.append(str(Need.objects.of(visit.mailbox).latest("sequence").pk))
    return {"addresses": addresses, "needs": asked}


def take(takes: list[str]) -> dict[str, Any]:
    """Each by the first whom it fits now."""
    at = clock.now()
    for need in takes:
        task = Task.objects.select_related("need").get(need=need, role="there")
        for volunteer in Volunteer.objects.let_in().filter(is_coordinator=False).order_by("username"):
            found = [m for m in matching.on_need(volunteer, task.need_id, at) if m.task_id == task.pk]
            if found:
                task.claim(volunteer, Offer.objects.get(pk=found[0].offer_id), at)
                break
    return {"taken": takes}


def _join(token: str, handle: str) -> Volunteer:
    words = {"username": "first-one", "handle": handle, "passphrase": PASSPHRASE}
    return joining.join(token, **words, language="en", at=clock.now()).volunteer


def _offers(person: Volunteer) -> None:
    at = clock.now()
    Offer(
        volunteer=person,
        kinds=[kind.slug for kind in kinds.all()],
        home_area=Area.objects.active().order_by("pk")[0],
        reach_km=5,
        weekly=ALL_WEEK,
        capacity=4,
        made_at=clock.hour(at),
    ).write(at, [])


def _ride() -> Asked:
    """There and back: two tasks that are due at one moment."""
    at = clock.now()
    day = clock.local_day(at) + 2 * (clock.local_day(at).resolution)
    area = Area.objects.active().order_by("pk")[0]
    return Asked("ride", area, day, int(clock.ALL_PARTS), answers={"back": "yes"})


if __name__ == "__main__":
    question = json.load(sys.stdin)
    json.dump(take(**question) if "takes" in question else make(**question), sys.stdout)
