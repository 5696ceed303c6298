"""The made-up country of `make bench ONLY=match`: the same each time, loaded as the verbs would write it."""

import pytest

from bench import country, load, needs
from bench.country import AT
from organisation import conditions
from organisation.areas import rebuild_distances
from organisation.models import Distance
from privacy import instance
from requests_app import matching
from volunteers.models import OfferPlace, Supply


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(country, "AREAS", 40)
    monkeypatch.setattr(country, "SIDE_KM", 80)


def test_the_first_offers_are_the_same_however_many_follow() -> None:
    assert list(country.offers(0, 1_000)) + list(country.offers(1_000, 1_500)) == list(
        country.offers(0, 1_500)
    )


def test_what_nobody_meets_is_offered_by_nobody() -> None:
    bit = conditions.bits([country.NOBODY_MEETS])

    assert [offer.number for offer in country.offers(0, 2_000) if offer.conditions & bit] == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("small")
def test_what_is_loaded_is_what_the_verbs_write() -> None:
    instance.ensure(create=True)
    load.areas()
    load.offers(0, 300)
    loaded, bounds = _rows(), _bounds()

    for place in OfferPlace.objects.select_related("offer__volunteer").distinct():
        place.offer.reindex(AT)
    OfferPlace.objects.tighten_supply()

    assert (_rows(), _bounds()) == (loaded, bounds)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("small")
def test_needs_that_nobody_fits_fit_nobody_and_others_somebody() -> None:
    instance.ensure(create=True)
    load.areas()
    load.offers(0, 1_000)

    asked = needs.ask(country.needs(20, 10))

    found = {"some": 0, "nobody": 0}
    for why, task in asked:
        found[why] += len(matching.best(task, AT, 20))
    assert found["nobody"] == 0
    assert found["some"] > 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("small")
def test_distances_are_those_that_areas_have() -> None:
    load.areas()
    columns = ("to_area_id", "km", "from_area_id")
    loaded = set(Distance.objects.values_list(*columns))

    rebuild_distances()

    assert set(Distance.objects.values_list(*columns)) == loaded


def _rows() -> list[tuple[object, ...]]:
    return sorted(OfferPlace.objects.values_list(*load.PLACE_COLUMNS), key=str)


def _bounds() -> set[tuple[object, ...]]:
    return set(
        Supply.objects.values_list(
            "kind", "area_id", "range_km", "possible", "capacity", "languages", "conditions"
        )
    )
