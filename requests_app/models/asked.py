"""What was asked, checked and not yet stored: what a form gives and a need is made of."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from organisation.models import Area

# Who decides who comes.
SHE, DESK, FIRST = "asker", "desk", "first"


@dataclass(frozen=True)
class Tell:
    """How she wants to be told: a transport, an address, the language of the page, between which two hours
    (None: any)."""

    transport: str
    address: str = field(repr=False)
    language: str = ""
    from_hour: int | None = None
    until_hour: int | None = None


@dataclass(frozen=True)
class Asked:
    """One filled form, checked. `day` is a local date; `parts` and `covers` are masks of clock.Part."""

    kind: str
    area: Area
    day: date
    parts: int
    covers: int = 0
    nights: int = 0
    people: int = 1
    languages: int = 0
    languages_hard: bool = False
    conditions: int = 0
    # What would be good, and keeps nobody out: bits as those of `conditions`.
    wishes: int = 0
    decides: str = SHE
    desk_reads: bool = False
    partner_ok: bool = False
    looks_again_at: datetime | None = None
    note: str = field(default="", repr=False)
    place: str = field(default="", repr=False)
    # Those for everybody who comes and those for one of them (Question.of), in one.
    answers: dict[str, Any] = field(default_factory=dict, repr=False)
    # Role of a task → parts of the day of its own, where they are not those of the need.
    parts_of: dict[str, int] = field(default_factory=dict)
    tell: Tell | None = None
    # Nobody sees it before she says so on her page.
    paused: bool = False
    form_key: bytes | None = field(default=None, repr=False)
    # If she does not come out; "" where nothing was written.
    plan: str = field(default="", repr=False)
