"""Many volunteers at once, signed in, made inside a running instance with its own settings and secrets.

    manage.py shell -c "from tests.journeys import crowd; crowd.make(100)"

prints their session cookies as one line of JSON. They share one key, which spares a minute of deriving.
`crowd.join(10)` prints user names and handles of as many who joined each for themselves, to sign in.
"""

import copy
import json
import uuid

from django.test import Client

from organisation import kinds
from organisation.models import Area
from privacy import clock
from volunteers import joining
from volunteers.agreements import Acceptance, Agreement
from volunteers.models import Invitation, Offer, Volunteer, Vouch
from volunteers.week import ALL_WEEK

PASSPHRASE = "meadow lantern quiet river"


def make(count: int) -> None:
    first = _first()
    people = []
    for number in range(count):
        person = copy.copy(first)
        person.id, person.username, person.handle = uuid.uuid4(), f"crowd-{number}", f"Volunteer {number}"
        person.set_public_key(bytes(first.public_key))
        people.append(person)
    Volunteer.objects.bulk_create(people)
    marks = [text.mark for text in Agreement.objects.current()]
    for person in people:
        Acceptance.objects.accept(person, marks, clock.now())
        _offers_everything(person, capacity=4)
    print(json.dumps([_signed_in(person) for person in people]))


def join(count: int) -> None:
    people = [_let_in(f"person-{number}", f"Person {number}") for number in range(count)]
    for person in people:
        _offers_everything(person, capacity=50)
    print(json.dumps([[person.username, person.handle] for person in people]))


def _first() -> Volunteer:
    return _let_in("crowd", "Crowd")


def _let_in(username: str, handle: str) -> Volunteer:
    at, by = clock.now(), Volunteer.objects.coordinators().order_by("pk")[0]
    words = {"username": username, "handle": handle, "passphrase": PASSPHRASE}
    joined = joining.join(Invitation.objects.make(by, at), **words, language="en", at=at)
    joined.volunteer.vouch(by, at, Vouch.Context.MET)
    return joined.volunteer


def _offers_everything(person: Volunteer, capacity: int) -> None:
    at = clock.now()
    Offer(
        volunteer=person,
        kinds=[kind.slug for kind in kinds.all()],
        home_area=Area.objects.active().order_by("pk")[0],
        reach_km=5,
        weekly=ALL_WEEK,
        capacity=capacity,
        made_at=clock.hour(at),
    ).write(at, [])


def _signed_in(person: Volunteer) -> str:
    client = Client()
    client.force_login(person)
    return client.cookies["s"].value
