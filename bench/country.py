"""A made-up country, the same each time: where people are, what they offer, what is asked."""

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from math import cos, radians

from organisation import conditions, kinds, languages
from privacy import clock
from volunteers.nights import packed

AREAS = 5_000
SIDE_KM = 600
SOUTH, WEST = 45.5, 2.0
KM_PER_DEGREE = 111.2
AT = datetime(2026, 3, 2, 12, 34, tzinfo=UTC)
TODAY = date(2026, 3, 2)
NEVER_ASKED = datetime(1970, 1, 1, tzinfo=UTC)
KINDS = ("stay", "ride", "accompaniment")
# Everybody could tick these; nobody ticks the last one, so that a need with it fits nobody.
NOBODY_MEETS = "sleep_by_day"
ALL_WEEK = (1 << 28) - 1
NIGHTS = sum(1 << (4 * day + 3) for day in range(7))
EVENINGS = sum(1 << (4 * day + 2) for day in range(7))
WEEKEND = 0b11111111 << 20


@dataclass(frozen=True)
class HomeFacts:
    """What hosts say, as in volunteers/nights.py; `nights` are dated nights with their beds."""

    beds_week: int | None
    nights: tuple[tuple[date, int], ...]
    most_nights: int | None
    notice_hours: int
    arrivals: int
    agreed_on: date | None
    rest_days: int


@dataclass(frozen=True)
class OfferFacts:
    """One volunteer and what they offer; days are local dates, masks as in volunteers/offers.py."""

    volunteer: uuid.UUID
    offer: uuid.UUID
    number: int
    kinds: tuple[str, ...]
    area: int
    reach_km: int
    weekly: int
    days: tuple[tuple[date, int], ...]
    capacity: int
    languages: int
    conditions: int
    active: bool
    paused_until: date | None
    cap_per_week: int | None
    last_asked_at: datetime
    taken: int
    home: HomeFacts

    @property
    def possible(self) -> int:
        """The week with what its own days add."""
        mask = self.weekly
        for day, parts in self.days:
            mask |= clock.weekly_bits(day, parts)
        return mask


@dataclass(frozen=True)
class NeedFacts:
    """What one asker asks; `why` says for which of the two figures it counts: "some" or "nobody"."""

    why: str
    kind: str
    area: int
    day: date
    parts: int
    covers: int
    nights: int
    people: int
    languages: int
    languages_hard: bool
    conditions: int


def centres() -> list[tuple[float, float]]:
    """(latitude, longitude) of every area, spread over a square."""
    dice = random.Random("centres")
    side = SIDE_KM / KM_PER_DEGREE
    found = []
    for _area in range(AREAS):
        latitude = SOUTH + dice.random() * side
        found.append((latitude, WEST + dice.random() * side / cos(radians(latitude))))
    return found


def people_in_areas() -> list[float]:
    """Cumulated weights: some areas hold more people, the largest about ten times the median."""
    dice = random.Random("people")
    return list(accumulate(dice.paretovariate(3) for _area in range(AREAS)))


def _weekly(dice: random.Random) -> int:
    kind = dice.random()
    if kind < 0.15:
        return ALL_WEEK
    if kind < 0.35:
        return EVENINGS | WEEKEND & ~NIGHTS
    if kind < 0.5:
        return WEEKEND
    if kind < 0.75:
        return dice.getrandbits(28) & ~NIGHTS
    return dice.getrandbits(28)


def _reach(dice: random.Random) -> int:
    return dice.randint(5, 20) if dice.random() < 0.85 else dice.randint(21, 60)


def _kinds(dice: random.Random) -> tuple[str, ...]:
    return tuple(dice.sample(KINDS, dice.choices((1, 2, 3), (50, 35, 15))[0]))


def _conditions(dice: random.Random) -> int:
    """Each offer meets about a third of them: some common, some rare."""
    mask = dice.getrandbits(20) & dice.getrandbits(20) | dice.getrandbits(20) & dice.getrandbits(20)
    return mask & dice.getrandbits(20) & ~conditions.bits([NOBODY_MEETS])


def _languages(dice: random.Random) -> int:
    spoken = 1 if dice.random() < 0.8 else 0
    for bit in dice.choices(range(1, 30), [1 / n for n in range(1, 30)], k=dice.choice((1, 1, 2, 3))):
        spoken |= 1 << bit
    return spoken


def _days(dice: random.Random) -> tuple[tuple[date, int], ...]:
    """One offer in ten has days of its own."""
    if dice.random() >= 0.1:
        return ()
    days = dice.sample(range(30), dice.randint(1, 4))
    return tuple((TODAY + timedelta(days=n), dice.choice((0, 0, 0, 7, 15))) for n in sorted(days))


def _last_asked(dice: random.Random) -> datetime:
    if dice.random() < 0.4:
        return NEVER_ASKED
    return clock.hour(AT) - timedelta(hours=dice.randint(1, 24 * 60))


