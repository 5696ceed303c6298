"""Nights of a stay: one row for each bed and night, which the database keeps from being given twice."""

from collections.abc import Collection, Sequence
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
        """Take a bed for each person and night. Raises SomebodyWasFaster where a night has none left."""
        self.take(claim, _nights(claim))

    def take(self, claim: "Claim", nights: Sequence[date]) -> None:
        """Take a bed for each person on these nights, all or none. Inside a transaction.

        The offer's row is locked: of two at the same moment the second sees what the first took, and takes
        what is left; whoever lowers the beds waits, and sees what was taken. Raises SomebodyWasFaster.
        """
        if claim.offer_id is None or not nights:
            return
        offer = Offer.objects.hold_beds(claim.offer_id)
        if offer is None:
            raise SomebodyWasFaster
        beds, taken = offer.beds_on(nights), self._taken(offer, nights)
        rows = []
        for night in nights:
            if beds[night] < len(taken[night]) + claim.need.people:
                raise SomebodyWasFaster
            free = [bed for bed in range(beds[night]) if bed not in taken[night]]
            rows += [
                BedNight(offer=offer, night=night, bed=bed, claim=claim) for bed in free[: claim.need.people]
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
        nights = _nights(claim)
        if claim.offer is None or not nights:
            return True
        beds, taken = claim.offer.beds_on(nights), self._taken(claim.offer, nights)
        return all(len(taken[night]) + claim.need.people <= beds[night] for night in nights)

    def _taken(self, offer: Offer, nights: Collection[date]) -> dict[date, set[int]]:
        """The beds taken on each of these nights."""
        found: dict[date, set[int]] = {night: set() for night in nights}
        for night, bed in self.filter(offer=offer, night__in=nights).values_list("night", "bed"):
            found[night].add(bed)
        return found


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


def _nights(claim: "Claim") -> list[date]:
    """The nights it takes a bed for; none where its kind has no nights."""
    if not kinds.get(claim.need.kind).has_nights:
        return []
    return [claim.need.day + timedelta(days=n) for n in range(claim.need.nights)]
