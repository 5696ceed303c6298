"""The clock: one moment per request or duty, read from the database, and the parts of a day.

Whoever acts (a view, a command) calls `now()` once and hands the moment down as `at`; the broom goes by
`steady()`. Tests replace it as a whole: `monkeypatch.setattr("privacy.clock.now", lambda: AT)`.

Two clocks can be set: this machine's and the database's. Both are compared with the one nobody can set
(CLOCK_BOOTTIME, which also counts through sleep). docs/decisions/the-clock.md
"""

import math
import mmap
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from enum import IntFlag

from django.db import connection
from django.utils import timezone

__all__ = [
    "ALL_PARTS",
    "UTC",
    "Part",
    "Reading",
    "at_minutes",
    "at_once",
    "day_end",
    "hour",
    "hours_of",
    "in_question",
    "jumped",
    "local_day",
    "now",
    "part_end",
    "part_of",
    "part_start",
    "quarter_down",
    "quarter_up",
    "read",
    "steady",
    "trust",
    "waits_for_a_word",
    "weekly_bits",
]

DAY_BEGINS = timedelta(hours=5)
QUARTER = timedelta(minutes=15)
MAX_DISAGREEMENT = 60.0  # seconds
QUICK = 1.0  # seconds: an answer that took longer says little about the clock it was read from


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


@dataclass(frozen=True)
class Reading:
    """One look at the clocks. `raw`: what the database's says. `steady`: what it would say if nobody had set
    it. `latest`: the latest that any of them says. All three are the same while none has jumped.
    """

    raw: datetime
    steady: datetime
    latest: datetime


def now() -> datetime:
    """The database's clock, in UTC: several machines then agree on what is due. One query.

    While a clock is doubted, the latest that any says: nobody reads on the word of one that went back, and
    what is written is not over already.
    """
    return read().latest


def steady() -> datetime:
    """What the broom goes by: nothing fires early, and nothing late, because somebody set a clock."""
    return read().steady


def read() -> Reading:
    """Look at all of them. One query."""
    before = _since_boot()
    raw = _ask_the_database()
    # This answer's own difference, not the one another process saw a moment ago: the clock may have been set
    # in between. One that took long makes it too large, so that nothing is early by it.
    seen = raw.timestamp() - before
    if _since_boot() - before <= QUICK:
        _shared[_SEEN] = seen
        if math.isnan(_shared[_DATABASE]):
            _shared[_DATABASE] = seen
    trusted = _shared[_DATABASE]
    is_right = math.isnan(trusted) or abs(seen - trusted) <= MAX_DISAGREEMENT
    if is_right and not jumped():
        return Reading(raw, raw, raw)
    steady_is = seen if is_right else trusted
    ahead = max(seen, steady_is, _difference()) - seen
    return Reading(raw, raw + timedelta(seconds=steady_is - seen), raw + timedelta(seconds=ahead))


def in_question(clocks: Reading) -> datetime:
    """What the clock says that was set: somebody compares it with their own."""
    here = datetime.fromtimestamp(time.time(), UTC)
    return max((here, clocks.raw), key=lambda moment: abs(moment - clocks.steady))


def _ask_the_database() -> datetime:
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
    at = at_once(at)
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


def hours_of(part: Part | int) -> tuple[int, int]:
    """The hours at which `part` begins and ends, since midnight of its date: the night from 22 to 29."""
    place = _SINGLE.index(Part(part))
    return _BEGINS[place], _BEGINS[place + 1]


def day_end(day: date) -> datetime:
    """When the local day ends, in UTC: 05:00 of the next date."""
    return part_end(day, Part.NIGHT)


