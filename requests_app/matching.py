"""Who fits a need, and what fits a volunteer: one predicate, asked from either end.

The hard conditions are one SQL statement over the need's clear facts (n), the volunteers' search
rows (p, volunteers/places.py) and the distances between areas (d). The best are scored among the
nearest 200 rows. It proposes; people decide.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from organisation.models import MAX_REACH_KM
from privacy import clock
from requests_app.models import Need, Task
from requests_app.models.taken import first_day_that_counts
from volunteers.account import hour_number
from volunteers.models import Volunteer

MOST_ROWS = 200
# Points: the largest first. Nearness and fairness decide; the rest breaks ties.
NEAR, FAIR, LANGUAGE, PARTS, SIZE = 40, 30, 20, 10, 5
HOURS_FAIR = 24 * 30

_DAY_PARTS = "COALESCE(e.parts, (p.weekly >> nd.weekday_shift) & 15)"

# Each hard condition by name, the cheapest first: a row is left at the first it does not meet.
# `{today}` and `{week}` are local dates, bound as parameters.
CONDITIONS: dict[str, str] = {
    "capacity": "p.capacity >= n.people",
    "conditions": "(p.conditions & n.conditions) = n.conditions",
    "language": "(NOT n.languages_hard OR (p.languages & n.languages) <> 0)",
    # `possible` is never less than what is true on any one day; only dated exceptions need a look.
    "parts": f"""((p.possible & n.any_bits) <> 0 AND (p.possible & n.all_bits) = n.all_bits
        AND (NOT p.has_exceptions OR NOT EXISTS (SELECT 1 FROM requests_app_needday nd
        LEFT JOIN volunteers_offerexception e ON e.offer_id = p.offer_id AND e.day = nd.day
        WHERE nd.need_id = n.id AND (({_DAY_PARTS} & nd.all_parts) <> nd.all_parts
            OR (nd.any_parts <> 0 AND ({_DAY_PARTS} & nd.any_parts) = 0)))))""",
    "pause": "(p.paused_until IS NULL OR p.paused_until <= {today})",
    "nights": """(n.nights = 0 OR NOT EXISTS (
        SELECT 1 FROM requests_app_needday nd WHERE nd.need_id = n.id AND nd.night
        AND (SELECT count(*) FROM requests_app_bednight b
             WHERE b.offer_id = p.offer_id AND b.night = nd.day) + n.people > p.capacity))""",
    "cap": """(p.cap_per_week IS NULL OR (SELECT count(*) FROM requests_app_taken k
        WHERE k.volunteer_id = p.volunteer_id AND k.day >= {week}) < p.cap_per_week)""",
    # Counted, not NOT EXISTS: PostgreSQL would plan a join for it, and the plan costs more than the look.
    "never": """(SELECT count(*) FROM requests_app_nevermatch x
        WHERE x.mailbox_id = n.mailbox_id AND x.volunteer_id = p.volunteer_id) = 0""",
    "declined": """(SELECT count(*) FROM requests_app_task ot
        JOIN requests_app_proposal o ON o.task_id = ot.id AND o.volunteer_id = p.volunteer_id
        WHERE ot.need_id = n.id AND o.outcome = 'declined') = 0""",
}
# The conditions that begin the index, and therefore the join.
LET_IN, REACH, KIND = "p.ready = TRUE", "p.reach_km >= d.km", "p.kind = n.kind"

_EVERY = {"let_in": LET_IN, "reach": REACH, "kind": KIND, **CONDITIONS}
_FIT = " AND ".join(CONDITIONS.values())

# Points over the hard conditions; `{hour}` is the hour it is (volunteers.account.hour_number), bound as a parameter.
_SCORE = f"""({NEAR} * ({MAX_REACH_KM} - d.km) / {MAX_REACH_KM}
    + CASE WHEN (p.languages & n.languages) <> 0 THEN {LANGUAGE} ELSE 0 END
    + CASE WHEN (p.weekly & n.any_bits) = n.any_bits THEN {PARTS} ELSE 0 END
    + CASE WHEN p.capacity = n.people THEN {SIZE} ELSE 0 END
    + {FAIR} * CASE WHEN p.asked_hour > {{hour}} THEN 0
        WHEN p.asked_hour <= {{hour}} - {HOURS_FAIR} THEN {HOURS_FAIR}
        ELSE {{hour}} - p.asked_hour END / {HOURS_FAIR})"""

_COLUMNS = f"""p.volunteer_id, p.offer_id, d.km, {_SCORE} AS score,
    (p.languages & n.languages) <> 0 AS speaks, (p.weekly & n.any_bits) = n.any_bits AS any_time,
    p.asked_hour <= {{hour}} - {HOURS_FAIR} AS not_lately"""


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

    At most three statements, whatever the number of offers. Same input, same order.
    """
    left_out = set(but_not)
    # Nearly always enough: a volunteer with several offers that fit takes a row for each.
    few = min(MOST_ROWS, 2 * count + len(left_out))
    found = _best(task, at, few)
    chosen = _one_each(found, lambda match: match.volunteer_id, left_out)
    if len(chosen) < count and len(found) == few < MOST_ROWS:
        chosen = _one_each(_best(task, at, MOST_ROWS), lambda match: match.volunteer_id, left_out)
    return chosen[:count]


