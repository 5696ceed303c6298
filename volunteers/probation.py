"""Probation: since when somebody helps only beside somebody experienced, and how often they did."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import models, transaction
from django.db.models import F

from privacy import clock
from privacy.fields import FieldClasses
from volunteers.account import Volunteer


class ProbationManager(models.Manager["Probation"]):
    def of(self, volunteer: Volunteer) -> Probation | None:
        """Theirs, if they are on probation."""
        return self.filter(volunteer=volunteer).first()

    def begin(self, volunteer: Volunteer, at: datetime) -> None:
        """From today on. Twice is harmless. Inside a transaction that holds their lock."""
        self.get_or_create(volunteer=volunteer, defaults={"since": clock.local_day(at)})
        volunteer.set_probation(at, on=True)

    def end(self, volunteer: Volunteer, at: datetime) -> None:
        """They may go alone. Twice is harmless; the count is forgotten."""
        with transaction.atomic():
            volunteer = Volunteer.objects.lock(volunteer.pk)
            self.filter(volunteer=volunteer).delete()
            volunteer.set_probation(at, on=False)

    def went_along(self, volunteer_id: UUID) -> None:
        """They went along, and it was done. Nothing for whoever is not on probation."""
        self.filter(volunteer=volunteer_id).update(went_along=F("went_along") + 1)


class Probation(models.Model):
    """One person's. `went_along`: how many times; with whom or to what is not kept."""

    volunteer = models.OneToOneField(
        Volunteer, primary_key=True, on_delete=models.CASCADE, related_name="probation_row"
    )
    since = models.DateField()
    went_along = models.PositiveSmallIntegerField(default=0)

    objects = ProbationManager()
    privacy = FieldClasses(clear=("volunteer", "since", "went_along"), lives="until the desk ends it")

    def __str__(self) -> str:
        return str(self.pk)
