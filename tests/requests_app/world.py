"""Needs and volunteers for tests, made the way they are made: by asking, offering, claiming."""

import itertools
import secrets
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from notify.models import Channel
from organisation import kinds
from organisation.models import Area, Organisation
from privacy import clock
from requests_app import asking, matching
from requests_app.models import Asked, Claim, Need, Task
from requests_app.readers import Unlocked
from requests_app.visits import Visit
from tests.volunteers import people
from tests.volunteers.people import AT, Person
from volunteers import desk
from volunteers.models import Offer, Volunteer, Vouch

TODAY = clock.local_day(AT)
TOMORROW = TODAY + timedelta(days=1)
_names = (f"Volunteer {n}" for n in itertools.count(1))


@dataclass(frozen=True)
class World:
    """An instance in use: one area, a coordinator."""

    coordinator: Person
    area: Area

    def desk(self) -> Unlocked:
        """The desk with its key open, in the coordinator's session."""
        reader = desk.reader()
        assert reader is not None
        private = desk.desk_private(self.coordinator.volunteer, self.coordinator.private)
        return Unlocked(reader, private)

    def volunteer(self, handle: str = "", *, offers: bool = True, **offer: Any) -> Person:
        """Joined, let in, and (unless told otherwise) offering everything here at any time."""
        person = people.newcomer(self.coordinator, handle or next(_names))
        person.volunteer.vouch(self.coordinator.volunteer, AT, Vouch.Context.MET)
        if offers:
            self.offer(person.volunteer, **offer)
        return person

    def offer(self, volunteer: Volunteer, **values: Any) -> Offer:
        """An offer of every kind, here, at any time, unless `values` say otherwise."""
        areas, days = values.pop("areas", []), values.pop("days", {})
        nights: dict[date, int] = values.pop("beds_on", {})
        values = {
            "kinds": [kind.slug for kind in kinds.all()],
            "home_area": self.area,
            "reach_km": 20,
            "capacity": 4,
            "made_at": clock.hour(AT),
            "adults_agreed_on": TODAY,
        } | values
        offer = Offer(volunteer=volunteer, **values)
        offer.write(AT, areas)
        for day, parts in days.items():
            offer.set_day(day, parts, AT)
        for night, beds in nights.items():
            offer.set_nights(night, night, [], beds, AT)
        return offer

    def can_be_told(self, person: Person) -> None:
        """They have an address for news."""
        Channel.objects.add(
            recipient=person.volunteer.pk,
            transport="email",
            address="somebody@example.org",
            language="en",
            at=AT,
        )

    def asked(self, **values: Any) -> Asked:
        """A ride tomorrow, any time, unless `values` say otherwise."""
        kind = kinds.get(values.get("kind", "ride"))
        plain = Asked(
            kind=kind.slug,
            area=self.area,
            day=TOMORROW,
            parts=int(clock.ALL_PARTS),
            nights=1 if kind.has_nights else 0,
            note="Please ring twice.",
        )
        return replace(plain, **values)

    def ask(self, visit: Visit | None = None, at: datetime = AT, **values: Any) -> tuple[Visit, Need]:
        """A need, and the open mailbox of whoever asked."""
        key = secrets.token_bytes(32)
        opened = asking.ask(self.asked(**values), key, visit, "en", at)
        return opened, Need.objects.of(opened.mailbox).latest("sequence")


def make(areas: int = 1) -> World:
    """A fresh instance with its first coordinator."""
    organisation = Organisation.objects.ensure(AT)
    assert organisation.pk
    return World(people.founder(), Area.objects.active().order_by("pk")[0])


def take(
    person: Person,
    task: Task,
    at: datetime = AT,
    *,
    standing_by: bool = False,
    place: str = "The bench by the pond",
) -> Claim:
    """The volunteer takes what their board shows, as the view does."""
    match = next(m for m in matching.on_need(person.volunteer, task.need_id, at) if m.task_id == task.pk)
    offer = Offer.objects.get(pk=match.offer_id)
    fresh = Task.objects.select_related("need").get(pk=task.pk)
    verb = fresh.stand_by if standing_by else fresh.claim
    verb(person.volunteer, offer, at, place, match.reasons)
    return claim_of(person, task)


def claim_of(person: Person, task: Task) -> Claim:
    """The volunteer's latest claim on a task, as the database has it."""
    related = Claim.objects.select_related("task", "need", "need__mailbox", "volunteer", "offer")
    return related.filter(task=task, volunteer=person.volunteer).latest("place_in_line")


def say_yes(visit: Visit, claim: Claim, at: datetime = AT, place: str = "") -> Claim:
    """She approves, on a page that shows the claim as it is."""
    claim.approve(visit.unlocked, claim.key_fingerprint(), at, place)
    return Claim.objects.select_related("task", "need", "need__mailbox", "volunteer").get(pk=claim.pk)


def unlocked(person: Person) -> Unlocked:
    """A volunteer with their key open."""
    return Unlocked(person.volunteer.reader(), person.private)


def only_task(need: Need) -> Task:
    """The task of a need that has one."""
    return Task.objects.select_related("need").get(need=need)


def day(offset: int) -> date:
    return TODAY + timedelta(days=offset)