def at_minutes(day: date, minutes: int) -> datetime:
    """The moment so many minutes by the clock on the wall after midnight of `day`, in UTC: 1500 is 01:00 of
    the next date."""
    on, rest = day + timedelta(days=minutes // 1440), minutes % 1440
    local = datetime.combine(on, time_of_day(rest // 60, rest % 60), timezone.get_default_timezone())
    return local.astimezone(UTC)


def _moment(day: date, hours: int) -> datetime:
    return at_minutes(day, hours * 60)


def weekly_bits(day: date, parts: int) -> int:
    """`parts` of `day` in a weekly mask of 28 bits: four per weekday, Monday's the lowest."""
    return (parts & ALL_PARTS) << (4 * day.weekday())


# --- Whether a clock was set ----------------------------------------------------------------------

# Differences from the clock nobody can set, in seconds: how far this machine's and the database's clock are
# trusted to be from it, and from each other; where the database's was last seen; and which word of the desk
# is waited past (NaN: none). Shared memory: the processes forked from the nursery doubt, and trust, together,
# and one that died does not forget it; where a runner handed its own down, not even a nursery that died.
_WALL, _DATABASE, _GAP, _SEEN, _WORD = range(5)
_HANDED_DOWN = "/memfd:mutualaid clocks (deleted)"


def _handed_down() -> int:
    """The file of the runner's memory (mutualaid/run.py); -1 where there is none."""
    with suppress(OSError):
        for entry in os.scandir("/proc/self/fd"):
            with suppress(OSError):
                if os.readlink(entry.path) == _HANDED_DOWN:  # noqa: PTH115
                    return int(entry.name)
    return -1


_shared = memoryview(mmap.mmap(_handed_down(), 5 * 8)).cast("d")


def _since_boot() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _difference() -> float:
    """Wall clock minus the clock nobody can set."""
    return time.time() - _since_boot()


def _begin() -> None:
    """Trust this machine's clock as it is, and the database's as it is when it is first read."""
    _shared[_WALL], _shared[_GAP] = _difference(), 0.0
    _shared[_DATABASE] = _shared[_SEEN] = _shared[_WORD] = math.nan


# A nursery that came after one that died finds what that one trusted.
if not _shared[_WALL]:
    _begin()


def jumped() -> bool:
    """Whether a clock was set by more than a minute since the system started, or since `trust`: this
    machine's, or the database's when it was last read; or the two never agreed.

    Nothing may be destroyed on the word of such a clock: the desk decides.
    """
    wall, database = _shared[_WALL], _shared[_DATABASE]
    # Comparing with NaN (nobody has read the database's yet) is False.
    return (
        abs(_difference() - wall) > MAX_DISAGREEMENT
        or abs(_shared[_SEEN] - database) > MAX_DISAGREEMENT
        or abs(database - wall - _shared[_GAP]) > MAX_DISAGREEMENT
    )


def at_once(at: datetime) -> datetime:
    """`at`, for the broom to do something now: it may go by an earlier clock than whoever writes."""
    if not jumped() or math.isnan(_shared[_SEEN]):
        return at
    return min(at, datetime.fromtimestamp(_since_boot() + _steady(), UTC))


def _steady() -> float:
    """The database's difference, where it is still what it was; else what it was."""
    seen, trusted = _shared[_SEEN], _shared[_DATABASE]
    return seen if abs(seen - trusted) <= MAX_DISAGREEMENT else trusted


def trust() -> None:
    """Somebody looked: the clocks are right as they are now."""
    _shared[_WALL] = _difference()
    if not math.isnan(_shared[_SEEN]):
        _shared[_DATABASE] = _shared[_SEEN]
        _shared[_GAP] = _shared[_DATABASE] - _shared[_WALL]
    _shared[_WORD] = math.nan


def waits_for_a_word(latest: float) -> bool:
    """Whether a clock is doubted still. `latest`: when the desk last said that it is right (0.0: never).

    Only a word that came after the doubt counts: what was said before is about another jump.
    """
    if not jumped():
        _shared[_WORD] = math.nan
        return False
    if math.isnan(_shared[_WORD]):
        _shared[_WORD] = latest
    if _shared[_WORD] == latest:
        return True
    trust()
    return False
