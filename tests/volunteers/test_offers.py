"""What a volunteer offers, and how matching finds it."""

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from organisation import conditions
from organisation.models import Area
from tests.volunteers import people
from tests.volunteers.people import AT, Person, today_is
from volunteers.account import hour_number
from volunteers.offers import MAX_EXCEPTIONS, Offer, TooManyDays
from volunteers.places import OfferPlace
from volunteers.week import ALL_WEEK

pytestmark = pytest.mark.urls("tests.volunteers.urls")


@pytest.fixture
def north(ana: Person) -> Area:
    """A land with a town in it, and a district in that."""
    land = Area.objects.add(name="Northland", lat=50.0, lon=4.0)
    town = Area.objects.add(name="Harbour", parent=land, lat=50.0, lon=4.1)
    Area.objects.add(name="Docks", parent=town, lat=50.0, lon=4.11)
    return land


def typed(area: Area, **changes: Any) -> dict[str, Any]:
    """A form as a browser sends it."""
    return {
        "kinds": ["stay", "ride"],
        "home_area": str(area.pk),
        "reach_km": "10",
        "weekly": ["0", "27"],
        "capacity": "2",
        "conditions": ["smoke_free", "only_women"],
    } | changes


def make(person: Person, area: Area, **values: Any) -> Offer:
    offer = Offer(volunteer=person.volunteer, made_at=AT, home_area=area, reach_km=5, kinds=["stay"])
    for name, value in values.items():
        setattr(offer, name, value)
    offer.write(AT, [])
    return offer


def places(offer: Offer, *columns: str) -> list[tuple[Any, ...]]:
    return sorted(OfferPlace.objects.filter(offer=offer).values_list(*columns))


def test_an_offer_is_found_by_each_of_its_kinds(ben: Person, north: Area, client: Client) -> None:
    ben.sign_in(client)

    answer = client.post("/offers/new/", typed(north))

    assert answer.headers["Location"] == "/offers/"
    offer = Offer.objects.get()
    assert places(offer, "kind", "area", "reach_km") == [("ride", north.pk, 10), ("stay", north.pk, 10)]
    assert (offer.weekly, offer.capacity) == (1 | 1 << 27, 2)
    assert offer.conditions == conditions.bits(["smoke_free", "only_women"])


def test_a_typed_area_counts_with_everything_in_it(ben: Person, north: Area) -> None:
    offer = Offer(volunteer=ben.volunteer, made_at=AT, kinds=["ride"])

    offer.write(AT, [Area.objects.get(name="Harbour")])

    names = Area.objects.in_bulk([area for (area,) in places(offer, "area")])
    assert sorted(area.name for area in names.values()) == ["Docks", "Harbour"]
    assert places(offer, "reach_km") == [(0,), (0,)]


def test_an_area_that_is_home_and_typed_keeps_its_reach(ben: Person, north: Area) -> None:
    offer = Offer(volunteer=ben.volunteer, made_at=AT, kinds=["ride"], home_area=north, reach_km=20)

    offer.write(AT, [north])

    assert (north.pk, 20) in places(offer, "area", "reach_km")
    assert len(places(offer, "area")) == 3


@pytest.mark.parametrize("verb", ["unvouched", "inactive", "suspended"])
def test_an_offer_is_ready_only_while_it_and_its_volunteer_are(ana: Person, north: Area, verb: str) -> None:
    kim = people.newcomer(ana) if verb == "unvouched" else people.volunteer(ana)
    offer = make(kim, north)
    if verb == "inactive":
        offer.set_active(AT, active=False)
    if verb == "suspended":
        kim.volunteer.suspend_account(AT)
    assert places(offer, "ready") == [(False,)]

    if verb == "unvouched":
        kim.volunteer.vouch(ana.volunteer, AT, "met")
    if verb == "inactive":
        offer.set_active(AT, active=True)
    if verb == "suspended":
        kim.volunteer.reinstate(AT)

    assert places(offer, "ready") == [(True,)]


def test_what_is_said_in_the_profile_reaches_every_offer(ben: Person, north: Area) -> None:
    offer = make(ben, north)

    ben.volunteer.describe(AT, languages=5, cap_per_week=2)
    ben.volunteer.pause(AT.date() + timedelta(days=3), AT)

    assert places(offer, "languages", "cap_per_week", "paused_until") == [
        (5, 2, AT.date() + timedelta(days=3))
    ]


def test_who_was_asked_stays_asked_when_the_offer_changes(ben: Person, north: Area) -> None:
    offer = make(ben, north)
    assert places(offer, "asked_hour") == [(0,)]

    ben.volunteer.mark_asked(AT)
    Offer.objects.get(pk=offer.pk).reindex(AT)
    later = make(ben, north)

    assert places(offer, "asked_hour") == places(later, "asked_hour") == [(hour_number(AT),)]


def test_a_day_of_its_own_goes_before_the_week(ben: Person, north: Area) -> None:
    offer = make(ben, north)
    day = AT.date() + timedelta(days=1)

    offer.set_day(day, 8, AT)

    assert (offer.weekly_on(day), offer.weekly_on(day + timedelta(days=7))) == (8, 15)
    assert places(offer, "has_exceptions", "weekly") == [(True, ALL_WEEK)]


def test_a_day_that_is_over_is_forgotten(ben: Person, north: Area) -> None:
    offer = make(ben, north)
    day = AT.date() + timedelta(days=1)
    offer.set_day(day, 0, AT)

    offer.clear_day(day + timedelta(days=5), AT + timedelta(days=3))

    assert offer.exceptions.count() == 0
    assert places(offer, "has_exceptions") == [(False,)]


