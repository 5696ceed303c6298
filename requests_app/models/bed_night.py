"""Nights of a stay: one row for each bed and night, which the database keeps from being given twice."""

from datetime import date, timedelta
from typing import TYPE_CHECKING

from django.db import IntegrityError, models, transaction

from organisation import kinds
from privacy.fields import FieldClasses, random_key
from privacy.states import SomebodyWasFaster
from volunteers.models import Offer

if TYPE_CHECKING:
    from requests_app.models.claim import Claim


class BedNightQuerySet(models.QuerySet["BedNight"]):
    def book(self, claim: "Claim") -> None:
        """Take a bed for each person and night. Raises SomebodyWasFaster where none is left, also
        where the last one went at this very moment (the constraint below)."""
        if claim.offer is None or not _has_nights(claim):
            return
        taken = set(self._around(claim).values_list("night", "bed"))
        rows = []
        for night in _nights(claim):
            free = [b for b in range(claim.offer.capacity) if (night, b) not in taken]
            if len(free) < claim.need.people:
                raise SomebodyWasFaster
            rows += [
                BedNight(offer=claim.offer, night=night, bed=bed, claim=claim)
                for bed in free[: claim.need.people]
            ]
        try:
            with transaction.atomic():
                self.bulk_create(rows)
        except IntegrityError:
            raise SomebodyWasFaster from None

    def free(self, claim: "Claim") -> None:
        """Give the beds back."""
        self.filter(claim=claim).delete()

    def has_room(self, claim: "Claim") -> bool:
        """Whether every night still has a bed for everybody."""
        if claim.offer is None or not _has_nights(claim):
            return True
        taken = list(self._around(claim).values_list("night", flat=True))
        room = claim.offer.capacity - claim.need.people
        return all(taken.count(night) <= room for night in _nights(claim))

    def _around(self, claim: "Claim") -> "BedNightQuerySet":
        return self.filter(offer=claim.offer, night__in=_nights(claim))


class BedNight(models.Model):
    """One bed of one offer, one night, one claim."""

    id = random_key()
    offer = models.ForeignKey(Offer, models.CASCADE, related_name="bed_nights")
    night = models.DateField()
    bed = models.PositiveSmallIntegerField()
    claim = models.ForeignKey("requests_app.Claim", models.CASCADE, related_name="bed_nights")

    objects = BedNightQuerySet.as_manager()

    privacy = FieldClasses(clear=("id", "offer", "night", "bed", "claim"), lives="until its claim ends")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["offer", "night", "bed"], name="bed_night_once")]


def _has_nights(claim: "Claim") -> bool:
    return kinds.get(claim.need.kind).has_nights


def _nights(claim: "Claim") -> list[date]:
    return [claim.need.day + timedelta(days=n) for n in range(claim.need.nights)]
