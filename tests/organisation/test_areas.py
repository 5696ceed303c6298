"""Areas: the tree, and distances compared with a second, slower way to work them out."""

import random
from itertools import product
from math import acos, ceil, cos, degrees, inf, radians, sin

import pytest
from django.db import IntegrityError, transaction

from organisation.areas import (
    Area,
    AreaInsideItself,
    Distance,
    LastArea,
    Neighbour,
    NewArea,
    rebuild_distances,
)
from organisation.forms import AreaForm
from organisation.geometry import within_reach

Centres = dict[int, tuple[float, float]]


def great_circle(a: tuple[float, float], b: tuple[float, float]) -> float:
    """km on the ground by the law of cosines."""
    (lat, lon), (to_lat, to_lon) = ((radians(x), radians(y)) for x, y in (a, b))
    angle = sin(lat) * sin(to_lat) + cos(lat) * cos(to_lat) * cos(lon - to_lon)
    return 6371.0088 * acos(max(-1.0, min(1.0, angle)))


def naive(ids: list[int], centres: Centres, edges: list[tuple[int, int]]) -> set[tuple[int, int, int]]:
    """Every pair within 60 km by Floyd and Warshall, straight lines first."""
    km = dict.fromkeys(product(ids, repeat=2), inf)
    for a, b in product(ids, repeat=2):
        if a in centres and b in centres and great_circle(centres[a], centres[b]) <= 60:
            km[a, b] = great_circle(centres[a], centres[b])
    straight = dict(km)
    for a, b in edges:
        if a not in centres or b not in centres:
            km[a, b] = km[b, a] = 3
    for via, a, b in product(ids, repeat=3):
        km[a, b] = min(km[a, b], km[a, via] + km[via, b])
    km |= {pair: way for pair, way in straight.items() if pair[0] in centres and pair[1] in centres}
    reached = {(a, max(1, ceil(way - 1e-6)), b) for (a, b), way in km.items() if a != b and way <= 60}
    return reached | {(a, 0, a) for a in ids}


@pytest.mark.parametrize("seed", range(25))
def test_distances_are_those_a_slower_way_finds(seed: int) -> None:
    dice = random.Random(seed)
    ids = list(range(1, dice.randint(2, 28)))
    # Around the pole, the date line and an ordinary town; some of them without a centre.
    lat, lon = dice.choice([(89.8, 10.0), (0.0, 179.9), (48.8, 2.3)])
    wide = degrees(80 / 6371)
    centres = {
        area: (
            min(90.0, lat + dice.uniform(-wide, wide)),
            (lon + dice.uniform(-wide, wide) + 180) % 360 - 180,
        )
        for area in ids
        if dice.random() < dice.choice([0.0, 0.5, 1.0])
    }
    edges = [(area, dice.randrange(1, area)) for area in ids[1:] if dice.random() < 0.7]

    found = list(within_reach(ids, centres, edges))

    assert len(found) == len(set(found))
    assert set(found) == naive(ids, centres, edges)


def test_two_areas_are_as_far_apart_as_their_centres() -> None:
    found = set(within_reach([1, 2, 3], {1: (48.8566, 2.3522), 2: (48.8049, 2.1204), 3: (45.76, 4.84)}, []))
    assert found == {(1, 0, 1), (2, 0, 2), (3, 0, 3), (1, 18, 2), (2, 18, 1)}


@pytest.mark.django_db
def test_without_centres_each_step_in_the_tree_is_three_km() -> None:
    planted = Area.objects.plant(
        [NewArea("Town"), NewArea("East", "Town"), NewArea("West", "Town"), NewArea("Far")]
    )
    by_name = {area.pk: name for name, area in planted.items()}
    around = [(by_name[area], km) for area, km in Distance.objects.around(planted["East"].pk)]
    assert around == [("East", 0), ("Town", 3), ("West", 6)]


@pytest.mark.django_db
def test_areas_that_touch_are_three_km_apart() -> None:
    here, there = Area.objects.add(name="Here"), Area.objects.add(name="There")
    there.adjoin(here)
    here.adjoin(there)
    assert Neighbour.objects.count() == 1
    assert Distance.objects.around(here.pk) == [(here.pk, 0), (there.pk, 3)]
    assert Distance.objects.around(here.pk, km=2) == [(here.pk, 0)]


@pytest.mark.django_db
def test_distances_follow_when_an_area_is_moved_or_removed() -> None:
    town, other = Area.objects.add(name="Town"), Area.objects.add(name="Other")
    east = Area.objects.add(name="East", parent=town)
    east.change(name="East", parent=other, lat=None, lon=None)
    assert dict(Distance.objects.around(east.pk)) == {east.pk: 0, other.pk: 3}
    assert east.remove()
    assert dict(Distance.objects.around(other.pk)) == {other.pk: 0}


