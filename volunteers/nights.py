"""Beds, night by night: the usual number for each weekday, and dated nights that differ from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, cast

from django.db import models, transaction
from django.db.models import Count

from privacy import clock
from privacy.due import DueQuerySet, DueRow
from privacy.fields import FieldClasses
from volunteers.account import Volunteer

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

    from volunteers.offers import Offer

DAY, WEEK = timedelta(days=1), 7
# Seven numbers of six bits, Monday's the lowest.
BED_BITS, BED_MASK = 6, 63
MOST_NIGHTS = 60
MOST_NOTICE = 24 * 14
# How far ahead nights can be said.
FURTHEST_NIGHT = timedelta(days=366)
# What all adults in a home agreed to is asked again after this time.
AGREED_FOR = timedelta(days=365)
# Until when somebody may arrive, as parts of the day; later than midnight is a condition of its own.
BY_AFTERNOON = int(clock.Part.MORNING | clock.Part.AFTERNOON)
BY_EVENING = int(BY_AFTERNOON | clock.Part.EVENING)
BY_MIDNIGHT = int(clock.ALL_PARTS)


class Promised(ValueError):
    """More beds are promised on this night than would be left."""

    def __init__(self, night: date, beds: int) -> None:
        super().__init__()
        self.night, self.beds = night, beds


def packed(beds: Sequence[int]) -> int:
    """Seven numbers of beds, Monday first, as one integer."""
    return sum(number << BED_BITS * weekday for weekday, number in enumerate(beds))


def unpacked(beds_week: int) -> list[int]:
    """The seven numbers of one integer, Monday first."""
    return [beds_week >> BED_BITS * weekday & BED_MASK for weekday in range(WEEK)]


@dataclass(frozen=True)
class Night:
    """One night of a calendar: how many beds there are, and how many are taken."""

    day: date
    beds: int
    taken: int

    @property
    def free(self) -> int:
        return max(0, self.beds - self.taken)


@dataclass(frozen=True)
class Run:
    """Nights one after the other that have the same number of beds."""

    first: date
    last: date
    beds: int


class HasBeds(models.Model):
    """That part of an offer (volunteers/offers.py): of use to any kind that takes nights.

    beds_week: see `packed`; None is as many as `capacity` every night. arrivals: a mask of parts of the day.
    house: organisation.house.bits. What is promised stays promised: no verb leaves a night fewer beds than
    are taken. The offer's row is locked by whoever changes its beds and by whoever books one, and last.
    """

    beds_week = models.BigIntegerField(null=True, default=None)
    most_nights = models.PositiveSmallIntegerField(null=True, default=None)
    notice_hours = models.PositiveSmallIntegerField(default=0)
    arrivals = models.PositiveSmallIntegerField(default=BY_MIDNIGHT)
    house = models.BigIntegerField(default=0)
    adults_agreed_on = models.DateField(null=True, default=None)

    class Meta:
        abstract = True

    if TYPE_CHECKING:
        capacity: int
        nights: RelatedManager[OfferNight]
        # Of a room above: what was taken of this offer (requests_app/models/bed_night.py).
        bed_nights: RelatedManager[models.Model]

    def beds_of_week(self) -> list[int]:
        """The usual beds, Monday first: never more than the people they can take."""
        if self.beds_week is None:
            return [self.capacity] * WEEK
        return [min(beds, self.capacity) for beds in unpacked(self.beds_week)]

    def beds_on(self, nights: Iterable[date]) -> dict[date, int]:
        """How many beds there are on each of these nights, taken or not. One query."""
        wanted, usual = list(nights), self.beds_of_week()
        said = dict(self.nights.filter(night__in=wanted).values_list("night", "beds"))
        return {night: min(said.get(night, usual[night.weekday()]), self.capacity) for night in wanted}

    def taken_from(self, day: date) -> dict[date, int]:
        """How many beds are taken on each night from `day` on; nights with none are left out. One query."""
        rows = self.bed_nights.filter(night__gte=day).values_list("night")
        return dict(rows.annotate(Count("pk")).order_by("night"))

    def calendar(self, day: date, weeks: int) -> list[list[Night]]:
        """Whole weeks, Monday first, from the one `day` lies in. Two queries."""
        monday = day - day.weekday() * DAY
        nights = [monday + n * DAY for n in range(WEEK * weeks)]
        beds, taken = self.beds_on(nights), self.taken_from(monday)
        shown = [Night(night, beds[night], taken.get(night, 0)) for night in nights]
        return [shown[start : start + WEEK] for start in range(0, len(shown), WEEK)]

    def set_nights(self, first: date, last: date, weekdays: Iterable[int], beds: int, at: datetime) -> None:
        """From `first` to `last`, on these weekdays (0 is Monday; none: on all), exactly so many beds.

        Replaces what was said of those nights. Errors: Promised.
        """
        nights = list(nights_between(first, last, weekdays))
        with transaction.atomic():
            self._hold_beds()
            self.nights.filter(night__in=nights).delete()
            self.nights.bulk_create(
                OfferNight(
                    offer=cast("Offer", self),
                    night=night,
                    beds=min(beds, self.capacity),
                    forget_after=clock.day_end(night),
                )
                for night in nights
            )
            self._keep_promises(at)

    def clear_nights(self, first: date, last: date, at: datetime) -> None:
        """The week decides over these nights again. Twice is harmless. Errors: Promised."""
        with transaction.atomic():
            self._hold_beds()
            self.nights.filter(night__range=(first, last)).delete()
            self._keep_promises(at)

    def runs(self, day: date) -> list[Run]:
        """The dated nights from `day` on, those one after the other with the same beds as one."""
        found: list[Run] = []
        for row in self.nights.all():
            if row.night < day:
                continue
            if found and found[-1].beds == row.beds and found[-1].last + DAY == row.night:
                found[-1] = Run(found[-1].first, row.night, row.beds)
            else:
                found.append(Run(row.night, row.night, row.beds))
        return found

    def agreed_until(self) -> date | None:
        """The day on which it must be said again that all adults agree; None where it was never said."""
        return self.adults_agreed_on + AGREED_FOR if self.adults_agreed_on else None

    def adults_agree(self, at: datetime) -> bool:
        """Whether it was said within a year that all adults in the home agree."""
        until = self.agreed_until()
        return until is not None and clock.local_day(at) < until

    def say_adults_agree(self, at: datetime) -> None:
        """All adults in the home agree, said today."""
        offer = cast("Offer", self)
        with transaction.atomic():
            offer._see_owner()
            self.adults_agreed_on = clock.local_day(at)
            offer.save(update_fields=["adults_agreed_on"])
            offer.reindex(at)

    def _hold_beds(self) -> None:
        """Lock whoever offers, then this offer: nobody books a bed of it meanwhile."""
        offer = cast("Offer", self)
        offer.volunteer = Volunteer.objects.lock(offer.volunteer_id)
        locked = type(offer).objects.hold_beds(offer.pk)
        if locked is not None:
            self.capacity, self.beds_week = locked.capacity, locked.beds_week

    def _keep_promises(self, at: datetime) -> None:
        taken = self.taken_from(clock.local_day(at))
        beds = self.beds_on(taken)
        for night, promised in taken.items():
            if promised > beds[night]:
                raise Promised(night, promised)


def nights_between(first: date, last: date, weekdays: Iterable[int]) -> Iterator[date]:
    """From one to the other, both counted, on these weekdays (0 is Monday; none: on all)."""
    on = set(weekdays) or set(range(WEEK))
    night = first
    while night <= last:
        if night.weekday() in on:
            yield night
        night += DAY


class OfferNightQuerySet(DueQuerySet["OfferNight"]):
    def over(self, at: datetime) -> OfferNightQuerySet:
        """Nights that are over."""
        return self.filter(forget_after__lte=at)


class OfferNight(DueRow):
    """On this night the offer has exactly so many beds, whatever the week says; 0 is none."""

    offer = models.ForeignKey("volunteers.Offer", on_delete=models.CASCADE, related_name="nights")
    night = models.DateField()
    beds = models.PositiveSmallIntegerField()
    forget_after = models.DateTimeField(db_index=True)

    objects = OfferNightQuerySet.as_manager()

    privacy = FieldClasses(
        clear=(
            *("id", "offer", "night", "beds", "forget_after"),
            *("lease_token", "lease_until", "attempts", "retry_after"),
        ),
        lives="until the night is over",
    )

    class Meta:
        ordering = ("night",)
        constraints = (models.UniqueConstraint(fields=("offer", "night"), name="one_number_of_beds_a_night"),)

    def __str__(self) -> str:
        return str(self.pk)

    def forget(self, at: datetime) -> None:
        """The night is over: what was said of it is of no use to anybody."""
        self.delete()