def _best(task: Task, at: datetime, count: int) -> list[Match]:
    """The best offers among the MOST_ROWS nearest that fit, those first whom nobody asked for longest."""
    # The kind is also given as a value: PostgreSQL plans with it.
    sql = f"""SELECT * FROM (SELECT {_COLUMNS} FROM requests_app_need n
        CROSS JOIN organisation_distance d CROSS JOIN volunteers_offerplace p
        WHERE n.id = {{need}} AND d.to_area_id = n.area_id AND {KIND} AND p.kind = {{kind}}
        AND p.area_id = d.from_area_id AND {LET_IN} AND {REACH} AND {_FIT}
        ORDER BY d.km, d.from_area_id, p.asked_hour, p.offer_id LIMIT {MOST_ROWS}) AS fits
        ORDER BY score DESC, km, offer_id LIMIT {{count}}"""
    named = {"need": _id(task.need_id), "kind": task.need.kind, "count": count}
    return [_match(row, task.id) for row in _rows(sql, {**_times(at), **named})]


def board(volunteer: Volunteer, at: datetime) -> list[Match]:
    """What this volunteer could do, the best first: every task that is free, or held by somebody
    they could stand by for, and that fits one of their offers now."""
    return _for_volunteer(volunteer, at, None)


def on_need(volunteer: Volunteer, need_id: UUID, at: datetime) -> list[Match]:
    """The tasks of one need that fit this volunteer now; empty is a 404 for whoever holds none."""
    return _for_volunteer(volunteer, at, need_id)


def why_nobody(need: Need, at: datetime) -> list[Nobody]:
    """For each hard condition, how many would fit if only that one were given up; most first."""
    counts = [Nobody(name, _without(need, name, at)) for name in _EVERY]
    return sorted(counts, key=lambda row: (-row.would_fit, row.condition))


def _without(need: Need, name: str, at: datetime) -> int:
    """How many volunteers fulfil every condition but this one, and not this one."""
    others = " AND ".join(sql for other, sql in _EVERY.items() if other not in (name, "reach", "kind"))
    if name == "reach":
        # Whoever can be reached from nowhere near has no row of distances.
        joined = f"""CROSS JOIN volunteers_offerplace p LEFT JOIN organisation_distance d
            ON d.to_area_id = n.area_id AND d.from_area_id = p.area_id AND {REACH} WHERE {KIND}"""
        failing = "d.id IS NULL"
    else:
        joined = f"""CROSS JOIN organisation_distance d CROSS JOIN volunteers_offerplace p
            WHERE d.to_area_id = n.area_id AND p.area_id = d.from_area_id AND {REACH}"""
        failing = f"NOT COALESCE({_EVERY[name]}, FALSE)"
    sql = f"""SELECT count(DISTINCT p.volunteer_id) FROM requests_app_need n
        {joined} AND n.id = {{need}} AND {others} AND {failing}
        AND p.kind {"=" if name != "kind" else "<>"} {{kind}}"""
    named = {"need": _id(need.id), "kind": need.kind}
    return int(_rows(sql, {**_times(at), **named})[0][0])


