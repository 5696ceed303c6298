"""Who fits a need, and what fits a volunteer: one predicate, asked from either end.

The hard conditions are one SQL statement over the need's clear facts (n), the volunteers' search
rows (p, volunteers/places.py) and the distances between areas (d). The best are scored among the
nearest 200 rows. It proposes; people decide.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from organisation import conditions, kinds
from organisation.models import MAX_REACH_KM
from privacy import clock
from requests_app.models import Need, Task
from requests_app.models.taken import first_day_that_counts
from volunteers import asks
from volunteers.account import hour_number
from volunteers.models import Volunteer
from volunteers.nights import BED_BITS, BED_MASK

# Among how many of the nearest the best are looked for: a few times as many as are wanted.
MOST_ROWS, FEWEST_ROWS, TIMES = 200, 64, 3
# Points: the largest first. Nearness and fairness decide; the rest breaks ties.
NEAR, FAIR, LANGUAGE, PARTS, SIZE = 40, 30, 20, 10, 5
# For all of what would be good; for some of it, its share.
WISHES = 20
HOURS_FAIR = 24 * 30

_DAY_PARTS = "COALESCE(e.parts, (p.weekly >> nd.weekday_shift) & 15)"
# Six bits for each weekday, where the parts of its days have four.
_BEDS = f"COALESCE(o.beds, (p.beds_week >> (nd.weekday_shift / 4 * {BED_BITS})) & {BED_MASK})"
_MUST_AGREE = "COALESCE((SELECT g.household_must_agree FROM organisation_organisation g), FALSE)"
# Days between a night that is taken and one that is asked for.
_APART = {
    "sqlite": "abs(julianday(b.night) - julianday(nd.day))",
    "postgresql": "abs(b.night - nd.day)",
}[connection.vendor]
_NAME = re.compile(r"\{(\w+)\}")
Row = Sequence[Any]

# {names} are the facts of the need: bound as values where one need is asked about, and columns of the
# table where many are (_FACTS). {today}, {week}, {hour} and {moment} are always values.

# True of what one row says (p), and of the most that many rows could meet (volunteers.places.Supply).
# `possible` is never less than what is true on any one day.
_AT_MOST = {
    "capacity": "p.capacity >= {people}",
    "conditions": "(p.conditions & {conditions}) = {conditions}",
    "language": "(NOT {languages_hard} OR (p.languages & {languages}) <> 0)",
    "parts": "((p.possible & {any_bits}) <> 0 AND (p.possible & {all_bits}) = {all_bits})",
}
# Each hard condition by name, the cheapest first: a row is left at the first it does not meet.
CONDITIONS: dict[str, str] = {
    **_AT_MOST,
    "parts": f"""({_AT_MOST["parts"]} AND (NOT p.has_exceptions OR NOT EXISTS (
        SELECT 1 FROM requests_app_needday nd
        LEFT JOIN volunteers_offerexception e ON e.offer_id = p.offer_id AND e.day = nd.day
        WHERE nd.task_id = {{task}} AND (({_DAY_PARTS} & nd.all_parts) <> nd.all_parts
            OR (nd.any_parts <> 0 AND ({_DAY_PARTS} & nd.any_parts) = 0)))))""",
    "checks": "(p.checked_until IS NULL OR p.checked_until > {today})",
    "pause": "(p.paused_until IS NULL OR p.paused_until <= {today})",
    "most_nights": "(p.most_nights IS NULL OR {nights} <= p.most_nights)",
    "notice": "(p.notice_hours = 0 OR {hour} + p.notice_hours <= {last_hour})",
    "arrival": "(p.arrivals & {parts}) <> 0",
    "household": f"(p.agreed_until IS NULL OR p.agreed_until > {{today}} OR NOT {_MUST_AGREE})",
    "nights": f"""({{nights}} = 0 OR NOT EXISTS (
        SELECT 1 FROM requests_app_needday nd
        LEFT JOIN volunteers_offernight o ON o.offer_id = p.offer_id AND o.night = nd.day
        WHERE nd.need_id = {{id}} AND nd.night AND {_BEDS} < {{people}}
            + (SELECT count(*) FROM requests_app_bednight b
               WHERE b.offer_id = p.offer_id AND b.night = nd.day)))""",
    "rest": f"""(p.rest_days = 0 OR {{nights}} = 0 OR NOT EXISTS (
        SELECT 1 FROM volunteers_offer w
        JOIN requests_app_bednight b ON b.offer_id = w.id
        JOIN requests_app_needday nd ON nd.need_id = {{id}} AND nd.night
        WHERE w.volunteer_id = p.volunteer_id AND {_APART} <= p.rest_days
        AND NOT EXISTS (SELECT 1 FROM requests_app_bednight c JOIN requests_app_needday sd
            ON sd.need_id = {{id}} AND sd.night AND sd.day = c.night WHERE c.claim_id = b.claim_id)))""",
    "cap": """(p.cap_per_week IS NULL OR (SELECT count(*) FROM requests_app_taken k
        WHERE k.volunteer_id = p.volunteer_id AND k.day >= {week}) < p.cap_per_week)""",
    "never": """p.volunteer_id NOT IN (SELECT x.volunteer_id FROM requests_app_nevermatch x
        WHERE x.mailbox_id = {mailbox_id})""",
    "declined": """p.volunteer_id NOT IN (SELECT o.volunteer_id FROM requests_app_task ot
        JOIN requests_app_proposal o ON o.task_id = ot.id
        WHERE ot.need_id = {id} AND o.outcome = 'declined')""",
    # Only beside somebody experienced, who holds another part of the same need, and of whoever is a backup
    # more than one: see models/trusted.py.
    "probation": """(NOT p.probation OR ({in_company} AND (
        SELECT count(*) FROM requests_app_claim c JOIN volunteers_volunteer v ON v.id = c.volunteer_id
        JOIN requests_app_task ct ON ct.id = c.task_id AND ct.role NOT IN {apart}
        WHERE c.need_id = {id} AND c.task_id <> {task} AND NOT v.probation
        AND (c.status = 'approved' OR (c.status = 'held' AND c.held_until > {moment}))) > {instead_of}))""",
}
# What counts only where people are asked: whoever had enough today still sees the board, and a partner
# sees there what it was asked (TURN).
ASKING: dict[str, str] = {
    "asked": """(p.asked_day < {day} OR (p.asked_today < {asks}
        AND (p.asks_per_day IS NULL OR p.asked_today < p.asks_per_day)))""",
    "partner": "p.partner = {partners}",
}
TURN = """(p.partner = FALSE OR (n.partner_ok AND EXISTS (SELECT 1 FROM requests_app_proposal ap
    WHERE ap.task_id = t.id AND ap.volunteer_id = p.volunteer_id AND ap.asked_at IS NOT NULL)))"""
# What is over is nothing anybody could do: no part of its day, or no night, is left. {parts_left} are those
# of today that have not ended.
LEFT = """(n.day > {today} OR EXISTS (SELECT 1 FROM requests_app_needday ld WHERE ld.task_id = t.id
    AND (ld.day > {today} OR (ld.day = {today} AND (ld.night OR (ld.any_parts & {parts_left}) <> 0)))))"""
# The conditions that begin the index, and therefore the join.
LET_IN, KIND = "p.ready = TRUE", "p.kind = {kind}"
REACH = "(p.range_km >= d.km AND p.reach_km >= d.km)"
_EVERY = {"let_in": LET_IN, "reach": REACH, "kind": KIND, **CONDITIONS, **ASKING}
_FIT = " AND ".join(CONDITIONS.values())
_ASKED = " AND ".join(ASKING.values())
# No row of an area needs a look where even the most that they could meet together is not enough.
# (Not EXISTS: PostgreSQL would join all of them.)
_SUPPLY = f"""1 = (SELECT 1 FROM volunteers_supply s
    WHERE s.kind = {{kind}} AND s.area_id = d.from_area_id AND s.range_km >= d.km
    AND {" AND ".join(_AT_MOST.values()).replace("p.", "s.")} LIMIT 1)"""
_FACTS = (
    *("id", "mailbox_id", "kind", "area_id", "people", "nights", "conditions"),
    *("languages", "languages_hard", "wishes"),
)
# When it takes place is the task's (t); the area is that where the need begins.
_TIMES = ("any_bits", "all_bits", "parts", "last_hour")


_WISHED = [one.bit for one in conditions.ALL.values() if one.wish and not one.who]


def _count(mask: str) -> str:
    """How many bits of a mask are set, of those that can be wished for."""
    return "(" + " + ".join(f"(({mask} >> {bit}) & 1)" for bit in _WISHED) + ")"


# The share of her wishes that an offer has: never asked where there are none.
_WISHES = f"""CASE WHEN ({{wishes}} & {sum(1 << bit for bit in _WISHED)}) = 0 THEN 0
        ELSE {WISHES} * {_count("(p.conditions & {wishes})")} / {_count("{wishes}")} END"""
# Points over the hard conditions. {hour} is the hour it is (volunteers.account.hour_number).
_SCORE = f"""({NEAR} * ({MAX_REACH_KM} - d.km) / {MAX_REACH_KM}
    + CASE WHEN (p.languages & {{languages}}) <> 0 THEN {LANGUAGE} ELSE 0 END
    + CASE WHEN (p.weekly & {{any_bits}}) = {{any_bits}} THEN {PARTS} ELSE 0 END
    + CASE WHEN p.capacity = {{people}} THEN {SIZE} ELSE 0 END
    + {_WISHES}
    + {FAIR} * CASE WHEN p.asked_hour > {{hour}} THEN 0
        WHEN p.asked_hour <= {{hour}} - {HOURS_FAIR} THEN {HOURS_FAIR}
        ELSE {{hour}} - p.asked_hour END / {HOURS_FAIR})"""
_COLUMNS = f"""p.volunteer_id, p.offer_id, d.km, {_SCORE} AS score,
    (p.languages & {{languages}}) <> 0 AS speaks, (p.weekly & {{any_bits}}) = {{any_bits}} AS any_time,
    p.asked_hour <= {{hour}} - {HOURS_FAIR} AS not_lately,
    CASE WHEN (p.conditions & {{wishes}}) = 0 THEN 0
        WHEN (p.conditions & {{wishes}}) = {{wishes}} THEN 2 ELSE 1 END AS wished"""

# The nearest first; of one area, who goes less far (who goes far is kept for what is far); of
# those, whom nobody asked for longest. It is the order of both indexes: reading stops at the last
# row wanted. SQLite sees that by itself; PostgreSQL has to be told, area by area.
_ORDER = "p.range_km, p.asked_hour, p.offer_id"
_NEAREST = f"""d.to_area_id = {{area_id}} AND {_SUPPLY}
    ORDER BY d.km, d.from_area_id, {_ORDER} LIMIT {{nearest}}"""
_IN_AREA = f"{KIND} AND p.area_id = d.from_area_id AND {LET_IN} AND {REACH} AND {_ASKED} AND {_FIT}"
_BEST = {
    "sqlite": f"""SELECT {_COLUMNS} FROM organisation_distance d
        CROSS JOIN volunteers_offerplace p WHERE {_IN_AREA} AND {_NEAREST}""",
    "postgresql": f"""SELECT {_COLUMNS} FROM organisation_distance d
        CROSS JOIN LATERAL (SELECT * FROM volunteers_offerplace p
            WHERE {_IN_AREA} ORDER BY {_ORDER} LIMIT {{nearest}}) p WHERE {_NEAREST}""",
}


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


def best(
    task: Task, at: datetime, count: int, but_not: Iterable[UUID] = (), *, partners: bool = False
) -> list[Match]:
    """The `count` best volunteers for one task who may be asked now, the best first; `but_not` are volunteer
    ids. With `partners`, the best partner organisations instead.

    At most three statements, whatever the number of offers. Same input, same order.
    """
    left_out = _ids(but_not)
    nearest = min(MOST_ROWS, max(FEWEST_ROWS, TIMES * (count + len(left_out))))
    # Nearly always enough: a volunteer with several offers that fit takes a row for each.
    few = min(nearest, 2 * count + len(left_out))
    values = {**_values(task), **_times(at), **_asking(partners)}
    rows = _best(values, nearest, few)
    if len(rows) == few < nearest and len({row[0] for row in rows} - left_out) < count:
        rows = _best(values, nearest, nearest)
    return [_match(row, task.id) for row in _first_of_each(rows, 0, left_out)[:count]]


def _best(values: Mapping[str, Any], nearest: int, count: int) -> list[Row]:
    """The best offers among the nearest that fit."""
    sql = f"""SELECT * FROM ({_BEST[connection.vendor]}) AS fits
        ORDER BY score DESC, km, offer_id LIMIT {{count}}"""
    return _rows(sql, {**values, "nearest": nearest, "count": count})


def board(volunteer: Volunteer, at: datetime) -> list[Match]:
    """What this volunteer could do, the best first: every task that is not over and is free, or held by
    somebody they could stand by for, and that fits one of their offers now."""
    return _for_volunteer(volunteer, at, "t.status IN ('open', 'held')", {})


def on_need(volunteer: Volunteer, need_id: UUID, at: datetime) -> list[Match]:
    """The tasks of one need that fit this volunteer now; empty is a 404 for whoever holds none."""
    which = "n.id = {only} AND t.status IN ('open', 'held', 'approved')"
    return _for_volunteer(volunteer, at, which, {"only": _id(need_id)})


def _for_volunteer(volunteer: Volunteer, at: datetime, which: str, values: Mapping[str, Any]) -> list[Match]:
    """Distances are read the other way round, from the offer's area: they are the same both ways."""
    sql = f"""SELECT * FROM (SELECT {_COLUMNS}, t.id FROM volunteers_offerplace p
        JOIN organisation_distance d ON d.to_area_id = p.area_id AND {REACH}
        JOIN requests_app_need n ON n.area_id = d.from_area_id AND {KIND}
        JOIN requests_app_task t ON t.need_id = n.id
        JOIN requests_app_mailbox m ON m.id = n.mailbox_id AND m.held_back = FALSE
        WHERE p.volunteer_id = {{volunteer}} AND n.status = 'open' AND n.expires_at > {{moment}}
        AND {which} AND {LEFT} AND {LET_IN} AND {TURN} AND {_FIT}
        ORDER BY d.km, n.day, n.id, t.role, p.offer_id LIMIT {MOST_ROWS}) AS fits
        ORDER BY score DESC, km, offer_id, id"""
    names = {name: Column(f"n.{name}") for name in _FACTS}
    names |= {"task": Column("t.id"), **{name: Column(f"t.{name}") for name in _TIMES}}
    own = {"volunteer": _id(volunteer.id), "in_company": Column(_in_company())}
    own["instead_of"] = Column(f"(CASE WHEN t.role IN {_named(_backups())} THEN 1 ELSE 0 END)")
    rows = _rows(sql, {**names, **_times(at), **own, **values})
    return [_match(row, _uuid(row[-1])) for row in _first_of_each(rows, -1)]


