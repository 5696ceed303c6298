"""The clock: one moment per request or duty, read from the database, and the parts of a day.

Whoever acts (a view, a task, a command) calls `now()` once and hands the moment down as `at`.
Tests replace it as a whole: `monkeypatch.setattr("privacy.clock.now", lambda: AT)`.
"""

import time
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from enum import IntFlag

from django.db import connection
from django.utils import timezone

__all__ = [
    "ALL_PARTS",
    "UTC",
    "Part",
    "day_end",
    "hour",
    "jumped",
    "local_day",
    "now",
    "part_end",
    "part_of",
    "part_start",
    "quarter_down",
    "quarter_up",
    "trust",
    "weekly_bits",
]

DAY_BEGINS = timedelta(hours=5)
QUARTER = timedelta(minutes=15)
MAX_DISAGREEMENT = 60.0  # seconds


class Part(IntFlag):
    """The four parts of a local day, which begins at 05:00. Several together are a mask of 4 bits."""

    MORNING = 1  # 05:00 to 12:00
    AFTERNOON = 2  # 12:00 to 17:00
    EVENING = 4  # 17:00 to 22:00
    NIGHT = 8  # 22:00 to 05:00 of the next date


ALL_PARTS = Part.MORNING | Part.AFTERNOON | Part.EVENING | Part.NIGHT

# The hour each part begins, in order, then the hour the next day begins (24 + 5).
_BEGINS = (5, 12, 17, 22, 29)
_SINGLE = tuple(Part)


def now() -> datetime:
    """The database's clock, in UTC: several machines then agree on what is due. One query."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Not now(): that one stands still within a transaction.
            cursor.execute("SELECT clock_timestamp()")
            moment: datetime = cursor.fetchone()[0]
            return moment.astimezone(UTC)
        cursor.execute("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')")
        return datetime.fromisoformat(cursor.fetchone()[0]).replace(tzinfo=UTC)


def hour(at: datetime) -> datetime:
    """The full hour `at` lies in: as exact as anything stored about the asker gets."""
    return at.replace(minute=0, second=0, microsecond=0)


def quarter_up(at: datetime) -> datetime:
    """The next full quarter of an hour; `at` itself where it is one."""
    full = hour(at)
    return full - (full - at) // QUARTER * QUARTER


def quarter_down(at: datetime) -> datetime:
    """The quarter of an hour `at` lies in: "at once", of somebody whose exact time is nobody's business."""
    full = hour(at)
    return full + (at - full) // QUARTER * QUARTER


def _local(at: datetime) -> datetime:
    return at.astimezone(timezone.get_default_timezone()).replace(tzinfo=None)


def local_day(at: datetime) -> date:
    """The date of the local day `at` lies in; until 05:00 that is yesterday's."""
    return (_local(at) - DAY_BEGINS).date()


def part_of(at: datetime) -> Part:
    """The part of its local day `at` lies in."""
    since_midnight = (_local(at) - DAY_BEGINS).hour + _BEGINS[0]
    return next(part for part, ends in zip(_SINGLE, _BEGINS[1:], strict=True) if since_midnight < ends)


def part_start(day: date, part: Part | int) -> datetime:
    """When `part` of `day` begins, in UTC. Raises ValueError for a mask of several parts or none."""
    return _moment(day, _BEGINS[_SINGLE.index(Part(part))])


def part_end(day: date, part: Part | int) -> datetime:
    """When `part` of `day` ends, in UTC: the night of the 3rd ends on the 4th at 05:00."""
    return _moment(day, _BEGINS[_SINGLE.index(Part(part)) + 1])


def day_end(day: date) -> datetime:
    """When the local day ends, in UTC: 05:00 of the next date."""
    return part_end(day, Part.NIGHT)


def _moment(day: date, hours: int) -> datetime:
    on = day + timedelta(days=hours // 24)
    local = datetime.combine(on, time_of_day(hours % 24), timezone.get_default_timezone())
    return local.astimezone(UTC)


def weekly_bits(day: date, parts: int) -> int:
    """`parts` of `day` in a weekly mask of 28 bits: four per weekday, Monday's the lowest."""
    return (parts & ALL_PARTS) << (4 * day.weekday())


def _difference() -> float:
    """Wall clock minus the clock nobody can set, which also counts while the machine sleeps."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


_trusted_difference = _difference()


def jumped() -> bool:
    """Whether the wall clock was set by more than a minute since this process started, or since `trust`.

    Nothing may be destroyed on the word of such a clock: the desk decides.
    """
    return abs(_difference() - _trusted_difference) > MAX_DISAGREEMENT


def trust() -> None:
    """Somebody looked: the clock is right as it is now."""
    global _trusted_difference
    _trusted_difference = _difference()
