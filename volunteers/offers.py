"""An offer: what a volunteer can do, where, when and how much."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, ClassVar, Self

from django.db import models, transaction

from organisation.models import Area
from privacy import clock
from privacy.fields import FieldClasses
from volunteers.account import Volunteer
from volunteers.places import OfferPlace

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

ALL_WEEK = (1 << 28) - 1
MAX_CAPACITY = 50
MAX_EXCEPTIONS = 60


class OfferQuerySet(models.QuerySet["Offer"]):
    def of(self, volunteer: Volunteer) -> Self:
        """This volunteer's own: anybody else's is a 404."""
        return self.filter(volunteer=volunteer).order_by("-active", "made_at", "pk")

    def with_details(self) -> Self:
        """With what a list of offers shows, in a fixed number of queries."""
        return self.select_related("volunteer", "home_area").prefetch_related(
            "typed_areas", "exceptions"
        )


class OfferManager(models.Manager["Offer"].from_queryset(OfferQuerySet)):  # type: ignore[misc]
    def reindex_all(self, at: datetime) -> None:
        """Rebuild every search row: needed after the tree of areas changed."""
        for offer in self.select_related("volunteer").order_by("pk").iterator(chunk_size=500):
            offer.reindex(at)


class Offer(models.Model):
    """weekly: 28 bits, bit 4 * weekday + part, Monday morning first. conditions: bits of organisation.conditions."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    volunteer = models.ForeignKey(Volunteer, on_delete=models.CASCADE, related_name="offers")
    kinds = models.JSONField(default=list)
    home_area = models.ForeignKey(
        Area, null=True, default=None, on_delete=models.SET_NULL, related_name="+"
    )
    reach_km = models.PositiveSmallIntegerField(default=0)
    typed_areas: models.ManyToManyField[Area, OfferArea] = models.ManyToManyField(
        Area, through="OfferArea", related_name="+"
    )
    weekly = models.IntegerField(default=ALL_WEEK)
    capacity = models.PositiveSmallIntegerField(default=1)
    conditions = models.BigIntegerField(default=0)
    active = models.BooleanField(default=True)
    made_at = models.DateTimeField()

    objects = OfferManager()

    if TYPE_CHECKING:
        exceptions: RelatedManager[OfferException]
        areas: RelatedManager[OfferArea]
        places: RelatedManager[OfferPlace]

    privacy = FieldClasses(
        clear=(
            "id",
            "volunteer",
            "kinds",
            "home_area",
            "reach_km",
            "typed_areas",
            "weekly",
            "capacity",
            "conditions",
            "active",
            "made_at",
        ),
        lives="until the volunteer removes it or leaves",
    )

    def __str__(self) -> str:
        return str(self.pk)

    def reindex(self, at: datetime) -> None:
        """Rebuild this offer's search rows from what it says now."""
        OfferPlace.objects.rebuild(self, at)

    def write(self, at: datetime, areas: Iterable[Area], days: dict[date, int]) -> None:
        """Store the offer with its typed areas and dated exceptions (local date → parts), and index it."""
        with transaction.atomic():
            self.save()
            OfferArea.objects.filter(offer=self).delete()
            OfferArea.objects.bulk_create(OfferArea(offer=self, area=area) for area in areas)
            OfferException.objects.filter(offer=self).delete()
            OfferException.objects.bulk_create(
                OfferException(offer=self, day=day, parts=parts) for day, parts in days.items()
            )
            self.reindex(at)

    def set_active(self, at: datetime, *, active: bool) -> None:
        """Pause or take up this one offer."""
        self.active = active
        with transaction.atomic():
            self.save(update_fields=["active"])
            self.reindex(at)

    def remove(self) -> None:
        """Delete the offer and everything derived from it."""
        self.delete()

    def weekly_on(self, day: date) -> int:
        """The parts of `day` (a mask of clock.Part) this offer has, its dated exceptions counted."""
        for exception in self.exceptions.all():
            if exception.day == day:
                return exception.parts
        return self.weekly >> (4 * day.weekday()) & clock.ALL_PARTS


class OfferArea(models.Model):
    """One area typed by the volunteer; everything below it in the tree counts too."""

    offer = models.ForeignKey(Offer, on_delete=models.CASCADE, related_name="areas")
    area = models.ForeignKey(Area, on_delete=models.CASCADE, related_name="+")

    privacy = FieldClasses(clear=("id", "offer", "area"), lives="as long as its offer")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("offer", "area"), name="one_offer_area"),)

    def __str__(self) -> str:
        return str(self.pk)


class OfferExceptionQuerySet(models.QuerySet["OfferException"]):
    def past(self, at: datetime) -> Self:
        """Days that are over."""
        return self.filter(day__lt=clock.local_day(at))


class OfferException(models.Model):
    """On this local date the offer has exactly these parts of the day, whatever the week says; 0 is not at all."""

    offer = models.ForeignKey(Offer, on_delete=models.CASCADE, related_name="exceptions")
    day = models.DateField()
    parts = models.PositiveSmallIntegerField(default=0)

    objects: ClassVar[models.Manager[OfferException]] = OfferExceptionQuerySet.as_manager()
    privacy = FieldClasses(clear=("id", "offer", "day", "parts"), lives="as long as its offer")

    class Meta:
        ordering = ("day",)
        constraints = (
            models.UniqueConstraint(fields=("offer", "day"), name="one_exception_per_day"),
        )

    def __str__(self) -> str:
        return str(self.pk)
