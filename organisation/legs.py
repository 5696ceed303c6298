"""Legs: when each task of a need takes place, and which answers cannot be meant.

A time is "HH:MM" within the local day of the need, which begins at 05:00: 01:30 comes after 22:00. Exact
times are sealed; of each leg only its parts of the day are in clear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from privacy import clock

if TYPE_CHECKING:
    from organisation.kind import Kind, Question, Text

Answers = Mapping[str, Any]
# Role → a mask of clock.Part; 0, or no entry: nothing was ticked.
Windows = Mapping[str, int]

# As people type it: 9:30, 09.30, 9h30, 930, 9.
TYPED: Final = re.compile(r"(\d{1,2})(?:\s*[:.hH]?\s*(\d{2}))?\s*[hH]?")
NOT_TICKED: Final = _("This is not within the times you ticked.")
TURNED_ROUND: Final = _("This is earlier than the time above.")
NOT_ASKED: Final = _("You did not ask for this part. Ask for it, or empty this.")


def read_time(typed: str) -> str | None:
    """ "HH:MM" for a time of day as people type it; None for what is none."""
    found = TYPED.fullmatch(typed.strip())
    if found is None:
        return None
    hours, minutes = int(found[1]), int(found[2] or 0)
    return f"{hours:02}:{minutes:02}" if hours < 24 and minutes < 60 else None


def window_name(role: str) -> str:
    """The name under which `check` speaks of the times that were ticked for a task."""
    return f"parts_{role}"


def minutes(time: str, ends: bool = False) -> int:
    """Minutes since midnight of the need's date: 05:00 to 29:00. `ends`: 05:00 is the end of the day."""
    hours, rest = (int(number) for number in time.split(":"))
    since = hours * 60 + rest
    begins = _span(int(clock.ALL_PARTS))[0]
    return since + 24 * 60 if since < begins or (ends and since == begins) else since


def moment(day: date, time: str, limit: str) -> datetime:
    """When it is `time` on the local day `day`, in UTC; `limit` as of the question."""
    since = minutes(time, ends=limit == "until")
    return clock.at_minutes(day, since)


def windows(kind: Kind, answers: Answers, ticked: Windows) -> dict[str, int]:
    """Role → parts of the day of each task these answers ask for: what was ticked, else those in which its
    exact times lie, else 0 (as the need); where that would be before one it comes after, from that one on.

    Where nobody knows the hour (TaskSpec.when_told, after_hours): any, to the end of the day. Where it goes
    on from another: from the beginning of that one.
    """
    found: dict[str, int] = {}
    for role in kind.roles(answers):
        own = ticked.get(role) or _stretch(kind, role, answers, found)
        found[role] = own or _Leg(kind, role, answers, 0).derived() or _not_before(kind, role, found)
    return found


def _stretch(kind: Kind, role: str, answers: Answers, found: Windows) -> int:
    """Of a task without a beginning or an end of its own: all it may stretch over; 0 for every other."""
    task, leg = kind.task(role), _Leg(kind, role, answers, 0)
    if task is None:
        return 0
    at_any_hour = task.at_any_hour(answers)
    goes_on = bool(task.after) and not task.when_label
    begins, ends = leg.times("from").values(), leg.times("until").values()
    if not at_any_hour and not (goes_on and ends):
        return 0
    before = [found.get(earlier, 0) for earlier in task.after or (kind.tasks[0].role,)]
    first = min(begins) if begins else max(_span(parts or int(clock.ALL_PARTS))[0] for parts in before)
    last = max(ends) if ends else _span(int(clock.ALL_PARTS))[1]
    return _between(first, last)


def _not_before(kind: Kind, role: str, found: Windows) -> int:
    task, as_the_need = kind.task(role), found.get(kind.tasks[0].role, 0)
    earlier = [found[before] for before in task.after if found.get(before)] if task else []
    first = max((_span(parts)[0] for parts in earlier), default=0)
    if not as_the_need or _span(as_the_need)[1] > first:
        return 0
    return sum(part for part in clock.Part if _span(part)[1] > first)


def check(kind: Kind, answers: Answers, ticked: Windows, roles: tuple[str, ...]) -> dict[str, Text]:
    """What cannot be meant: the slug of a question (or `window_name`) → one sentence.

    A leg is never before one it comes after (TaskSpec.after); its times lie within the parts that were
    ticked; nothing is written for a leg that was not asked for.
    """
    legs = {role: _Leg(kind, role, answers, ticked.get(role, 0)) for role in roles}
    found: dict[str, Text] = {}
    for name, sentence in (
        *_not_asked(kind, roles, answers, ticked),
        *_of_each(legs),
        *_in_order(kind, legs),
    ):
        found.setdefault(name, sentence)
    return found


