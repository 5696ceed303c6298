"""That somebody was on the way and is not expected any more: "please do not go"; or that a stay with them is
over. Names no need."""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models

from privacy import clock
from privacy.due import DueQuerySet, DueRow
from privacy.fields import FieldClasses
from volunteers.models import Volunteer

SHOWN = timedelta(hours=24)


class CalledOffQuerySet(DueQuerySet["CalledOff"]):
    def tell(self, volunteer: Volunteer, at: datetime, is_over: bool = False) -> None:
        """Inside the transaction that ended what they were approved for; `is_over`: she had been there, and
        has moved on."""
        forget_after = clock.hour(at) + timedelta(hours=1) + SHOWN
        self.create(volunteer=volunteer, forget_after=forget_after, is_over=is_over)

    def take_back(self, volunteer: Volunteer) -> None:
        """They are expected anew: one thing less that they should not go to."""
        row = self.filter(volunteer=volunteer, is_over=False).order_by("pk").first()
        if row is not None:
            row.delete()

    def told(self, volunteer: Volunteer, at: datetime) -> "CalledOffQuerySet":
        """What they should not go to."""
        return self.filter(volunteer=volunteer, forget_after__gt=at, is_over=False)

    def counts(self, volunteer: Volunteer, at: datetime) -> tuple[int, int]:
        """To how many they should not go, and how many stays with them are over. One query."""
        rows = self.filter(volunteer=volunteer, forget_after__gt=at).values_list("is_over", flat=True)
        found = list(rows)
        return found.count(False), found.count(True)

    def forgettable(self, at: datetime) -> "CalledOffQuerySet":
        return self.filter(forget_after__lte=at)


class CalledOff(DueRow):
    """One row for each approved claim that ended from the other side. It outlives a need that was erased:
    whoever stands in the rain must be able to read it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    volunteer = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="called_off")
    forget_after = models.DateTimeField(db_index=True)
    is_over = models.BooleanField(default=False)

    objects = CalledOffQuerySet.as_manager()

    privacy = FieldClasses(
        clear=(
            *("id", "volunteer", "forget_after", "is_over"),
            *("lease_token", "lease_until", "attempts", "retry_after"),
        ),
        lives="a day",
    )

    def forget(self, at: datetime) -> None:
        """A day has passed."""
        self.delete()
