"""The week as people read it: seven days of four parts, named in the language of the page."""

from __future__ import annotations

from django.utils.dates import WEEKDAYS
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from privacy import clock

PARTS = (
    (clock.Part.MORNING, _("Morning"), "5–12"),
    (clock.Part.AFTERNOON, _("Afternoon"), "12–17"),
    (clock.Part.EVENING, _("Evening"), "17–22"),
    (clock.Part.NIGHT, _("Night"), "22–5"),
)
BITS = 28
ALL_WEEK = (1 << BITS) - 1


def day_names() -> list[str]:
    """Monday to Sunday."""
    return [capfirst(str(WEEKDAYS[index])) for index in range(7)]


def week_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Seven days, each with four choices (bit, the part with its hours on a second line)."""
    return [
        (
            day,
            [
                (str(4 * index + place), f"{name}\n{hours}")
                for place, (_part, name, hours) in enumerate(PARTS)
            ],
        )
        for index, day in enumerate(day_names())
    ]


def part_choices() -> list[tuple[str, str]]:
    """The parts of one day, (part, name with its hours)."""
    return [(str(int(part)), f"{name} ({hours})") for part, name, hours in PARTS]


def part_names(mask: int) -> list[str]:
    """The names of the parts in a mask of clock.Part."""
    return [str(name) for part, name, _hours in PARTS if mask & part]
