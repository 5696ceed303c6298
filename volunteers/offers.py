"""An offer: what a volunteer can do, where, when and how much."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, Self

from django.db import models, transaction

from organisation import kinds
from organisation.models import Area
from privacy import clock
from privacy.fields import FieldClasses
from volunteers.account import Volunteer
from volunteers.nights import HasBeds, Promised
from volunteers.places import OfferPlace
from volunteers.supply import Supply
from volunteers.week import ALL_WEEK, part_names

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

MAX_CAPACITY = 50
MAX_EXCEPTIONS = 60


class TooManyDays(ValueError):
    """An offer has at most MAX_EXCEPTIONS days of its own."""


class OfferQuerySet(models.QuerySet["Offer"]):
    def of(self, volunteer: Volunteer) -> Self:
        """This volunteer's own: anybody else's is a 404."""
        return self.filter(volunteer=volunteer).order_by("-active", "made_at", "pk")

    def with_details(self) -> Self:
        """With what a list of offers shows, in a fixed number of queries."""
        return self.select_related("volunteer", "home_area").prefetch_related(
            "typed_areas", "exceptions", "nights"
        )

    def draft(self, volunteer: Volunteer, once: uuid.UUID, at: datetime) -> Offer:
        """A new offer, not stored yet; or the one a form with this mark made when it was posted before."""
        found = self.filter(pk=once).first()
        if found is None:
            return Offer(pk=once, volunteer=volunteer, made_at=clock.hour(at))
        if found.volunteer_id != volunteer.pk:
            return Offer(volunteer=volunteer, made_at=clock.hour(at))
        return found

    def hold_beds(self, pk: uuid.UUID) -> Offer | None:
        """The offer as it is now, locked: nobody else books its beds, or changes how many there are, until
        the transaction ends. The last lock anybody takes."""
        return self.select_for_update(no_key=True).filter(pk=pk).first()

    def reindex_all(self, at: datetime) -> None:
        """Rebuild every search row: needed after the tree of areas changed."""
        with transaction.atomic():
            Supply.objects.hold()
            for offer in self.select_related("volunteer").order_by("pk").iterator(chunk_size=500):
                offer.reindex(at)
            OfferPlace.objects.tighten_supply()


class Offer(HasBeds):
    """weekly: 28 bits, Monday morning first (clock.weekly_bits). conditions: organisation.conditions.bits."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    volunteer = models.ForeignKey(Volunteer, on_delete=models.CASCADE, related_name="offers")
    kinds = models.JSONField(default=list)
    home_area = models.ForeignKey(Area, null=True, default=None, on_delete=models.PROTECT, related_name="+")
    reach_km = models.PositiveSmallIntegerField(default=0)
    typed_areas: models.ManyToManyField[Area, OfferArea] = models.ManyToManyField(
        Area, through="OfferArea", related_name="+"
    )
    weekly = models.IntegerField(default=ALL_WEEK)
    capacity = models.PositiveSmallIntegerField(default=1)
    conditions = models.BigIntegerField(default=0)
    active = models.BooleanField(default=True)
    made_at = models.DateTimeField()

    objects = OfferQuerySet.as_manager()

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
            "weekly",
            "capacity",
            "conditions",
            "active",
            "made_at",
            *("beds_week", "most_nights", "notice_hours", "arrivals", "house", "adults_agreed_on"),
        ),
        lives="until the volunteer removes it or leaves",
    )

    def __str__(self) -> str:
        return str(self.pk)

    def reindex(self, at: datetime) -> None:
        """Rebuild this offer's search rows from what it says now."""
        OfferPlace.objects.rebuild(self, at)

    def write(self, at: datetime, areas: Iterable[Area]) -> None:
        """Store the offer, new or changed, with its typed areas, and index it. Errors: Promised."""
        with transaction.atomic():
            self._see_owner()
            Offer.objects.hold_beds(self.pk)
            self.save()
            self.nights.filter(beds__gt=self.capacity).update(beds=self.capacity)
            self._keep_promises(at)
            OfferArea.objects.filter(offer=self).delete()
            OfferArea.objects.bulk_create(OfferArea(offer=self, area=area) for area in areas)
            self.reindex(at)

    def set_day(self, day: date, parts: int, at: datetime) -> None:
        """On `day` exactly these parts of the day, 0 for not at all; replaces what was said of that day.

        Errors: TooManyDays.
        """
        with transaction.atomic():
            self._see_owner()
            self._forget_past_days(at)
            OfferException.objects.update_or_create(offer=self, day=day, defaults={"parts": parts})
            if self.exceptions.count() > MAX_EXCEPTIONS:
                raise TooManyDays
            self.reindex(at)

    def clear_day(self, day: date, at: datetime) -> None:
        """The week decides over `day` again. Twice is harmless."""
        with transaction.atomic():
            self._see_owner()
            self._forget_past_days(at)
            self.exceptions.filter(day=day).delete()
            self.reindex(at)

    def _see_owner(self) -> None:
        """Lock whoever offers, and see how they stand now: suspended meanwhile, they must not be found."""
        self.volunteer = Volunteer.objects.lock(self.volunteer_id)

    def _forget_past_days(self, at: datetime) -> None:
        self.exceptions.filter(day__lt=clock.local_day(at)).delete()

    def set_active(self, at: datetime, *, active: bool) -> None:
        """Pause or take up this one offer."""
        self.active = active
        with transaction.atomic():
            self._see_owner()
            self.save(update_fields=["active"])
            self.reindex(at)

    def remove(self, at: datetime) -> None:
        """Delete the offer and everything derived from it. Errors: Promised, where somebody is to sleep."""
        with transaction.atomic():
            self._hold_beds()
            for night, beds in self.taken_from(clock.local_day(at)).items():
                raise Promised(night, beds)
            self.delete()

    def kind_names(self) -> list[str]:
        """What it is for, in the language of the page; kinds that are gone are passed over."""
        names = dict(kinds.offer_choices())
        return [names[slug] for slug in self.kinds if slug in names]

    def takes_nights(self) -> bool:
        """Whether it is for a kind that takes beds for nights."""
        return any(kind.has_nights for slug in self.kinds if (kind := kinds.find(slug)))

    def asks_household(self) -> bool:
        """Whether it is for a kind where all adults in the home have to agree."""
        return any(kind.household_agrees for slug in self.kinds if (kind := kinds.find(slug)))

    def weekly_on(self, day: date) -> int:
        """The parts of `day` (a mask of clock.Part) this offer has, its dated exceptions counted."""
        for exception in self.exceptions.all():
            if exception.day == day:
                return exception.parts
        return self.weekly >> (4 * day.weekday()) & clock.ALL_PARTS


class OfferArea(models.Model):
    """One area typed by the volunteer; everything below it in the tree counts too."""

    offer = models.ForeignKey(Offer, on_delete=models.CASCADE, related_name="areas")
    area = models.ForeignKey(Area, on_delete=models.PROTECT, related_name="+")

    privacy = FieldClasses(clear=("id", "offer", "area"), lives="as long as its offer")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("offer", "area"), name="one_offer_area"),)

    def __str__(self) -> str:
        return str(self.pk)


class OfferException(models.Model):
    """On this local date the offer has exactly these parts, whatever the week says; 0 is not at all."""

    offer = models.ForeignKey(Offer, on_delete=models.CASCADE, related_name="exceptions")
    day = models.DateField()
    parts = models.PositiveSmallIntegerField(default=0)

    privacy = FieldClasses(clear=("id", "offer", "day", "parts"), lives="as long as its offer")

    class Meta:
        ordering = ("day",)
        constraints = (models.UniqueConstraint(fields=("offer", "day"), name="one_exception_per_day"),)

    def __str__(self) -> str:
        return str(self.pk)

    def part_names(self) -> list[str]:
        """When they are free on that day, in words; empty is not at all."""
        return part_names(self.parts)