@pytest.mark.django_db
def test_building_distances_twice_changes_nothing() -> None:
    Area.objects.plant(
        [NewArea("Town", "", 48.8, 2.3), NewArea("East", "Town"), NewArea("West", "", 48.8, 2.2)]
    )
    before = set(Distance.objects.values_list("to_area", "km", "from_area"))
    assert rebuild_distances() == len(before) == 9
    assert set(Distance.objects.values_list("to_area", "km", "from_area")) == before


@pytest.mark.django_db
def test_the_tree_reads_from_the_top_by_name() -> None:
    Area.objects.plant([NewArea("b"), NewArea("A"), NewArea("d", "A"), NewArea("C", "A"), NewArea("e", "C")])
    assert [(area.name, depth) for area, depth in Area.objects.tree()] == [
        ("A", 0),
        ("C", 1),
        ("e", 2),
        ("d", 1),
        ("b", 0),
    ]
    assert sorted(Area.objects.labels().values()) == ["A", "C, A", "b", "d, A", "e, C, A"]


@pytest.mark.django_db
def test_a_deactivated_area_can_no_longer_be_chosen_but_keeps_its_distances() -> None:
    here, there = Area.objects.add(name="Here"), Area.objects.add(name="There")
    here.deactivate()
    assert Area.objects.choices() == [(there.pk, "There")]
    assert Distance.objects.around(here.pk) == [(here.pk, 0)]
    here.activate()
    assert [name for _pk, name in Area.objects.choices()] == ["Here", "There"]


@pytest.mark.django_db
def test_the_last_area_stays() -> None:
    here = Area.objects.add(name="Here")
    with pytest.raises(LastArea):
        here.deactivate()
    with pytest.raises(LastArea):
        here.remove()
    assert Area.objects.choices() == [(here.pk, "Here")]


@pytest.mark.django_db
def test_an_area_something_lies_in_is_deactivated_instead_of_removed() -> None:
    planted = Area.objects.plant([NewArea("Town"), NewArea("East", "Town")])
    assert planted["Town"].remove() is False
    assert [name for _pk, name in Area.objects.choices()] == ["\u2003East"]


@pytest.mark.django_db
def test_an_area_cannot_lie_inside_itself() -> None:
    planted = Area.objects.plant([NewArea("Town"), NewArea("East", "Town"), NewArea("Square", "East")])
    with pytest.raises(AreaInsideItself):
        planted["Town"].change(name="Town", parent=planted["Square"], lat=None, lon=None)
    with pytest.raises(AreaInsideItself):
        planted["Town"].adjoin(planted["Town"])
    form = AreaForm({"name": "Town", "parent": planted["Square"].pk}, instance=planted["Town"])
    assert form.errors == {"parent": ["An area cannot lie inside itself."]}


@pytest.mark.django_db
def test_a_name_is_there_once_in_its_parent() -> None:
    town = Area.objects.add(name="Town")
    Area.objects.add(name="East", parent=town)
    for name, parent in [("Town", None), ("East", town)]:
        with pytest.raises(IntegrityError), transaction.atomic():
            Area.objects.create(name=name, parent=parent)
        Area.objects.add(name=name, parent=parent)
    assert Area.objects.count() == 2
    assert AreaForm({"name": "east", "parent": town.pk}).errors == {
        "name": ["There is an area with this name already."]
    }
    assert AreaForm({"name": "East", "parent": ""}).is_valid()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"name": ""}, {"name": ["This field is required."]}),
        ({"lat": "48.8"}, {"lon": ["Give both numbers of the centre, or none."]}),
        ({"lon": "2.3"}, {"lon": ["Give both numbers of the centre, or none."]}),
        ({"lat": "91", "lon": "2"}, {"lat": ["Ensure this value is less than or equal to 90."]}),
        ({"lat": "nan", "lon": "2"}, {"lat": ["Enter a number."]}),
        ({"name": "a\x00b"}, {"name": ["Null characters are not allowed."]}),
    ],
)
def test_the_form_says_what_is_wrong_with_an_area(typed: dict[str, str], said: dict[str, list[str]]) -> None:
    assert AreaForm({"name": "East", **typed}).errors == said


@pytest.mark.django_db
def test_what_the_form_accepts_is_what_the_verb_takes() -> None:
    form = AreaForm({"name": "East", "parent": "", "lat": "0", "lon": "0"})
    assert form.is_valid()
    area = Area.objects.add(**form.cleaned_data)
    area.change(**form.cleaned_data | {"name": "West"})
    assert (Area.objects.get().name, area.lat, area.lon) == ("West", 0.0, 0.0)
