"""The desk's rota: who of those at the desk is on call, in weekly shifts."""

from __future__ import annotations

from datetime import datetime, time
from uuid import UUID

from django.db import models
from django.db.models import Q

from notify import outbox
from notify.models import Channel
from organisation.hours import Weekly
from privacy.fields import FieldClasses
from volunteers.account import Volunteer


class OnCallQuerySet(models.QuerySet["OnCall"]):
    def add(self, *, coordinator: Volunteer, weekday: int, from_time: time, until_time: time) -> OnCall:
        """A weekly shift of somebody at the desk; the same one twice is once."""
        row, _made = self.get_or_create(
            coordinator=coordinator, weekday=weekday, from_time=from_time, until_time=until_time
        )
        return row

    def with_names(self) -> OnCallQuerySet:
        """For the list: whoever is not at the desk any more has no shift."""
        return self.filter(coordinator__in=Volunteer.objects.coordinators()).select_related("coordinator")


class OnCall(Weekly):
    """One coordinator's weekly shift."""

    coordinator = models.ForeignKey(Volunteer, on_delete=models.CASCADE, related_name="on_call")

    objects = OnCallQuerySet.as_manager()

    privacy = FieldClasses(
        clear=("id", "coordinator", "weekday", "from_time", "until_time"),
        lives="until the desk removes it, or its coordinator leaves the desk",
    )

    class Meta:
        ordering = ("weekday", "from_time", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("coordinator", "weekday", "from_time", "until_time"), name="on_call_once"
            ),
            models.CheckConstraint(condition=Q(weekday__lte=6), name="on_call_weekday"),
        )

    def change(self, *, coordinator: Volunteer, weekday: int, from_time: time, until_time: time) -> None:
        """Somebody else, another day or other times."""
        self.coordinator, self.weekday = coordinator, weekday
        self.from_time, self.until_time = from_time, until_time
        self.save(update_fields=["coordinator", "weekday", "from_time", "until_time"])


def tell(key: str, at: datetime) -> None:
    """Something waits for the desk now: whoever is on call hears that there is news.

    Everybody at the desk does where nobody is on call, or nobody who is has a way to be told.
    """
    for coordinator in who_is_told(at):
        outbox.queue(coordinator, key, at, pace="now")


def who_is_told(at: datetime) -> list[UUID]:
    """Ids of those `tell` writes to; not of somebody on call who is on a break."""
    at_desk = Volunteer.objects.coordinators()
    shifts = OnCall.objects.filter(coordinator__in=at_desk.standing(at))
    on_call = {shift.coordinator_id for shift in shifts if shift.is_now(at)}
    reached = Channel.objects.working().filter(recipient__in=on_call).values_list("recipient", flat=True)
    return sorted(set(reached)) or list(at_desk.values_list("pk", flat=True))


def leave(coordinator: Volunteer) -> None:
    """They work at the desk no longer: no shift of theirs is left, also for the day they come back."""
    OnCall.objects.filter(coordinator=coordinator).delete()
