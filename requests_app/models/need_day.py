"""The dates a need touches, as rows that matching joins."""

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.db import models

from privacy import clock
from privacy.fields import FieldClasses, random_key

if TYPE_CHECKING:
    from requests_app.models.need import Need


class NeedDayManager(models.Manager["NeedDay"]):
    def make(self, need: "Need") -> None:
        """One row for each date of a need: of a new one, or of one whose dates changed."""
        self.filter(need=need).delete()
        rows = day_parts(need.day, need.parts, need.covers, need.nights)
        self.bulk_create(
            NeedDay(
                need=need,
                day=day,
                weekday_shift=4 * day.weekday(),
                any_parts=any_parts,
                all_parts=all_parts,
                night=night,
            )
            for day, any_parts, all_parts, night in rows
        )


class NeedDay(models.Model):
    """One date a need touches: which parts would do, which must be covered, and whether it is a night."""

    id = random_key()
    need = models.ForeignKey("requests_app.Need", models.CASCADE, related_name="days")
    day = models.DateField()
    weekday_shift = models.PositiveSmallIntegerField()
    any_parts = models.PositiveSmallIntegerField()
    all_parts = models.PositiveSmallIntegerField()
    night = models.BooleanField(default=False)

    objects = NeedDayManager()

    privacy = FieldClasses(
        clear=("id", "need", "day", "any_parts", "all_parts", "night"),
        derived=("weekday_shift",),
        lives="until its need is purged",
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["need", "day"], name="need_day_once")]


def day_parts(day: date, parts: int, covers: int, nights: int) -> list[tuple[date, int, int, bool]]:
    """(date, parts of which one must do, parts that must all do, is it a night) for each date."""
    night = int(clock.Part.NIGHT) if nights else 0
    rows = [(day, parts, covers | night, bool(nights))]
    rows += [(day + timedelta(days=n), 0, night, True) for n in range(1, nights)]
    return rows


def week_covered(day: date, parts: int, covers: int, nights: int) -> int:
    """All the parts that must be covered, as one 28-bit weekly mask."""
    mask = 0
    for one, _any_parts, all_parts, _night in day_parts(day, parts, covers, nights):
        mask |= clock.weekly_bits(one, all_parts)
    return mask


def chances(day: date, parts: int) -> list[tuple[datetime, datetime]]:
    """When each part of `day` that would do begins and ends, in order; `parts` is never empty."""
    return [(clock.part_start(day, part), clock.part_end(day, part)) for part in clock.Part if parts & part]
