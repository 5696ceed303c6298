"""Where an offer can be found: the derived rows matching searches, one per kind and area."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models, transaction

from organisation.models import Area
from privacy import clock
from privacy.fields import FieldClasses
from volunteers.account import NEVER, Volunteer

if TYPE_CHECKING:
    from volunteers.offers import Offer


class OfferPlaceManager(models.Manager["OfferPlace"]):
    def rebuild(self, offer: Offer, at: datetime) -> None:
        """Replace the rows of one offer.

        The home area gets the offer's reach; typed areas, and every area below them, get a reach of 0 km.
        """
        volunteer = offer.volunteer
        reach = dict.fromkeys(self._typed(offer), 0)
        if offer.home_area_id is not None:
            reach[offer.home_area_id] = offer.reach_km
        same = {
            "offer": offer,
            "volunteer": volunteer,
            "weekly": offer.weekly,
            "has_exceptions": offer.exceptions.filter(day__gte=clock.local_day(at)).exists(),
            "capacity": offer.capacity,
            "languages": volunteer.languages,
            "conditions": offer.conditions,
            "ready": offer.active and volunteer.is_let_in,
            "paused_until": volunteer.paused_until,
            "cap_per_week": volunteer.cap_per_week,
            "last_asked_at": volunteer.last_asked_at,
        }
        with transaction.atomic():
            self.filter(offer=offer).delete()
            self.bulk_create(
                OfferPlace(kind=kind, area_id=area_id, reach_km=km, **same)
                for kind in dict.fromkeys(offer.kinds)
                for area_id, km in sorted(reach.items())
            )

    def _typed(self, offer: Offer) -> list[int]:
        """Ids of the typed areas and of everything below them."""
        found: dict[int, None] = {}
        level = list(offer.areas.values_list("area_id", flat=True))
        while level:
            found.update(dict.fromkeys(level))
            below = Area.objects.filter(parent_id__in=level, active=True)
            level = [pk for pk in below.values_list("pk", flat=True) if pk not in found]
        return list(found)


class OfferPlace(models.Model):
    """One row per offer, kind and area. Written only by `rebuild` and `mark_asked`; never edited.

    reach_km: 0 for a typed area. ready: the offer is active, its volunteer let in. weekly: see Offer.
    """

    offer = models.ForeignKey(
        "volunteers.Offer", on_delete=models.CASCADE, related_name="places", db_index=False
    )
    volunteer = models.ForeignKey(Volunteer, on_delete=models.CASCADE, related_name="places")
    kind = models.CharField(max_length=30)
    area = models.ForeignKey(Area, on_delete=models.CASCADE, related_name="+", db_index=False)
    reach_km = models.PositiveSmallIntegerField(default=0)
    weekly = models.IntegerField()
    has_exceptions = models.BooleanField(default=False)
    capacity = models.PositiveSmallIntegerField()
    languages = models.BigIntegerField(default=0)
    conditions = models.BigIntegerField(default=0)
    ready = models.BooleanField(default=False)
    paused_until = models.DateField(null=True, default=None)
    cap_per_week = models.PositiveSmallIntegerField(null=True, default=None)
    last_asked_at = models.DateTimeField(default=NEVER)

    objects = OfferPlaceManager()
    privacy = FieldClasses(
        derived=(
            "id",
            "offer",
            "volunteer",
            "kind",
            "area",
            "reach_km",
            "weekly",
            "has_exceptions",
            "capacity",
            "languages",
            "conditions",
            "ready",
            "paused_until",
            "cap_per_week",
            "last_asked_at",
        ),
        lives="as long as its offer",
    )

    class Meta:
        constraints = (models.UniqueConstraint(fields=("offer", "kind", "area"), name="one_place_per_kind"),)
        indexes = (
            # Covers the whole question matching asks, in the order of fairness: the table is not touched.
            models.Index(
                fields=(
                    "kind",
                    "area",
                    "ready",
                    "last_asked_at",
                    "weekly",
                    "capacity",
                    "languages",
                    "conditions",
                    "paused_until",
                    "reach_km",
                    "has_exceptions",
                    "cap_per_week",
                    "volunteer",
                    "offer",
                ),
                name="place_search",
            ),
        )

    def __str__(self) -> str:
        return str(self.pk)
