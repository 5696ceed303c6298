"""Many volunteers at once, signed in, made inside a running instance with its own settings and secrets.

    manage.py shell -c "from tests.journeys import crowd; crowd.make(100)"

prints their session cookies as one line of JSON. They share one key, which spares a minute of deriving.
"""

import copy
import json
import uuid

from django.test import Client

from organisation import kinds
from organisation.models import Area
from privacy import clock
from volunteers import joining
from volunteers.models import Invitation, Offer, Volunteer, Vouch
from volunteers.week import ALL_WEEK


def make(count: int) -> None:
    at = clock.now()
    first = _first()
    people = []
    for number in range(count):
        person = copy.copy(first)
        person.id, person.username, person.handle = uuid.uuid4(), f"crowd-{number}", f"Volunteer {number}"
        person.set_public_key(bytes(first.public_key))
        people.append(person)
    Volunteer.objects.bulk_create(people)
    for person in people:
        Offer(
            volunteer=person,
            kinds=[kind.slug for kind in kinds.all()],
            home_area=Area.objects.active().order_by("pk")[0],
            reach_km=5,
            weekly=ALL_WEEK,
            capacity=4,
            made_at=clock.hour(at),
        ).write(at, [])
    print(json.dumps([_signed_in(person) for person in people]))


def _first() -> Volunteer:
    at, by = clock.now(), Volunteer.objects.coordinators().order_by("pk")[0]
    token = Invitation.objects.make(by, at)
    words = {"username": "crowd", "handle": "Crowd", "passphrase": "meadow lantern quiet river"}
    joined = joining.join(token, **words, language="en", at=at)
    joined.volunteer.vouch(by, at, Vouch.Context.MET)
    return joined.volunteer


def _signed_in(person: Volunteer) -> str:
    client = Client()
    client.force_login(person)
    return client.cookies["s"].value