def why_nobody(task: Task, at: datetime) -> list[Nobody]:
    """For each hard condition, how many would fit if only that one were given up; most first."""
    values = {**_values(task), **_times(at), **_asking(partners=False)}
    counts = [Nobody(name, _without(values, name)) for name in _EVERY]
    return sorted(counts, key=lambda row: (-row.would_fit, row.condition))


def _without(values: dict[str, Any], name: str) -> int:
    """How many volunteers fulfil every condition but this one, and not this one."""
    others = " AND ".join(sql for other, sql in _EVERY.items() if other != name)
    if name == "reach":
        rows = f"""volunteers_offerplace p WHERE {others} AND NOT EXISTS (
            SELECT 1 FROM organisation_distance d WHERE d.to_area_id = {{area_id}}
            AND d.from_area_id = p.area_id AND {REACH})"""
    else:
        failing = f"NOT COALESCE({_EVERY[name]}, FALSE)"
        if name == "kind":
            # Named one by one, for the index; there is always one, if only this one.
            slugs = {f"kind{n}": kind.slug for n, kind in enumerate(kinds.all())}
            failing += f" AND p.kind IN ({', '.join(f'{{{slug}}}' for slug in slugs)})"
            values = {**values, **slugs}
        rows = f"""organisation_distance d CROSS JOIN volunteers_offerplace p
            WHERE d.to_area_id = {{area_id}} AND p.area_id = d.from_area_id AND {others} AND {failing}"""
    return int(_rows(f"SELECT count(DISTINCT p.volunteer_id) FROM {rows}", values)[0][0])


