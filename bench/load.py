"""Fill the tables in bulk: a million offers in minutes. A sample is compared with what the verbs write."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import connection, models, transaction
from psycopg import sql

from bench import country
from bench.country import AT, OfferFacts
from organisation import geometry
from organisation.models import Area, Distance
from privacy import clock
from privacy.fields import random_id
from requests_app.models import Taken
from requests_app.models.taken import WEEK
from volunteers.account import NEVER, hour_number
from volunteers.models import Offer, OfferException, OfferNight, OfferPlace, Volunteer
from volunteers.nights import AGREED_FOR, packed, unpacked
from volunteers.supply import range_of

PLAIN: dict[type, Callable[[Any], Any]] = {
    UUID: lambda value: value.hex,
    datetime: lambda value: value.replace(tzinfo=None).isoformat(" "),
    date: lambda value: value.isoformat(),
}
ALL_DAY = int(clock.ALL_PARTS)
BATCH = 50_000
SAMPLE = 40


class Rows:
    """Bulk rows of one table: `names` vary, every other column has its model's default."""

    def __init__(self, model: type[models.Model], names: Sequence[str]) -> None:
        fields = [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]
        fixed = [field for field in fields if field.attname not in names]
        columns = {field.attname: str(field.column) for field in fields}
        self.table = model._meta.db_table
        self.columns = [columns[name] for name in (*names, *(field.attname for field in fixed))]
        self.fixed = tuple(_fixed(field) for field in fixed)

    def write(self, rows: Iterable[tuple[Any, ...]]) -> None:
        if connection.vendor == "postgresql":
            self._copy(row + self.fixed for row in rows)
        else:
            fixed = tuple(_plain(value) for value in self.fixed)
            self._insert((*map(_plain, row), *fixed) for row in rows)

    def _copy(self, rows: Iterable[tuple[Any, ...]]) -> None:
        columns = sql.SQL(", ").join([sql.Identifier(column) for column in self.columns])
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(self.table), columns)
        with connection.cursor() as cursor, cursor.cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)

    def _insert(self, rows: Iterable[tuple[Any, ...]]) -> None:
        marks = ", ".join("?" * len(self.columns))
        statement = f'INSERT INTO "{self.table}" ({", ".join(self.columns)}) VALUES ({marks})'
        connection.connection.executemany(statement, rows)


def _fixed(field: models.Field[Any, Any]) -> Any:
    if isinstance(field, models.BinaryField):
        return b"" if field.max_length is None else bytes(field.max_length)
    return field.get_default()


def _plain(value: Any) -> Any:
    """As Django writes it to SQLite."""
    change = PLAIN.get(type(value))
    return change(value) if change else value


def areas() -> None:
    """The areas of the country, with their distances."""
    Area.objects.all().delete()
    Area.objects.bulk_create(
        Area(pk=number, name=f"Area {number}", lat=lat, lon=lon)
        for number, (lat, lon) in enumerate(country.centres(), 1)
    )
    # What organisation.areas.rebuild_distances writes, at once instead of row by row.
    pairs = geometry.within_reach(range(1, country.AREAS + 1), dict(enumerate(country.centres(), 1)), [])
    with _quickly(Distance), transaction.atomic():
        Rows(Distance, ("to_area_id", "km", "from_area_id")).write(sorted(set(pairs)))


def offers(first: int, last: int) -> None:
    """Offers number `first` up to `last`, with their volunteers and all that is derived from them."""
    facts = country.offers(first, last)
    with _quickly(OfferPlace):
        while batch := list(islice(facts, BATCH)):
            with transaction.atomic():
                for rows, of in TABLES:
                    rows.write(row for offer in batch for row in of(offer))
    OfferPlace.objects.tighten_supply()
    analyze()
    _compare_a_sample(first, last)


def analyze() -> None:
    """Tell the planner. Only a vacuum tells PostgreSQL that looking into the index is enough."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


@contextlib.contextmanager
def _quickly(model: type[models.Model]) -> Iterator[None]:
    """Without foreign keys checked row by row; the model's indexes are built at the end."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = replica")
        else:
            cursor.execute("PRAGMA cache_size=-300000")
    with connection.schema_editor() as editor:
        for index in model._meta.indexes:
            editor.remove_index(model, index)
    with connection.constraint_checks_disabled():
        yield
    with connection.schema_editor() as editor:
        for index in model._meta.indexes:
            editor.add_index(model, index)
    # With its usual cache and its foreign keys again.
    connection.close()