def _for_volunteer(volunteer: Volunteer, at: datetime, need_id: UUID | None) -> list[Match]:
    """Best first; only one need's tasks where one is given."""
    only = "AND n.id = {need}" if need_id else "AND t.status IN ('open', 'held')"
    sql = f"""SELECT {_COLUMNS}, t.id FROM volunteers_offerplace p
        JOIN organisation_distance d ON d.from_area_id = p.area_id
        JOIN requests_app_need n ON n.area_id = d.to_area_id AND {KIND}
        JOIN requests_app_task t ON t.need_id = n.id
        WHERE p.volunteer_id = {{volunteer}} AND n.status = 'open' AND n.expires_at > {{moment}} {only}
        AND t.status IN ('open', 'held', 'approved') AND {LET_IN} AND {REACH} AND {_FIT}
        ORDER BY d.km, n.day, n.id, t.role, p.offer_id LIMIT {MOST_ROWS}"""
    named = {"volunteer": _id(volunteer.id), "moment": connection.ops.adapt_datetimefield_value(at)}
    if need_id:
        named["need"] = _id(need_id)
    rows = _rows(sql, {**_times(at), **named})
    return _one_each([_match(row, _uuid(row[-1])) for row in rows], lambda match: match.task_id)


def _match(row: Sequence[Any], task_id: UUID) -> Match:
    """The row as people are told it, with reason codes."""
    volunteer_id, offer_id, km, score, speaks, any_time, not_lately = row[:7]
    near = km <= MAX_REACH_KM // 4
    reasons = ["same_area" if km == 0 else "near" if near else "reach"]
    told = (("language", speaks), ("all_parts", any_time), ("not_asked_lately", not_lately))
    reasons += [code for code, holds in told if holds]
    return Match(task_id, _uuid(volunteer_id), _uuid(offer_id), km, score, tuple(reasons))


def _one_each(
    matches: list[Match], key: Callable[[Match], UUID], left_out: Collection[UUID] = ()
) -> list[Match]:
    """The best match for each key, in order of points, nearness and id."""
    ordered = sorted(matches, key=lambda m: (-m.score, m.km, m.offer_id.hex, m.task_id.hex))
    first: dict[UUID, Match] = {}
    for match in ordered:
        if match.volunteer_id not in left_out:
            first.setdefault(key(match), match)
    return list(first.values())


def _times(at: datetime) -> dict[str, Any]:
    return {
        "today": _date(clock.local_day(at)),
        "week": _date(first_day_that_counts(at)),
        "hour": hour_number(at),
    }


def _rows(sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """What a statement with {names} gives; each name is bound as a parameter wherever it stands."""
    bound: list[Any] = []

    def bind(name: re.Match[str]) -> str:
        bound.append(values[name[1]])
        return "%s"

    statement = re.sub(r"\{(\w+)\}", bind, sql)
    with connection.cursor() as cursor:
        cursor.execute(statement, bound)
        return list(cursor.fetchall())


def _id(value: UUID) -> Any:
    return Need._meta.pk.get_db_prep_value(value, connection)


def _uuid(value: Any) -> UUID:
    """PostgreSQL's driver gives a UUID, SQLite's its hex digits."""
    return value if isinstance(value, UUID) else UUID(hex=value)


def _date(value: Any) -> Any:
    return connection.ops.adapt_datefield_value(value)