def _match(row: Row, task_id: UUID) -> Match:
    """The row as people are told it, with reason codes."""
    volunteer_id, offer_id, km, score, speaks, any_time, not_lately, wished = row[:8]
    near = km <= MAX_REACH_KM // 4
    reasons = ["same_area" if km == 0 else "near" if near else "reach"]
    told = [("language", speaks), ("all_parts", any_time), ("not_asked_lately", not_lately)]
    told += [("wishes", wished == 2), ("some_wishes", wished == 1)]
    reasons += [code for code, holds in told if holds]
    return Match(task_id, _uuid(volunteer_id), _uuid(offer_id), km, score, tuple(reasons))


def _first_of_each(rows: Iterable[Row], column: int, left_out: Collection[Any] = ()) -> list[Row]:
    """The first row of each value of one column, without the volunteers left out."""
    first: dict[Any, Row] = {}
    for row in rows:
        if row[0] not in left_out:
            first.setdefault(row[column], row)
    return list(first.values())


def _values(task: Task) -> dict[str, Any]:
    """The facts of one task and its need, to be bound."""
    need, kind = task.need, kinds.get(task.need.kind)
    facts = {name: getattr(need, name) for name in _FACTS}
    return {
        **facts,
        **{name: getattr(task, name) for name in _TIMES},
        "id": _id(need.id),
        "mailbox_id": _id(need.mailbox_id),
        "in_company": kind.one_person_each and task.role not in _later(),
        "instead_of": 1 if task.role in _backups() else 0,
        "task": _id(task.id),
    }