def test_an_offer_has_only_so_many_days_of_its_own(ben: Person, north: Area) -> None:
    offer = make(ben, north)
    for number in range(MAX_EXCEPTIONS):
        offer.set_day(AT.date() + timedelta(days=number), 0, AT)

    with pytest.raises(TooManyDays):
        offer.set_day(AT.date() + timedelta(days=100), 0, AT)

    assert offer.exceptions.count() == MAX_EXCEPTIONS


def test_a_form_posted_twice_makes_one_offer(ben: Person, north: Area, client: Client) -> None:
    ben.sign_in(client)
    page = client.get("/offers/new/").content.decode()
    mark = re.search(r'name="once" value="([^"]+)"', page)
    assert mark is not None

    for _time in range(2):
        client.post("/offers/new/", typed(north, once=mark[1]))

    assert Offer.objects.count() == 1


def test_a_mark_taken_from_somebody_else_changes_nothing_of_theirs(
    ana: Person, ben: Person, north: Area, client: Client
) -> None:
    theirs = make(ana, north)
    ben.sign_in(client)

    client.post("/offers/new/", typed(north, once=str(theirs.pk)))

    theirs.refresh_from_db()
    assert (theirs.volunteer_id, theirs.kinds) == (ana.volunteer.pk, ["stay"])
    assert Offer.objects.of(ben.volunteer).count() == 1


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"kinds": []}, "This field is required."),
        ({"kinds": ["castle"]}, "not one of the available choices"),
        ({"home_area": ""}, "Choose where you can help."),
        ({"home_area": "999999"}, "not one of the available choices"),
        ({"reach_km": "61"}, "not one of the available choices"),
        ({"weekly": []}, "This field is required."),
        ({"weekly": ["28"]}, "not one of the available choices"),
        ({"capacity": "0"}, "greater than or equal to 1"),
        ({"capacity": "9999999999"}, "less than or equal to 50"),
        ({"capacity": "١"}, ""),
        ({"conditions": ["no_women"]}, "not one of the available choices"),
        ({"once": "not a mark"}, ""),
    ],
)
def test_what_was_typed_stays_when_the_form_comes_back(
    ben: Person, north: Area, client: Client, wrong: dict[str, Any], sentence: str
) -> None:
    ben.sign_in(client)

    answer = client.post("/offers/new/", typed(north, **wrong))
    page = answer.content.decode()

    if not sentence:
        assert (answer.status_code, Offer.objects.count()) == (302, 1)
        return
    assert (answer.status_code, Offer.objects.count()) == (422, 0)
    assert sentence in page
    if "weekly" not in wrong:
        assert re.findall(r'name="weekly" value="(\d+)"[^>]* checked', page) == ["0", "27"]
    if "conditions" not in wrong:
        assert re.search(r'value="smoke_free"[^>]* checked', page) is not None


def test_the_form_shows_what_is_stored(ben: Person, north: Area, client: Client) -> None:
    ben.sign_in(client)
    client.post("/offers/new/", typed(north))
    offer = Offer.objects.get()

    page = client.get(f"/offers/{offer.pk}/edit/").content.decode()

    assert re.findall(r'name="weekly" value="(\d+)"[^>]* checked', page) == ["0", "27"]
    assert re.findall(r'name="kinds" value="(\w+)"[^>]* checked', page) == ["stay", "ride"]


def test_a_day_is_added_and_taken_away(ben: Person, north: Area, client: Client) -> None:
    ben.sign_in(client)
    offer = make(ben, north)
    here = f"/offers/{offer.pk}"

    past = client.post(f"{here}/days/", {"day": "2026-03-01"})
    added = client.post(f"{here}/days/", {"day": today_is(), "parts": ["1", "8"]})
    assert [(day.day.isoformat(), day.parts) for day in offer.exceptions.all()] == [(today_is(), 9)]
    client.post(f"{here}/days/remove/", {"day": today_is()})

    assert (past.status_code, added.status_code, offer.exceptions.count()) == (422, 302, 0)


def test_an_offer_takes_a_break_comes_back_and_goes(ben: Person, north: Area, client: Client) -> None:
    ben.sign_in(client)
    offer = make(ben, north)
    seen = []

    for verb in ("pause", "activate", "remove"):
        client.post(f"/offers/{offer.pk}/{verb}/")
        seen.append(places(offer, "ready"))

    assert seen == [[(False,)], [(True,)], []]


def test_somebody_elses_offer_is_nowhere(ana: Person, ben: Person, north: Area, client: Client) -> None:
    offer = make(ana, north)
    ben.sign_in(client)

    for page in ("edit", "days", "days/remove", "pause", "activate", "remove"):
        for there in (offer.pk, uuid4()):
            assert client.post(f"/offers/{there}/{page}/", typed(north)).status_code == 404
    assert client.get(f"/offers/{offer.pk}/edit/").status_code == 404
    assert Offer.objects.get(pk=offer.pk).active is True


def test_the_list_asks_the_database_as_often_for_one_as_for_many(
    ben: Person, north: Area, client: Client
) -> None:
    ben.sign_in(client)
    make(ben, north)
    once = queries(client)

    for _number in range(20):
        make(ben, north).set_day(AT.date(), 0, AT)

    assert queries(client) == once


def queries(client: Client) -> int:
    with CaptureQueriesContext(connection) as asked:
        client.get("/offers/")
    return len(asked)
