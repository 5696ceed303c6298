"""How often somebody is asked a day: each ask is counted before it is made, by whoever makes it.

Counted by compare-and-set on the volunteer's row, so that no two workers ask once too often. An ask that is
counted and does not happen is given back; where the process dies in between it stays counted.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from organisation.models import Organisation
from privacy import clock
from volunteers.account import Volunteer
from volunteers.places import OfferPlace


def most_per_day() -> int:
    """How often the organisation asks anybody a day, at most."""
    return Organisation.objects.current().asks_per_day


def day_number(at: datetime) -> int:
    """The local day of `at` as Volunteer.asked_day has it."""
    return clock.local_day(at).toordinal()


def reserve(volunteer_id: UUID, most: int, at: datetime) -> bool:
    """Count one more ask of today. False, and nothing counted, where they had `most`, or as many as they
    themselves allow.

    Takes the volunteer's lock: not inside a transaction that holds a need's.
    """
    today, rows = day_number(at), Volunteer.objects.filter(pk=volunteer_id)
    own = Q(asks_per_day__isnull=True) | Q(asked_today__lt=F("asks_per_day"))
    # A day that lies ahead, because a clock was set back since, goes on being counted.
    same_day = rows.filter(own, asked_day__gte=today, asked_today__lt=most)
    with transaction.atomic():
        counted = rows.filter(asked_day__lt=today).update(asked_day=today, asked_today=1) or same_day.update(
            asked_today=F("asked_today") + 1
        )
        if counted:
            _index(volunteer_id)
    return bool(counted)


def give_back(volunteer_ids: Iterable[UUID], at: datetime) -> None:
    """They were not asked after all. As `reserve`."""
    today = day_number(at)
    for volunteer_id in volunteer_ids:
        counted = Volunteer.objects.filter(pk=volunteer_id, asked_day__gte=today, asked_today__gt=0)
        with transaction.atomic():
            if counted.update(asked_today=F("asked_today") - 1):
                _index(volunteer_id)


def _index(volunteer_id: UUID) -> None:
    """What matching reads of it. Inside the transaction that has just changed the row."""
    row = Volunteer.objects.filter(pk=volunteer_id).values("asked_day", "asked_today").get()
    OfferPlace.objects.filter(volunteer=volunteer_id).update(**row)
