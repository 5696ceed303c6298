"""Who fits a need, and what fits a volunteer: one predicate, asked from either end.

The hard conditions are one SQL statement over the need's clear facts (n), the volunteers' search
rows (p, volunteers/places.py) and the distances between areas (d). The best are scored among the
nearest 200 rows. It proposes; people decide.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from organisation.models import MAX_REACH_KM
from privacy import clock
from requests_app.models import Need, Task
from requests_app.models.taken import first_day_that_counts
from volunteers.models import Volunteer

MOST_ROWS = 200
# Points: the largest first. Nearness and fairness decide; the rest breaks ties.
NEAR, FAIR, LANGUAGE, PARTS, SIZE = 40, 30, 20, 10, 5
HOURS_FAIR = 24 * 30

_DAY_PARTS = "COALESCE(e.parts, (p.weekly >> nd.weekday_shift) & 15)"

# Each hard condition by name. `{today}` and `{week}` are local dates, bound as parameters.
CONDITIONS: dict[str, str] = {
    "capacity": "p.capacity >= n.people",
    "conditions": "(p.conditions & n.conditions) = n.conditions",
    "language": "(NOT n.languages_hard OR (p.languages & n.languages) <> 0)",
    "parts": f"""(CASE WHEN p.has_exceptions THEN NOT EXISTS (
        SELECT 1 FROM requests_app_needday nd
        LEFT JOIN volunteers_offerexception e ON e.offer_id = p.offer_id AND e.day = nd.day
        WHERE nd.need_id = n.id AND (({_DAY_PARTS} & nd.all_parts) <> nd.all_parts
            OR (nd.any_parts <> 0 AND ({_DAY_PARTS} & nd.any_parts) = 0)))
        ELSE (p.weekly & n.any_bits) <> 0 AND (p.weekly & n.all_bits) = n.all_bits END)""",
    "pause": "(p.paused_until IS NULL OR p.paused_until <= {today})",
    "nights": """(n.nights = 0 OR NOT EXISTS (
        SELECT 1 FROM requests_app_needday nd WHERE nd.need_id = n.id AND nd.night
        AND (SELECT count(*) FROM requests_app_bednight b
             WHERE b.offer_id = p.offer_id AND b.night = nd.day) + n.people > p.capacity))""",
    "cap": """(p.cap_per_week IS NULL OR (SELECT count(*) FROM requests_app_taken k
        WHERE k.volunteer_id = p.volunteer_id AND k.day >= {week}) < p.cap_per_week)""",
    "never": """NOT EXISTS (SELECT 1 FROM requests_app_nevermatch x
        WHERE x.mailbox_id = n.mailbox_id AND x.volunteer_id = p.volunteer_id)""",
    "declined": """NOT EXISTS (SELECT 1 FROM requests_app_proposal o
        JOIN requests_app_task ot ON ot.id = o.task_id
        WHERE ot.need_id = n.id AND o.volunteer_id = p.volunteer_id AND o.outcome = 'declined')""",
}
# The conditions that begin the index, and therefore the join.
LET_IN, REACH, KIND = "p.ready = TRUE", "p.reach_km >= d.km", "p.kind = n.kind"

_COLUMNS = """p.volunteer_id, p.offer_id, d.km, p.weekly, p.capacity, p.languages,
    p.last_asked_at, n.any_bits, n.languages, n.people"""


@dataclass(frozen=True)
class Match:
    """One volunteer's offer and one task that fit: km between the areas, points, reason codes."""

    task_id: UUID
    volunteer_id: UUID
    offer_id: UUID
    km: int
    score: int
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Nobody:
    """How many volunteers would fit if this one condition were given up."""

    condition: str
    would_fit: int


def best(task: Task, at: datetime, count: int, but_not: Iterable[UUID] = ()) -> list[Match]:
    """The `count` best volunteers for one task, the best first; `but_not` are volunteer ids.

    One statement, whatever the number of offers. Same input, same order.
    """
    sql = f"""SELECT {_COLUMNS}, n.id FROM requests_app_need n
        CROSS JOIN organisation_distance d CROSS JOIN volunteers_offerplace p
        WHERE n.id = %s AND d.to_area_id = n.area_id AND {KIND}
        AND p.area_id = d.from_area_id AND {LET_IN} AND {REACH} AND {_fit()}
        ORDER BY d.km, d.from_area_id, p.last_asked_at LIMIT {MOST_ROWS}"""
    rows = _rows(sql, [_id(task.need_id), *_times(at)])
    left_out = set(but_not)
    matches = [m for m in (_score(row, task.id, at) for row in rows) if m.volunteer_id not in left_out]
    return _one_each(matches, lambda match: match.volunteer_id)[:count]


def board(volunteer: Volunteer, at: datetime) -> list[Match]:
    """What this volunteer could do, the best first: every task that is free, or held by somebody
    they could stand by for, and that fits one of their offers now."""
    return _for_volunteer(volunteer, at, "AND t.status IN ('open', 'held')", [])


