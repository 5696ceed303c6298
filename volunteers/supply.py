"""The most that offers of one kind, area and range could meet together: matching leaves out areas by it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from django.db import connection, models

from organisation.models import MAX_REACH_KM, Area
from privacy.fields import FieldClasses

if TYPE_CHECKING:
    from volunteers.places import OfferPlace

# How far offers go, in km, in a few steps: the index of the search rows is in their order.
RANGES = (10, 20, 40, MAX_REACH_KM)


def range_of(reach_km: int) -> int:
    """The reach rounded up to one of RANGES."""
    return next(km for km in RANGES if reach_km <= km)


class Key(NamedTuple):
    kind: str
    area_id: int
    range_km: int


class Most(NamedTuple):
    """Bits that any of several rows has, and the largest capacity among them."""

    possible: int = 0
    capacity: int = 0
    languages: int = 0
    conditions: int = 0

    def with_(self, other: Most) -> Most:
        return Most(
            self.possible | other.possible,
            max(self.capacity, other.capacity),
            self.languages | other.languages,
            self.conditions | other.conditions,
        )


Bound = tuple[Key, Most]


class SupplyManager(models.Manager["Supply"]):
    """Rows here may promise too much, never too little: they grow with each offer, and shrink when all
    of them are counted anew, at the next start or when the areas change."""

    def widen(self, places: Iterable[OfferPlace]) -> None:
        """Let the rows cover these search rows. Call inside the transaction that writes them."""
        self._lock("ROW EXCLUSIVE")
        wanted = _together(_bound(place) for place in places if place.ready)
        near = self.filter(area_id__in={key.area_id for key in wanted})
        known = {Key(*row[:3]): Most(*row[3:]) for row in near.values_list(*Key._fields, *Most._fields)}
        with connection.cursor() as cursor:
            for key, most in sorted(wanted.items()):
                if key not in known or known[key].with_(most) != known[key]:
                    # In one statement: two who widen the same row at once both count.
                    cursor.execute(_WIDEN, [*key, *most])

    def replace(self, rows: Iterable[Bound]) -> None:
        """Make the rows exactly as large as these ask for. Call after `hold`."""
        found = _together(rows)
        self.all().delete()
        self.bulk_create(
            (Supply(**key._asdict(), **most._asdict()) for key, most in sorted(found.items())),
            batch_size=1_000,
        )

    def hold(self) -> None:
        """Nobody else widens until the transaction ends; those who did have ended theirs."""
        self._lock("SHARE ROW EXCLUSIVE")

    def _lock(self, mode: str) -> None:
        # On SQLite every transaction that writes is alone.
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"LOCK TABLE volunteers_supply IN {mode} MODE")


class Supply(models.Model):
    """A bound over the search rows (volunteers/places.py) of one kind, area and range, columns as there."""

    kind = models.CharField(max_length=30)
    area = models.ForeignKey(Area, on_delete=models.CASCADE, related_name="+", db_index=False)
    range_km = models.PositiveSmallIntegerField()
    possible = models.IntegerField()
    capacity = models.PositiveSmallIntegerField()
    languages = models.BigIntegerField()
    conditions = models.BigIntegerField()

    objects = SupplyManager()
    privacy = FieldClasses(
        derived=("id", "kind", "area", "range_km", "possible", "capacity", "languages", "conditions"),
        lives="until offers are counted anew",
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("kind", "area", "range_km"), name="one_supply_per_range"),
        )
        indexes = (
            models.Index(
                fields=("kind", "area", "range_km", "possible", "capacity", "languages", "conditions"),
                name="supply_search",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.area_id} {self.range_km}"


_WIDEN = """INSERT INTO volunteers_supply AS s
    (kind, area_id, range_km, possible, capacity, languages, conditions)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (kind, area_id, range_km) DO UPDATE SET
    possible = s.possible | excluded.possible,
    capacity = CASE WHEN s.capacity < excluded.capacity THEN excluded.capacity ELSE s.capacity END,
    languages = s.languages | excluded.languages, conditions = s.conditions | excluded.conditions"""


def _bound(place: OfferPlace) -> Bound:
    return (
        Key(place.kind, place.area_id, place.range_km),
        Most(place.possible, place.capacity, place.languages, place.conditions),
    )


def _together(rows: Iterable[Bound]) -> dict[Key, Most]:
    found: dict[Key, Most] = {}
    for key, most in rows:
        found[key] = found[key].with_(most) if key in found else most
    return found
