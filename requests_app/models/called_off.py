"""That somebody was on the way and is not expected any more: "please do not go". Names no need."""

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
    def tell(self, volunteer: Volunteer, at: datetime) -> None:
        """Inside the transaction that ended what they were approved for."""
        self.create(volunteer=volunteer, forget_after=clock.hour(at) + timedelta(hours=1) + SHOWN)

    def take_back(self, volunteer: Volunteer) -> None:
        """They are expected anew: one thing less that they should not go to."""
        row = self.filter(volunteer=volunteer).order_by("pk").first()
        if row is not None:
            row.delete()

    def told(self, volunteer: Volunteer, at: datetime) -> "CalledOffQuerySet":
        return self.filter(volunteer=volunteer, forget_after__gt=at)

    def forgettable(self, at: datetime) -> "CalledOffQuerySet":
        return self.filter(forget_after__lte=at)


class CalledOff(DueRow):
    """One row for each approved claim that ended from the other side. It outlives a need that was erased:
    whoever stands in the rain must be able to read it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    volunteer = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="called_off")
    forget_after = models.DateTimeField(db_index=True)

    objects = CalledOffQuerySet.as_manager()

    privacy = FieldClasses(
        clear=(
            *("id", "volunteer", "forget_after"),
            *("lease_token", "lease_until", "attempts", "retry_after"),
        ),
        lives="a day",
    )

    def forget(self, at: datetime) -> None:
        """A day has passed."""
        self.delete()
