"""What is expected from whom, when, and how late it may be: the table of a kind's taps."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

ASKER, VOLUNTEER = "asker", "volunteer"
# What a tap may follow besides another tap: the moment they meet, the end of what was asked for, and
# 23:00 of each night of it.
START, END, EVENING = "start", "end", "evening"
MOMENTS: Final = frozenset({START, END, EVENING})
SIDES: Final = frozenset({ASKER, VOLUNTEER})


@dataclass(frozen=True)
class Tap:
    """One line of it: `slug` (organisation/presets.py) is expected from `by`, `within` so long after `after`
    (one of MOMENTS, or the tap before it), and missed when it is `grace` late.

    `roles`: only of whoever has one of these tasks; empty: of all. `together`: one of the two says it for
    both. A tap with an `after` of "" can be made, and is never waited for.
    """

    slug: str
    by: tuple[str, ...]
    after: str = ""
    within: timedelta = timedelta(0)
    grace: timedelta = timedelta(minutes=30)
    roles: tuple[str, ...] = ()
    together: bool = False
