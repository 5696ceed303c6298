"""The dates a task touches, as rows that matching joins."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.db import models

from privacy import clock
from privacy.fields import FieldClasses, random_key

if TYPE_CHECKING:
    from requests_app.models.task import Task


class NeedDayManager(models.Manager["NeedDay"]):
    def make(self, tasks: "Iterable[Task]") -> None:
        """One row for each date of each of these tasks: of new ones, or of those whose dates changed."""
        tasks = list(tasks)
        self.filter(task__in=tasks).delete()
        self.bulk_create(
            NeedDay(
                need=task.need,
                task=task,
                day=day,
                weekday_shift=4 * day.weekday(),
                any_parts=any_parts,
                all_parts=all_parts,
                night=night,
            )
            for task in tasks
            for day, any_parts, all_parts, night in day_parts(
                task.need.day, task.parts, task.covers, task.need.nights
            )
        )


class NeedDay(models.Model):
    """One date a task touches: which parts would do, which must be covered, and whether it is a night."""

    id = random_key()
    need = models.ForeignKey("requests_app.Need", models.CASCADE, related_name="days")
    task = models.ForeignKey("requests_app.Task", models.CASCADE, related_name="days")
    day = models.DateField()
    weekday_shift = models.PositiveSmallIntegerField()
    any_parts = models.PositiveSmallIntegerField()
    all_parts = models.PositiveSmallIntegerField()
    night = models.BooleanField(default=False)

    objects = NeedDayManager()

    privacy = FieldClasses(
        clear=("id", "need", "task", "day", "any_parts", "all_parts", "night"),
        derived=("weekday_shift",),
        lives="until its need is purged",
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["task", "day"], name="task_day_once")]


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
