"""That somebody said late that they cannot come, or did not come: a day, no need, forgotten after 90 days.

Read by nobody but themselves and the desk, and used for nothing: it moves nobody down in matching
(docs/decisions/trust.md says why).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models

from privacy import clock
from privacy.due import DueQuerySet, DueRow
from privacy.fields import FieldClasses, random_key
from volunteers.account import Volunteer

LATE, NO_SHOW = "late", "no_show"
KEPT = timedelta(days=90)
# After so many days one counts half as much.
HALVES = 30
# Two on one day, or three within a month: perhaps they need a break, or a talk.
MANY = 2.0


@dataclass(frozen=True)
class Slips:
    """How often in the last 90 days; `many`: what is recent of it is enough for a talk."""

    late: int
    no_show: int
    many: bool

    def __bool__(self) -> bool:
        return bool(self.late or self.no_show)


class SlipQuerySet(DueQuerySet["Slip"]):
    def note(self, volunteer: Volunteer, what: str, at: datetime) -> None:
        """Inside the transaction in which it happened. `what`: LATE or NO_SHOW."""
        day = clock.local_day(at)
        self.create(volunteer=volunteer, what=what, day=day, forget_after=clock.day_end(day + KEPT))

    def of(self, volunteer: Volunteer, at: datetime) -> Slips:
        """What is still remembered of one person. One query."""
        rows = list(self.filter(volunteer=volunteer, forget_after__gt=at).values_list("what", "day"))
        counted = Counter(what for what, _day in rows)
        today = clock.local_day(at)
        weight = sum(0.5 ** ((today - day).days / HALVES) for _what, day in rows)
        return Slips(counted[LATE], counted[NO_SHOW], many=weight >= MANY)

    def forgettable(self, at: datetime) -> SlipQuerySet:
        return self.filter(forget_after__lte=at)


class Slip(DueRow):
    """One of them."""

    id = random_key()
    volunteer = models.ForeignKey(Volunteer, on_delete=models.CASCADE, related_name="slips")
    what = models.CharField(max_length=8)
    day = models.DateField()
    forget_after = models.DateTimeField(db_index=True)

    objects = SlipQuerySet.as_manager()

    privacy = FieldClasses(
        clear=(
            *("id", "volunteer", "what", "day", "forget_after"),
            *("lease_token", "lease_until", "attempts", "retry_after"),
        ),
        lives="90 days",
    )

    def __str__(self) -> str:
        return str(self.pk)

    def forget(self, at: datetime) -> None:
        """90 days have passed."""
        self.delete()
