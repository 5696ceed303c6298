"""Areas: named, coarse places in a tree, and how far each is from each. Nobody ever drops a pin."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from django.db import connection, models, transaction
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from organisation import geometry
from privacy.fields import FieldClasses


class AreaInsideItself(ValueError):
    """An area cannot lie in itself or in an area that lies in it."""


class LastArea(ValueError):
    """One area stays open; without any, nobody can ask."""


class NewArea(NamedTuple):
    """One line of a list of areas to plant; `parent` is the name of an earlier line or of nothing."""

    name: str
    parent: str = ""
    lat: float | None = None
    lon: float | None = None


class AreaQuerySet(models.QuerySet["Area"]):
    def active(self) -> AreaQuerySet:
        """Those that can be chosen."""
        return self.filter(active=True)

    def tree(self) -> list[tuple[Area, int]]:
        """(area, depth from 0) of all of them, each below its parent, sorted by name. One query."""
        children: defaultdict[int | None, list[Area]] = defaultdict(list)
        areas = sorted(self, key=lambda area: area.name.casefold())
        known = {area.pk for area in areas}
        for area in areas:
            # A parent outside this QuerySet leaves its children at the top.
            children[area.parent_id if area.parent_id in known else None].append(area)
        rows: list[tuple[Area, int]] = []
        waiting = [(area, 0) for area in reversed(children[None])]
        while waiting:
            area, depth = waiting.pop()
            rows.append((area, depth))
            waiting.extend((child, depth + 1) for child in reversed(children[area.pk]))
        return rows

    def choices(self) -> list[tuple[int, str]]:
        """(id, indented name) of those that can be chosen, in the order of the tree. One query."""
        return [(area.pk, "\u2003" * depth + area.name) for area, depth in self.tree() if area.active]

    def labels(self) -> dict[int, str]:
        """id → "District, Town, Land" of all of them. One query."""
        labels: dict[int, str] = {}
        for area, _depth in self.tree():
            above = labels.get(area.parent_id) if area.parent_id else None
            labels[area.pk] = f"{area.name}, {above}" if above else area.name
        return labels

    def add(
        self, *, name: str, parent: Area | None = None, lat: float | None = None, lon: float | None = None
    ) -> Area:
        """A new area, with its distances. The same name in the same parent twice is once."""
        with transaction.atomic():
            area, _made = self.get_or_create(name=name, parent=parent, defaults={"lat": lat, "lon": lon})
            rebuild_distances()
        return area

    def plant(self, lines: Iterable[NewArea]) -> dict[str, Area]:
        """Many new areas at once, by name; parents before their children. Distances are built once."""
        planted: dict[str, Area] = {}
        with transaction.atomic():
            for line in lines:
                parent = planted[line.parent] if line.parent else None
                planted[line.name] = self.create(name=line.name, parent=parent, lat=line.lat, lon=line.lon)
            rebuild_distances()
        return planted


class Area(models.Model):
    """A district or town. Its centre, where one is known, is that of the place, never of a person."""

    name = models.CharField(_("name"), max_length=80)
    parent = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        verbose_name=_("lies in"),
    )
    lat = models.FloatField(_("latitude"), null=True, blank=True)
    lon = models.FloatField(_("longitude"), null=True, blank=True)
    active = models.BooleanField(default=True)

    objects = AreaQuerySet.as_manager()

    privacy = FieldClasses(
        clear=("id", "name", "parent", "lat", "lon", "active"),
        lives="until the organisation removes it",
    )

    class Meta:
        default_related_name = "areas"
        constraints = [
            models.UniqueConstraint(
                fields=("parent", "name"), condition=Q(parent__isnull=False), name="area_once_in_parent"
            ),
            models.UniqueConstraint(
                fields=("name",), condition=Q(parent__isnull=True), name="area_once_at_top"
            ),
            models.CheckConstraint(
                condition=Q(lat__isnull=True, lon__isnull=True)
                | Q(lat__gte=-90, lat__lte=90, lon__gte=-180, lon__lte=180),
                name="area_centre_whole",
            ),
            models.CheckConstraint(condition=~Q(parent=F("id")), name="area_not_in_itself"),
        ]

    def __str__(self) -> str:
        return self.name

    def lies_in(self, other: Area) -> bool:
        """Whether `other` is this area or one above it."""
        parents = dict(Area.objects.values_list("pk", "parent_id"))
        above: int | None = self.pk
        while above is not None and above != other.pk:
            above = parents[above]
        return above is not None

    def change(self, *, name: str, parent: Area | None, lat: float | None, lon: float | None) -> None:
        """New name, place in the tree and centre, with new distances. Raises AreaInsideItself."""
        if parent is not None and parent.lies_in(self):
            raise AreaInsideItself
        with transaction.atomic():
            self.name, self.parent, self.lat, self.lon = name, parent, lat, lon
            self.save(update_fields=["name", "parent", "lat", "lon"])
            rebuild_distances()

    def adjoin(self, other: Area) -> None:
        """The two touch. Counts where one of them has no centre. Twice is once. Raises AreaInsideItself."""
        if self.pk == other.pk:
            raise AreaInsideItself
        first, second = sorted((self.pk, other.pk))
        with transaction.atomic():
            Neighbour.objects.get_or_create(a_id=first, b_id=second)
            rebuild_distances()

    def activate(self) -> None:
        """It can be chosen again."""
        self.active = True
        self.save(update_fields=["active"])

    def deactivate(self) -> None:
        """It can no longer be chosen; what names it keeps it. Raises LastArea."""
        with transaction.atomic():
            others = Area.objects.select_for_update().active().exclude(pk=self.pk)
            if not list(others):
                raise LastArea
            self.active = False
            self.save(update_fields=["active"])

    def remove(self) -> bool:
        """Delete it, or deactivate it while something names it; whether it is gone. Raises LastArea."""
        with transaction.atomic():
            self.deactivate()
            try:
                with transaction.atomic():
                    self.delete()
            except (models.ProtectedError, models.RestrictedError):
                return False
            rebuild_distances()
        return True


class Neighbour(models.Model):
    """Two areas that touch, the smaller id first."""

    a = models.ForeignKey(Area, on_delete=models.CASCADE, related_name="+")
    b = models.ForeignKey(Area, on_delete=models.CASCADE, related_name="+")

    privacy = FieldClasses(clear=("id", "a", "b"), lives="as long as both areas")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=("a", "b"), name="neighbours_once"),
            models.CheckConstraint(condition=Q(a__lt=F("b")), name="neighbours_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.a_id} | {self.b_id}"


class DistanceQuerySet(models.QuerySet["Distance"]):
    def around(self, area_id: int, km: int = geometry.MAX_REACH_KM) -> list[tuple[int, int]]:
        """(area id, km) of what is at most `km` from an area, nearest first, itself included."""
        near = self.filter(to_area_id=area_id, km__lte=km).order_by("km", "from_area_id")
        return list(near.values_list("from_area_id", "km"))


class Distance(models.Model):
    """How far it is from one area to another, in whole km. Derived; see rebuild_distances."""

    to_area = models.ForeignKey(Area, on_delete=models.CASCADE, related_name="+", db_index=False)
    km = models.PositiveSmallIntegerField()
    from_area = models.ForeignKey(Area, on_delete=models.CASCADE, related_name="+", db_index=False)

    objects = DistanceQuerySet.as_manager()

    privacy = FieldClasses(derived=("id", "to_area", "km", "from_area"), lives="as long as both areas")

    class Meta:
        # Unique, so that SQLite knows that what it finds area by area needs no sorting.
        constraints = [
            models.UniqueConstraint(fields=("to_area", "km", "from_area"), name="distance_nearest_first")
        ]

    def __str__(self) -> str:
        return f"{self.from_area_id} → {self.to_area_id}: {self.km} km"


def rebuild_distances() -> int:
    """Bring the Distance table up to date with areas and neighbours; how many rows it has.

    Everything is worked out anew, and only what differs is written: of 5,000 areas with 300,000
    pairs in reach a first build takes about 3 s, one more area 2 s. Only when areas change.
    """
    with transaction.atomic():
        # Two rebuilds at once queue at the areas' rows. They are read again once it is our turn:
        # what was read while waiting does not know the areas of the one before.
        list(Area.objects.select_for_update().order_by("pk").values_list("pk"))
        areas = list(Area.objects.all())
        edges = [(area.pk, area.parent_id) for area in areas if area.parent_id is not None]
        edges += Neighbour.objects.values_list("a_id", "b_id")
        centres = {
            area.pk: (area.lat, area.lon) for area in areas if area.lat is not None and area.lon is not None
        }
        wanted = set(geometry.within_reach([area.pk for area in areas], centres, edges))
        _write(wanted)
    return len(wanted)


def _write(wanted: set[tuple[int, int, int]]) -> None:
    """Make the table hold exactly these (to, km, from)."""
    kept: set[tuple[int, int, int]] = set()
    stale: list[int] = []
    rows = Distance.objects.values_list("pk", "to_area_id", "km", "from_area_id")
    for pk, to, km, origin in rows.iterator(chunk_size=10_000):
        if (to, km, origin) in wanted:
            kept.add((to, km, origin))
        else:
            stale.append(pk)
    for first in range(0, len(stale), 500):
        Distance.objects.filter(pk__in=stale[first : first + 500]).delete()
    with connection.cursor() as cursor:
        # Three times as fast as bulk_create, and the same on both databases.
        cursor.executemany(
            "INSERT INTO organisation_distance (to_area_id, km, from_area_id) VALUES (%s, %s, %s)",
            sorted(wanted - kept),
        )
