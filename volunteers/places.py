"""Where an offer can be found: the derived rows matching searches, one per kind and area."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import models, transaction

from organisation import kinds
from organisation.models import Area
from privacy import clock
from privacy.fields import FieldClasses
from volunteers.account import NEVER, Volunteer, hour_number
from volunteers.checks import NO_CHECKS, Check
from volunteers.nights import packed
from volunteers.supply import Key, Most, Supply, range_of

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
        days = offer.exceptions.filter(day__gte=clock.local_day(at)).values_list("day", "parts")
        possible = offer.weekly
        for day, parts in days:
            possible |= clock.weekly_bits(day, parts)
        same = _of_volunteer(volunteer) | {
            "offer": offer,
            "weekly": offer.weekly,
            "possible": possible,
            "has_exceptions": bool(days),
            "capacity": offer.capacity,
            "conditions": offer.conditions,
            "notice_hours": offer.notice_hours,
            "beds_week": packed(offer.beds_of_week()),
        }
        with transaction.atomic():
            self.filter(offer=offer).delete()
            places = self.bulk_create(
                OfferPlace(kind=kind, area_id=area_id, reach_km=km, range_km=range_of(km), **own, **same)
                for kind, own in self._of_each_kind(offer).items()
                for area_id, km in sorted(reach.items())
            )
            Supply.objects.widen(places)

    def _of_each_kind(self, offer: Offer) -> dict[str, dict[str, Any]]:
        """kind → the columns that differ by kind."""
        volunteer = offer.volunteer
        in_use = offer.active and volunteer.is_let_in and not volunteer.held_back
        known = [kind for kind in kinds.all() if kind.slug in offer.kinds]
        checked = Check.objects.standings(volunteer, known)
        found = {kind: checked.get(kind, NO_CHECKS) for kind in dict.fromkeys(offer.kinds)}
        return {
            kind: {
                "ready": in_use and not checks.missing,
                "checked_until": checks.until,
                **_home(offer, kind),
            }
            for kind, checks in found.items()
        }

    def tighten_supply(self) -> None:
        """Count anew the most that offers could meet: what left since then no longer counts."""
        with transaction.atomic():
            Supply.objects.hold()
            rows = self.filter(ready=True).values_list(*Key._fields, *Most._fields)
            found = rows.iterator(chunk_size=10_000)
            Supply.objects.replace((Key(*row[:3]), Most(*row[3:])) for row in found)

    def _typed(self, offer: Offer) -> list[int]:
        """Ids of the typed areas and of everything below them."""
        found: dict[int, None] = {}
        level = list(offer.areas.values_list("area_id", flat=True))
        while level:
            found.update(dict.fromkeys(level))
            below = Area.objects.filter(parent_id__in=level, active=True)
            level = [pk for pk in below.values_list("pk", flat=True) if pk not in found]
        return list(found)


def _of_volunteer(volunteer: Volunteer) -> dict[str, Any]:
    """What is the same in every row of one person."""
    return {
        "volunteer": volunteer,
        "languages": volunteer.languages,
        "paused_until": volunteer.paused_until,
        "cap_per_week": volunteer.cap_per_week,
        "rest_days": volunteer.rest_days,
        "probation": volunteer.probation,
        "partner": volunteer.is_partner,
        "asked_hour": hour_number(volunteer.last_asked_at),
        "asks_per_day": volunteer.asks_per_day,
        "asked_day": volunteer.asked_day,
        "asked_today": volunteer.asked_today,
    }


def _home(offer: Offer, slug: str) -> dict[str, Any]:
    """What only some kinds ask of an offer; what a kind does not ask keeps nobody from being found."""
    kind, found = kinds.find(slug), dict[str, Any]()
    if kind and kind.has_nights:
        found = {"most_nights": offer.most_nights, "arrivals": offer.arrivals}
    if kind and kind.household_agrees:
        found["agreed_until"] = offer.agreed_until() or NEVER.date()
    return found


class OfferPlace(models.Model):
    """One row per offer, kind and area. Written only by `rebuild` and `mark_asked`; never edited.

    reach_km: 0 for a typed area; range_km: the same in a few steps. ready: the offer is active, its
    volunteer let in, no required check missing. checked_until: the first day on which one of their checks for
    this kind does not count any more. weekly: see Offer.
    possible: weekly, with whatever dated exceptions add on some date, so never less than the truth.
    asked_hour: when the volunteer was last asked, see account.hour_number.
    beds_week: see nights.packed. most_nights, arrivals and agreed_until limit only kinds that have nights, or
    where the home has to agree. agreed_until: until then what all adults said holds; None asks nothing.
    """

    offer = models.ForeignKey(
        "volunteers.Offer", on_delete=models.CASCADE, related_name="places", db_index=False
    )
    volunteer = models.ForeignKey(Volunteer, on_delete=models.CASCADE, related_name="places")
    kind = models.CharField(max_length=30)
    area = models.ForeignKey(Area, on_delete=models.CASCADE, related_name="+", db_index=False)
    reach_km = models.PositiveSmallIntegerField(default=0)
    range_km = models.PositiveSmallIntegerField()
    weekly = models.IntegerField()
    possible = models.IntegerField()
    has_exceptions = models.BooleanField(default=False)
    capacity = models.PositiveSmallIntegerField()
    languages = models.BigIntegerField(default=0)
    conditions = models.BigIntegerField(default=0)
    ready = models.BooleanField(default=False)
    paused_until = models.DateField(null=True, default=None)
    cap_per_week = models.PositiveSmallIntegerField(null=True, default=None)
    checked_until = models.DateField(null=True, default=None)
    probation = models.BooleanField(default=False)
    partner = models.BooleanField(default=False)
    beds_week = models.BigIntegerField(default=0)
    most_nights = models.PositiveSmallIntegerField(null=True, default=None)
    notice_hours = models.PositiveSmallIntegerField(default=0)
    arrivals = models.PositiveSmallIntegerField(default=15)
    agreed_until = models.DateField(null=True, default=None)
    rest_days = models.PositiveSmallIntegerField(default=0)
    asked_hour = models.PositiveIntegerField(default=0)
    asks_per_day = models.PositiveSmallIntegerField(null=True, default=None)
    asked_day = models.PositiveIntegerField(default=0)
    asked_today = models.PositiveSmallIntegerField(default=0)

    objects = OfferPlaceManager()
    privacy = FieldClasses(
        derived=(
            "id",
            "offer",
            "volunteer",
            "kind",
            "area",
            "reach_km",
            "range_km",
            "weekly",
            "possible",
            "has_exceptions",
            "capacity",
            "languages",
            "conditions",
            "ready",
            "paused_until",
            "cap_per_week",
            "checked_until",
            "probation",
            "partner",
            "beds_week",
            "most_nights",
            "notice_hours",
            "arrivals",
            "agreed_until",
            "rest_days",
            "asked_hour",
            "asks_per_day",
            "asked_day",
            "asked_today",
        ),
        lives="as long as its offer",
    )

    class Meta:
        constraints = (models.UniqueConstraint(fields=("offer", "kind", "area"), name="one_place_per_kind"),)
        indexes = (
            # Covers the whole question matching asks: the table is not touched. In the order in which
            # people are found: reading stops when there are enough. Who does not go so far costs nothing.
            models.Index(
                fields=(
                    "kind",
                    "area",
                    "ready",
                    "range_km",
                    "asked_hour",
                    "offer",
                    "reach_km",
                    "possible",
                    "capacity",
                    "conditions",
                    "languages",
                    "weekly",
                    "paused_until",
                    "has_exceptions",
                    "cap_per_week",
                    "checked_until",
                    "probation",
                    "partner",
                    "beds_week",
                    "most_nights",
                    "notice_hours",
                    "arrivals",
                    "agreed_until",
                    "rest_days",
                    "asks_per_day",
                    "asked_day",
                    "asked_today",
                    "volunteer",
                ),
                name="place_search",
            ),
        )

    def __str__(self) -> str:
        return str(self.pk)
