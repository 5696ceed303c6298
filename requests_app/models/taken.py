"""That a volunteer took something on a day: what "at most n a week" counts. Names no need."""

from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import models

from privacy import clock
from privacy.due import DueRow
from privacy.fields import FieldClasses, random_key
from volunteers.models import Volunteer

WEEK = timedelta(days=7)


class TakenQuerySet(models.QuerySet["Taken"]):
    def note(self, volunteer: Volunteer, at: datetime) -> None:
        day = clock.local_day(at)
        self.create(volunteer=volunteer, day=day, forget_after=clock.day_end(day + WEEK))

    def take_back(self, volunteer: Volunteer, since: datetime) -> None:
        """They had to give it up: it does not count."""
        # One that another transaction takes back is not waited for: it holds a need of its own.
        rows = self.filter(volunteer=volunteer, day__gte=clock.local_day(since)).order_by("pk")
        row = rows.select_for_update(skip_locked=True).first()
        if row:
            row.delete()

    def are_enough(self, volunteer: Volunteer, at: datetime) -> bool:
        """Whether they took as many this week as they said they would at most."""
        cap = volunteer.cap_per_week
        if cap is None:
            return False
        return self.filter(volunteer=volunteer, day__gte=first_day_that_counts(at)).count() >= cap

    def forgettable(self, at: datetime) -> "TakenQuerySet":
        return self.filter(forget_after__lte=at)


class Taken(DueRow):
    """One row for each task taken; deleted after a week."""

    id = random_key()
    volunteer = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="taken")
    day = models.DateField()
    forget_after = models.DateTimeField(db_index=True)

    objects = TakenQuerySet.as_manager()

    privacy = FieldClasses(
        clear=(
            *("id", "volunteer", "day", "forget_after"),
            *("lease_token", "lease_until", "attempts", "retry_after"),
        ),
        lives="a week",
    )

    class Meta:
        indexes = [models.Index(fields=["volunteer", "day"], name="taken_of_volunteer")]

    def forget(self, at: datetime) -> None:
        self.delete()


def first_day_that_counts(at: datetime) -> date:
    """The local date from which what was taken counts towards the cap: seven days with today."""
    return clock.local_day(at) - WEEK + timedelta(days=1)