def on_need(volunteer: Volunteer, need_id: UUID, at: datetime) -> list[Match]:
    """The tasks of one need that fit this volunteer now; empty is a 404 for whoever holds none."""
    return _for_volunteer(volunteer, at, "AND n.id = %s", [_id(need_id)])


def why_nobody(need: Need, at: datetime) -> list[Nobody]:
    """For each hard condition, how many would fit if only that one were given up; most first."""
    conditions = {"let_in": LET_IN, "reach": REACH, "kind": KIND, **CONDITIONS}
    counts = [Nobody(name, _without(need, name, conditions, at)) for name in conditions]
    return sorted(counts, key=lambda row: (-row.would_fit, row.condition))


def _without(need: Need, name: str, conditions: dict[str, str], at: datetime) -> int:
    """How many volunteers fulfil every condition but this one, and not this one."""
    others = " AND ".join(sql for other, sql in conditions.items() if other != name)
    near = "LEFT JOIN organisation_distance d ON d.to_area_id = n.area_id AND d.from_area_id = p.area_id"
    failing = f"NOT COALESCE({conditions[name]}, FALSE)"
    sql = f"""SELECT count(DISTINCT p.volunteer_id) FROM requests_app_need n
        CROSS JOIN volunteers_offerplace p {near}
        WHERE n.id = %s AND {others} AND {failing}"""
    return int(_rows(_bound(sql), [_id(need.id), *_dates_in(sql, at)])[0][0])


def _for_volunteer(volunteer: Volunteer, at: datetime, which: str, parameters: Sequence[Any]) -> list[Match]:
    sql = f"""SELECT {_COLUMNS}, t.id FROM volunteers_offerplace p
        JOIN organisation_distance d ON d.from_area_id = p.area_id
        JOIN requests_app_need n ON n.area_id = d.to_area_id AND {KIND}
        JOIN requests_app_task t ON t.need_id = n.id
        WHERE p.volunteer_id = %s AND n.status = 'open' AND n.expires_at > %s {which}
        AND t.status IN ('open', 'held', 'approved') AND {LET_IN} AND {REACH} AND {_fit()}
        ORDER BY d.km, n.day, n.id, t.role LIMIT {MOST_ROWS}"""
    moment = connection.ops.adapt_datetimefield_value(at)
    rows = _rows(sql, [_id(volunteer.id), moment, *parameters, *_times(at)])
    matches = [_score(row, UUID(str(row[-1])), at) for row in rows]
    return _one_each(matches, lambda match: match.task_id)


def _score(row: Sequence[Any], task_id: UUID, at: datetime) -> Match:
    """Points over the hard conditions, and the reasons that are told to people."""
    volunteer_id, offer_id, km, weekly, capacity, speaks, asked_at, any_bits, spoken, people = row[:10]
    reasons = ["same_area" if km == 0 else "near"] if km <= MAX_REACH_KM // 4 else ["reach"]
    score = NEAR * (MAX_REACH_KM - min(km, MAX_REACH_KM)) // MAX_REACH_KM
    if spoken and speaks & spoken:
        score += LANGUAGE
        reasons.append("language")
    if any_bits and weekly & any_bits == any_bits:
        score += PARTS
        reasons.append("all_parts")
    if capacity == people:
        score += SIZE
    waited = min(HOURS_FAIR, int((at - _moment(asked_at)).total_seconds() // 3600))
    score += FAIR * max(waited, 0) // HOURS_FAIR
    if waited >= HOURS_FAIR:
        reasons.append("not_asked_lately")
    return Match(task_id, UUID(str(volunteer_id)), UUID(str(offer_id)), km, score, tuple(reasons))


def _one_each(matches: list[Match], key: Any) -> list[Match]:
    """The best match for each key, in order of points, nearness and id."""
    ordered = sorted(matches, key=lambda m: (-m.score, m.km, m.offer_id.hex, m.task_id.hex))
    first: dict[UUID, Match] = {}
    for match in ordered:
        first.setdefault(key(match), match)
    return list(first.values())


def _fit() -> str:
    return _bound(" AND ".join(CONDITIONS.values()))


def _bound(sql: str) -> str:
    """The dates become parameters; they stand once each, `{today}` before `{week}`."""
    return sql.replace("{today}", "%s").replace("{week}", "%s")


def _times(at: datetime) -> list[Any]:
    return [_date(clock.local_day(at)), _date(first_day_that_counts(at))]


def _dates_in(sql: str, at: datetime) -> list[Any]:
    """The dates that a statement with some conditions left out or turned round still names."""
    marks = {"{today}": clock.local_day(at), "{week}": first_day_that_counts(at)}
    found = sorted((sql.index(mark), day) for mark, day in marks.items() if mark in sql)
    return [_date(day) for _position, day in found]


def _rows(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def _id(value: UUID) -> Any:
    return Need._meta.pk.get_db_prep_value(value, connection)


def _date(value: Any) -> Any:
    return connection.ops.adapt_datefield_value(value)


def _moment(value: Any) -> datetime:
    """What the driver gives for a moment: a datetime (PostgreSQL) or its text (SQLite), in UTC."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value if value.tzinfo else value.replace(tzinfo=clock.UTC)