def _span(parts: int) -> tuple[int, int]:
    """When these parts begin and end together, in minutes since midnight of the date."""
    hours = [clock.hours_of(part) for part in clock.Part if parts & part]
    return 60 * hours[0][0], 60 * hours[-1][1]


def _between(first: int, last: int) -> int:
    """The parts that have any of these minutes."""
    return sum(part for part in clock.Part if _span(part)[0] < last and _span(part)[1] > first)


@dataclass(frozen=True)
class _Leg:
    """What was typed about the time of one task."""

    kind: Kind
    role: str
    answers: Answers
    ticked: int

    def times(self, limit: str = "") -> dict[str, int]:
        """Slug of a question → its time, of those that limit the leg at that end ("": at any)."""
        asked = [q for q in self.kind.questions if self.role in q.of and limit in ("", q.limit)]
        return self._typed(asked)

    def goes_on(self) -> dict[str, int]:
        """Slug → its time, of those that say how long whoever has it stays on: no limit of the leg."""
        here = [q for q in self.kind.questions if self.role == q.else_of and q.else_when(self.answers)]
        return self._typed(here)

    def _typed(self, questions: list[Question]) -> dict[str, int]:
        asked = [q for q in questions if q.answer == "time" and self.answers.get(q.slug)]
        return {q.slug: minutes(self.answers[q.slug], ends=q.limit == "until") for q in asked}

    def derived(self) -> int:
        """The parts in which its times lie; 0 where none was typed."""
        begins, ends = self.times("from").values(), self.times("until").values()
        if not begins and not ends:
            return 0
        # Who wants to be there at noon is on the way before noon.
        first = min(begins) if begins else min(ends) - 1
        return _between(first, max(ends) if ends else max(begins) + 1)

    @property
    def parts(self) -> int:
        """What was ticked, or what its times say; 0: any time."""
        return self.ticked or self.derived()


def _not_asked(
    kind: Kind, roles: tuple[str, ...], answers: Answers, ticked: Windows
) -> Iterator[tuple[str, Text]]:
    for question in kind.questions:
        typed = question.answer in ("text", "time", "number") and answers.get(question.slug) not in (None, "")
        if typed and question.of and not set(question.whose(answers)) & set(roles):
            yield question.slug, NOT_ASKED
    for role, parts in ticked.items():
        if parts and role not in roles:
            yield window_name(role), NOT_ASKED


def _of_each(legs: Mapping[str, _Leg]) -> Iterator[tuple[str, Text]]:
    """Within one leg."""
    for leg in legs.values():
        begins, ends = leg.times("from"), leg.times("until")
        if begins:
            yield from ((slug, TURNED_ROUND) for slug, time in ends.items() if time < max(begins.values()))
        if leg.ticked:
            first, last = _span(leg.ticked)
            yield from ((slug, NOT_TICKED) for slug, time in begins.items() if time >= last)
            yield from ((slug, NOT_TICKED) for slug, time in ends.items() if time <= first)


def _in_order(kind: Kind, legs: Mapping[str, _Leg]) -> Iterator[tuple[str, Text]]:
    """Between a leg and those it comes after; and what goes on after a leg, for whoever has that one."""
    for task in kind.tasks:
        for earlier in task.after:
            if task.role in legs and earlier in legs:
                sentence = _too_early(kind, earlier)
                yield from ((name, sentence) for name in _before(legs[task.role], legs[earlier]))
    for leg in legs.values():
        for slug, time in leg.goes_on().items():
            if time < _first(leg):
                yield slug, _too_early(kind, leg.role)


def _too_early(kind: Kind, role: str) -> str:
    sentence = gettext("This is before “%(task)s”. Please choose a later time.")
    return sentence % {"task": kind.role_name(role)}


def _first(leg: _Leg) -> int:
    """Before this it cannot be over."""
    times = leg.times().values()
    return max([*times, _span(leg.parts)[0]] if leg.parts else [0, *times])


def _before(leg: _Leg, earlier: _Leg) -> Iterator[str]:
    """Where `leg` lies before `earlier`: in an exact time, or with all the parts that were ticked."""
    times = earlier.times().values()
    yield from (slug for slug, time in leg.times().items() if time < _first(earlier))
    if leg.ticked and earlier.parts:
        last = _span(leg.ticked)[1]
        if last <= _span(earlier.parts)[0] or (times and last < max(times)):
            yield window_name(leg.role)
