"""What the example organisation looks like: its areas, hours, numbers and volunteers. Nobody is meant.

It is content, as people would type it, not interface: it stays in English.
"""

from dataclasses import dataclass
from datetime import date, time, timedelta

from organisation.areas import NewArea
from privacy import clock
from volunteers.week import ALL_WEEK

NAME = "Example organisation"
HOW_TO_HELP = "This is an example. Nobody is behind it."
# Reads what concerns the desk, and so what was wrong at all: there is one coordinator.
OUTSIDE = "Example legal clinic"

# In the middle of the sea, so that no real place is meant; near enough that offers reach.
AREAS = (
    NewArea("Town", lat=45.00, lon=-30.00),
    NewArea("Old town", "Town", lat=45.00, lon=-30.01),
    NewArea("Harbour", "Town", lat=44.98, lon=-30.04),
    NewArea("Station", "Town", lat=45.01, lon=-29.98),
    NewArea("North", "Town", lat=45.05, lon=-30.00),
    NewArea("Hills", lat=45.12, lon=-29.88),
    NewArea("River villages", lat=44.90, lon=-30.18),
)

# Weekday, from, until.
HOURS = (
    *((day, time(18), time(2)) for day in range(5)),
    (5, time(12), time(4)),
    (6, time(12), time(2)),
)

# 555 01xx is kept free for examples: nobody's telephone rings.
NUMBERS = (
    ("Example night line", "555 0100", "An example. Nobody answers here."),
    ("Example clinic", "555 0101", "An example. Nobody answers here."),
)

_MONDAY = date(2024, 1, 1)


def _weekly(days: range, parts: int) -> int:
    """These parts of these weekdays (Monday is 0), as an offer's weekly mask."""
    return sum(clock.weekly_bits(_MONDAY + timedelta(days=day), parts) for day in days)


WEEKENDS = _weekly(range(5, 7), clock.ALL_PARTS)
EVENINGS = _weekly(range(7), clock.Part.EVENING | clock.Part.NIGHT)


@dataclass(frozen=True)
class Example:
    """One volunteer and the one offer they make: from `home` as far as `reach_km`, or in `areas`.

    `speaks` and `fulfils` are slugs (organisation/languages.py, organisation/conditions.py);
    `away_in_days`: one day on which they cannot, counted from today; 0 is none.
    """

    handle: str
    kinds: tuple[str, ...]
    home: str = ""
    reach_km: int = 0
    areas: tuple[str, ...] = ()
    speaks: tuple[str, ...] = ("en",)
    capacity: int = 1
    house: tuple[str, ...] = ()
    fulfils: tuple[str, ...] = ()
    weekly: int = ALL_WEEK
    is_let_in: bool = True
    rests: bool = False
    away_in_days: int = 0


COORDINATOR = "Coordinator A"
HOST, DRIVER, COMPANION, BOTH = "Volunteer A", "Volunteer B", "Volunteer C", "Volunteer D"

VOLUNTEERS = (
    Example(
        HOST,
        kinds=("stay",),
        home="Harbour",
        reach_km=10,
        speaks=("en", "fr"),
        capacity=2,
        fulfils=("own_room", "smoke_free", "step_free", "late_arrival"),
        house=("cat", "own_key", "quiet_after_ten"),
    ),
    Example(
        DRIVER,
        kinds=("ride",),
        home="Old town",
        reach_km=20,
        capacity=3,
        fulfils=("luggage", "child_seat", "long_way"),
    ),
    Example(
        COMPANION,
        kinds=("accompaniment",),
        home="Old town",
        reach_km=10,
        speaks=("en", "es"),
        fulfils=("only_women", "whole_day", "step_free"),
    ),
    Example(
        BOTH,
        kinds=("ride", "accompaniment"),
        home="North",
        reach_km=20,
        speaks=("en", "fr"),
        capacity=4,
        fulfils=("wheelchair", "step_free", "scent_free"),
    ),
    Example(
        "Volunteer E",
        kinds=("stay",),
        home="Hills",
        reach_km=5,
        speaks=("en", "ro"),
        fulfils=("pets_welcome", "own_bathroom"),
        weekly=WEEKENDS,
        away_in_days=12,
    ),
    Example(
        "Volunteer F",
        kinds=("stay", "ride", "accompaniment"),
        areas=("Station", "Old town"),
        weekly=EVENINGS,
    ),
    Example(
        "Volunteer G",
        kinds=("ride",),
        home="Station",
        reach_km=40,
        speaks=("en", "ar"),
        capacity=4,
        rests=True,
    ),
    Example(
        "Volunteer H",
        kinds=("accompaniment",),
        home="River villages",
        reach_km=20,
        is_let_in=False,
    ),
)