def _home(dice: random.Random) -> HomeFacts:
    """One in five has fewer beds on some days of the week, one in four some nights of their own."""
    week = [dice.choice((0, 1, 1, 2)) for _day in range(7)] if dice.random() < 0.2 else None
    nights: dict[date, int] = {}
    if dice.random() < 0.25:
        first, beds = dice.randint(0, 30), dice.choice((0, 0, 0, 1, 2))
        nights = {TODAY + timedelta(days=first + n): beds for n in range(dice.randint(1, 7))}
    return HomeFacts(
        beds_week=None if week is None else packed(week),
        nights=tuple(nights.items()),
        most_nights=dice.randint(1, 7) if dice.random() < 0.5 else None,
        notice_hours=dice.choice((0, 0, 0, 2, 12, 24, 48)),
        arrivals=dice.choice((15, 15, 15, 7, 3)),
        agreed_on=TODAY - timedelta(days=dice.randint(0, 500)) if dice.random() < 0.8 else None,
        rest_days=dice.randint(1, 3) if dice.random() < 0.2 else 0,
    )


def offers(first: int, last: int) -> Iterator[OfferFacts]:
    """Offers number `first` up to `last`, without `last`; each the same whatever was made before it."""
    weights = people_in_areas()
    for start in range(first, last, 1_000):
        dice, at_home = random.Random(f"offers {start}"), random.Random(f"homes {start}")
        areas = dice.choices(range(1, AREAS + 1), cum_weights=weights, k=1_000)
        for number, area in enumerate(areas[: last - start], start):
            yield OfferFacts(
                volunteer=uuid.UUID(int=dice.getrandbits(128), version=4),
                offer=uuid.UUID(int=dice.getrandbits(128), version=4),
                number=number,
                kinds=_kinds(dice),
                area=area,
                reach_km=_reach(dice),
                weekly=_weekly(dice),
                days=_days(dice),
                capacity=dice.choices((1, 2, 3, 4, 6), (40, 30, 15, 10, 5))[0],
                languages=_languages(dice),
                conditions=_conditions(dice),
                active=dice.random() < 0.95,
                paused_until=TODAY + timedelta(days=dice.randint(-20, 20)) if dice.random() < 0.05 else None,
                cap_per_week=dice.randint(1, 3) if dice.random() < 0.3 else None,
                last_asked_at=_last_asked(dice),
                taken=dice.choices((0, 1, 2), (94, 4, 2))[0],
                home=_home(at_home),
            )


def needs(count: int, nobody: int) -> list[NeedFacts]:
    """`count` ordinary needs of every kind, asked where people are, and `nobody` that fit nobody."""
    dice = random.Random("needs")
    weights = people_in_areas()
    found = [_need(dice, dice.choices(range(1, AREAS + 1), cum_weights=weights)[0]) for _n in range(count)]
    for number in range(nobody):
        area = dice.choices(range(1, AREAS + 1), cum_weights=weights)[0]
        found.append(_impossible(dice, area, number))
    return found


def _need(dice: random.Random, area: int, **fixed: object) -> NeedFacts:
    kind = kinds.get(dice.choice(KINDS))
    parts = dice.choice((1, 2, 4, 8, 3, 6, 12, 15))
    asked = [slug for slug in kind.condition_slugs if slug != NOBODY_MEETS]
    speaks = dice.choice(("fr", "es", "pt", "ar", "ro", "tr"))
    values: dict[str, object] = {
        "why": "some",
        "kind": kind.slug,
        "area": area,
        "day": TODAY + timedelta(days=dice.randint(0, 20)),
        "parts": parts,
        "covers": parts if kind.covers_parts else 0,
        "nights": dice.choice((1, 1, 2, 3)) if kind.has_nights else 0,
        "people": dice.choices((1, 2, 3), (75, 20, 5))[0] if kind.has_capacity else 1,
        "languages": languages.bits([speaks]) if dice.random() < 0.4 else 0,
        "languages_hard": dice.random() < 0.3,
        "conditions": conditions.bits(dice.sample(asked, dice.choices((0, 1, 2, 3), (40, 30, 20, 10))[0])),
    }
    values["languages_hard"] = bool(values["languages_hard"] and values["languages"])
    return NeedFacts(**{**values, **fixed})  # type: ignore[arg-type]


def _impossible(dice: random.Random, area: int, number: int) -> NeedFacts:
    """Turn by turn: a condition nobody meets, too many people, a language nobody speaks, every
    condition at once (each is met by many), and all of them with a rare language."""
    everything = conditions.bits([slug for slug in conditions.ALL if slug != NOBODY_MEETS])
    ways: tuple[dict[str, object], ...] = (
        {"conditions": conditions.bits([NOBODY_MEETS])},
        {"people": 40},
        {"languages": languages.bits(["ase"]), "languages_hard": True},
        {"conditions": everything},
        {"conditions": everything, "languages": languages.bits(["ne"]), "languages_hard": True},
    )
    return _need(dice, area, why="nobody", **ways[number % len(ways)])