def _in_company() -> str:
    """True of a task beside whose owner others are at once, by its kind and its role."""
    slugs = {kind.slug for kind in kinds.all() if kind.one_person_each}
    return f"(n.kind IN {_named(slugs)} AND t.role NOT IN {_named(_later())})"


def _backups() -> set[str]:
    """The roles of whoever comes only if somebody else cannot."""
    return {role for kind in kinds.all() for role in kind.backup_roles()}


def _apart() -> set[str]:
    """The roles of whoever is beside nobody: backups, and those who take over later."""
    return {role for kind in kinds.all() for role in kind.apart_roles()}


def _later() -> set[str]:
    return _apart() - _backups()


def _named(slugs: Iterable[str]) -> str:
    """As a list in a statement, also where there is none: slugs are plain letters."""
    return "(" + ", ".join(f"'{slug}'" for slug in sorted({"", *slugs})) + ")"


def _times(at: datetime) -> dict[str, Any]:
    today = clock.local_day(at)
    return {
        "apart": Column(_named(_apart())),
        "today": _date(today),
        "parts_left": sum(part for part in clock.Part if clock.part_end(today, part) > at),
        "week": _date(first_day_that_counts(at)),
        "hour": hour_number(at),
        "moment": connection.ops.adapt_datetimefield_value(at),
        "day": asks.day_number(at),
    }


def _asking(partners: bool) -> dict[str, Any]:
    return {"asks": asks.most_per_day(), "partners": partners}


class Column(str):
    """A name that stands in the statement as it is, where a value would be bound."""


def _rows(sql: str, values: Mapping[str, Any]) -> list[Row]:
    """What a statement with {names} gives; each name is bound as a parameter wherever it stands."""
    bound: list[Any] = []

    def bind(name: re.Match[str]) -> str:
        value = values[name[1]]
        if isinstance(value, Column):
            return value
        bound.append(value)
        return "%s"

    statement = _NAME.sub(bind, sql)
    with connection.cursor() as cursor:
        cursor.execute(statement, bound)
        return list(cursor.fetchall())


def _id(value: UUID) -> Any:
    return Need._meta.pk.get_db_prep_value(value, connection)


def _ids(values: Iterable[UUID]) -> set[Any]:
    return {_id(value) for value in values}


def _uuid(value: Any) -> UUID:
    """PostgreSQL's driver gives a UUID, SQLite's its hex digits."""
    return value if isinstance(value, UUID) else UUID(hex=value)


def _date(value: Any) -> Any:
    return connection.ops.adapt_datefield_value(value)