def _volunteer(facts: OfferFacts) -> Iterator[tuple[Any, ...]]:
    yield (
        *(facts.volunteer, f"bench-{facts.number:07}", f"Bench {facts.number}", AT, facts.paused_until),
        *(facts.languages, facts.cap_per_week, facts.home.rest_days, facts.last_asked_at),
    )


def _offer(facts: OfferFacts) -> Iterator[tuple[Any, ...]]:
    yield (
        *(facts.offer, facts.volunteer, json.dumps(facts.kinds), facts.area, facts.reach_km, facts.weekly),
        *(facts.capacity, facts.conditions, facts.active, AT),
        *(facts.home.beds_week, facts.home.most_nights, facts.home.notice_hours, facts.home.arrivals),
        facts.home.agreed_on,
    )


def _exceptions(facts: OfferFacts) -> Iterator[tuple[Any, ...]]:
    for day, parts in facts.days:
        yield facts.offer, day, parts


def _nights(facts: OfferFacts) -> Iterator[tuple[Any, ...]]:
    for night, beds in facts.home.nights:
        yield facts.offer, night, min(beds, facts.capacity), clock.day_end(night)


def _taken(facts: OfferFacts) -> Iterator[tuple[Any, ...]]:
    for _once in range(facts.taken):
        yield random_id(), facts.volunteer, country.TODAY, clock.day_end(country.TODAY + WEEK)


def _places(facts: OfferFacts) -> Iterator[tuple[Any, ...]]:
    home = facts.home
    week = [facts.capacity] * 7 if home.beds_week is None else unpacked(home.beds_week)
    agreed_until = home.agreed_on + AGREED_FOR if home.agreed_on else NEVER.date()
    for kind in facts.kinds:
        stays = kind == "stay"
        yield (
            *(facts.offer, facts.volunteer, kind, facts.area, facts.reach_km, range_of(facts.reach_km)),
            *(facts.weekly, facts.possible),
            *(bool(facts.days), facts.capacity, facts.languages, facts.conditions, facts.active),
            *(facts.paused_until, facts.cap_per_week, hour_number(facts.last_asked_at)),
            *(packed([min(beds, facts.capacity) for beds in week]), home.notice_hours, home.rest_days),
            *((home.most_nights, home.arrivals, agreed_until) if stays else (None, ALL_DAY, None)),
        )


PLACE_COLUMNS = (
    *("offer_id", "volunteer_id", "kind", "area_id", "reach_km", "range_km"),
    *("weekly", "possible"),
    *("has_exceptions", "capacity", "languages", "conditions", "ready"),
    *("paused_until", "cap_per_week", "asked_hour"),
    *("beds_week", "notice_hours", "rest_days", "most_nights", "arrivals", "agreed_until"),
)
TABLES: tuple[tuple[Rows, Callable[[OfferFacts], Iterator[tuple[Any, ...]]]], ...] = (
    (
        Rows(
            Volunteer,
            (
                *("id", "username", "handle", "vouched_at", "paused_until"),
                *("languages", "cap_per_week", "rest_days", "last_asked_at"),
            ),
        ),
        _volunteer,
    ),
    (
        Rows(
            Offer,
            (
                *("id", "volunteer_id", "kinds", "home_area_id", "reach_km", "weekly"),
                *("capacity", "conditions", "active", "made_at"),
                *("beds_week", "most_nights", "notice_hours", "arrivals", "adults_agreed_on"),
            ),
        ),
        _offer,
    ),
    (Rows(OfferException, ("offer_id", "day", "parts")), _exceptions),
    (Rows(OfferNight, ("offer_id", "night", "beds", "forget_after")), _nights),
    (Rows(Taken, ("id", "volunteer_id", "day", "forget_after")), _taken),
    (Rows(OfferPlace, PLACE_COLUMNS), _places),
)


def _compare_a_sample(first: int, last: int) -> None:
    """The rows loaded are those that the verb makes of the same offers."""
    sample = [facts.offer for facts in islice(country.offers(first, last), SAMPLE)]
    for offer in Offer.objects.select_related("volunteer").filter(pk__in=sample):
        loaded = list(offer.places.order_by("kind").values_list(*PLACE_COLUMNS))
        offer.reindex(AT)
        assert list(offer.places.order_by("kind").values_list(*PLACE_COLUMNS)) == loaded
