"""The host's calendar: beds for each night, what is taken, what was said of the home; and its end."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from organisation.models import Area
from privacy import instance
from requests_app.models import BedNight
from tests.requests_app.world import World, only_task, take
from tests.requests_app.world import make as make_world
from tests.volunteers import people
from tests.volunteers.people import AT, Person
from tests.volunteers.test_offers import make, places, typed
from volunteers.duties import FORGET_NIGHTS
from volunteers.nights import Promised, packed
from volunteers.offers import Offer

pytestmark = pytest.mark.urls("tests.volunteers.urls")

MONDAY = date(2026, 3, 2)
YEAR = timedelta(days=365)


def night(offset: int) -> date:
    return MONDAY + timedelta(days=offset)


@pytest.fixture
def north(ana: Person) -> Area:
    return Area.objects.add(name="Northland", lat=50.0, lon=4.0)


def beds(offer: Offer, *offsets: int) -> list[int]:
    return [Offer.objects.get(pk=offer.pk).beds_on([night(n)])[night(n)] for n in offsets]


def form(first: int, last: int | None, number: int, **more: Any) -> dict[str, Any]:
    until = {} if last is None else {"last_night": night(last).isoformat()}
    return {"first_night": night(first).isoformat(), "beds": str(number), **until, **more}


# --- How many beds there are ----------------------------------------------------------------------


def test_without_a_word_there_are_as_many_beds_as_people_every_night(ben: Person, north: Area) -> None:
    offer = make(ben, north, capacity=3)

    assert beds(offer, 0, 5, 6) == [3, 3, 3]
    assert places(offer, "beds_week", "most_nights", "notice_hours", "arrivals") == [
        (packed([3] * 7), None, 0, 15)
    ]


def test_a_day_of_the_week_has_its_own_number_and_a_date_goes_before_it(ben: Person, north: Area) -> None:
    offer = make(ben, north, capacity=3, beds_week=packed([3, 3, 3, 3, 1, 0, 3]))

    offer.set_nights(night(4), night(6), [], 2, AT)

    assert beds(offer, 3, 4, 5, 6, 11, 12) == [3, 2, 2, 2, 1, 0]


def test_there_are_never_more_beds_than_people(ben: Person, north: Area) -> None:
    offer = make(ben, north, capacity=3, beds_week=packed([3] * 7))
    offer.set_nights(night(1), night(1), [], 3, AT)

    offer.capacity = 2
    offer.write(AT, [])
    assert (beds(offer, 0, 1), places(offer, "beds_week")) == ([2, 2], [(packed([2] * 7),)])

    offer.capacity = 3
    offer.write(AT, [])
    assert beds(offer, 0, 1) == [3, 2]


def test_from_one_night_to_another_only_on_some_days(ben: Person, north: Area, client: Client) -> None:
    ben.sign_in(client)
    offer = make(ben, north, capacity=2)

    answer = client.post(f"/offers/{offer.pk}/nights/", form(0, 13, 0, weekdays=["4", "5"]))

    assert answer.headers["Location"] == f"/offers/{offer.pk}/edit/"
    assert [row.night for row in offer.nights.all()] == [night(4), night(5), night(11), night(12)]
    assert beds(offer, 3, 4, 5, 6) == [2, 0, 0, 2]


def test_one_night_and_its_end(ben: Person, north: Area, client: Client) -> None:
    ben.sign_in(client)
    offer = make(ben, north, capacity=2)
    client.post(f"/offers/{offer.pk}/nights/", form(3, None, 1))
    client.post(f"/offers/{offer.pk}/nights/", form(4, 5, 1))
    page = client.get(f"/offers/{offer.pk}/edit/").content.decode()
    ranges = re.findall(
        r'name="first_night" value="(.*?)">\s*<input type="hidden" name="last_night" value="(.*?)"', page
    )
    assert ranges == [("2026-03-05", "2026-03-07")]

    client.post(
        f"/offers/{offer.pk}/nights/remove/", {"first_night": ranges[0][0], "last_night": ranges[0][1]}
    )

    assert (offer.nights.count(), beds(offer, 3, 4, 5)) == (0, [2, 2, 2])


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (form(-1, None, 1), "This night is over. Choose a later one."),
        (form(3, 2, 1), "The last night comes after the first."),
        (form(0, 400, 1), "Choose a night within the next year."),
        (form(0, None, 3), "You offer room for 2. Choose at most so many beds."),
        (form(0, None, -1), "greater than or equal to 0"),
        (form(0, None, 1) | {"first_night": "tomorrow"}, "Enter a valid date."),
        (form(0, None, 1, weekdays=["7"]), "not one of the available choices"),
        (form(0, 2, 1, weekdays=["5"]), "None of these days lies between the two nights."),
    ],
)
def test_nights_that_cannot_be_come_back_as_they_were_typed(
    ben: Person, north: Area, client: Client, wrong: dict[str, Any], sentence: str
) -> None:
    ben.sign_in(client)
    offer = make(ben, north, capacity=2)

    answer = client.post(f"/offers/{offer.pk}/nights/", wrong)

    page = answer.content.decode()
    assert (answer.status_code, offer.nights.count()) == (422, 0)
    assert sentence in page
    assert f'value="{wrong["first_night"]}"' in page


def test_nights_are_forgotten_once_they_are_over(ben: Person, north: Area) -> None:
    offer = make(ben, north, capacity=2)
    offer.set_nights(night(0), night(2), [], 0, AT)

    done = FORGET_NIGHTS.run(AT + timedelta(days=2))

    assert (done.done, [row.night for row in offer.nights.all()]) == (2, [night(2)])


# --- What is promised stays promised --------------------------------------------------------------


@pytest.fixture
def world(db: None) -> World:
    instance.ensure(create=True)
    return make_world()


@pytest.fixture
def host(world: World) -> Person:
    """Two beds; from Tuesday on both are taken for two nights."""
    host = world.volunteer("Ben", capacity=2, kinds=["stay"])
    take(host, only_task(world.ask(kind="stay", day=night(1), nights=2, people=2)[1]))
    return host


TAKEN = "2 beds are promised for Tuesday 3 March. Keep them, or first say there that you cannot."


@pytest.mark.usefixtures("host")
def test_the_calendar_shows_what_is_taken(host: Person, client: Client) -> None:
    host.sign_in(client)
    offer = host.volunteer.offers.get()
    offer.set_nights(night(4), night(4), [], 1, AT)

    page = client.get(f"/offers/{offer.pk}/edit/").content.decode()

    cells = re.findall(r"<td[^>]*><b>(\d+).*?</b> <span>(.*?)</span></td>", page)
    assert cells[:6] == [("2", "2/2"), ("3", "0/2"), ("4", "0/2"), ("5", "2/2"), ("6", "1/1"), ("7", "2/2")]
    assert len(cells) == 42


def test_fewer_beds_than_are_promised_are_refused_with_the_night(host: Person, client: Client) -> None:
    host.sign_in(client)
    offer = host.volunteer.offers.get()

    night_refused = client.post(f"/offers/{offer.pk}/nights/", form(0, 6, 1))
    lowered = client.post(f"/offers/{offer.pk}/edit/", typed(offer.home_area, kinds=["stay"], capacity="1"))
    week = client.post(
        f"/offers/{offer.pk}/edit/", typed(offer.home_area, kinds=["stay"], capacity="2", beds_1="0")
    )

    for answer in (night_refused, lowered, week):
        assert (answer.status_code, TAKEN in answer.content.decode()) == (422, True)
    now = Offer.objects.get(pk=offer.pk)
    assert (now.capacity, now.beds_week, now.nights.count()) == (2, None, 0)
    assert BedNight.objects.filter(offer=offer).count() == 4


def test_an_offer_somebody_is_to_sleep_at_cannot_be_removed_until_the_host_says_so(
    host: Person, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.sign_in(client)
    offer = host.volunteer.offers.get()

    kept = client.post(f"/offers/{offer.pk}/remove/", follow=True).content.decode()
    taken = BedNight.objects.filter(offer=offer).count()
    monkeypatch.setattr("privacy.clock.now", lambda: AT + timedelta(days=4))
    host.sign_in(client)
    gone = client.post(f"/offers/{offer.pk}/remove/", follow=True).content.decode()

    assert (TAKEN in kept, taken) == (True, 4)
    assert ("The offer is gone." in gone, host.volunteer.offers.count()) == (True, 0)


def test_a_night_that_only_its_date_has_beds_for_stays_while_it_is_promised(world: World) -> None:
    host = world.volunteer("Ben", capacity=1, kinds=["stay"], beds_week=0, beds_on={night(1): 1})
    take(host, only_task(world.ask(kind="stay", day=night(1), nights=1)[1]))

    with pytest.raises(Promised):
        host.volunteer.offers.get().clear_nights(night(0), night(5), AT)

    assert host.volunteer.offers.get().nights.count() == 1


def test_other_nights_can_have_fewer_beds(host: Person, client: Client) -> None:
    host.sign_in(client)
    offer = host.volunteer.offers.get()

    client.post(f"/offers/{offer.pk}/nights/", form(3, 6, 0))

    assert beds(offer, 1, 2, 3, 6, 7) == [2, 2, 0, 0, 2]


# --- The home -------------------------------------------------------------------------------------


def test_what_is_said_of_the_home_is_stored_and_shown_again(ben: Person, north: Area, client: Client) -> None:
    ben.sign_in(client)
    said = {
        "most_nights": "4",
        "notice_hours": "12",
        "arrivals": "7",
        "house": ["cat", "quiet_after_ten"],
        "adults_agree": "on",
        "beds_4": "1",
    }
    client.post("/offers/new/", typed(north, **said))
    offer = Offer.objects.get()
    assert (offer.most_nights, offer.notice_hours, offer.arrivals) == (4, 12, 7)
    assert (offer.beds_of_week(), offer.adults_agreed_on) == ([2, 2, 2, 2, 1, 2, 2], MONDAY)

    page = client.get(f"/offers/{offer.pk}/edit/").content.decode()

    assert re.findall(r'name="(beds_\d)"[^>]* value="(\d+)"', page) == [("beds_4", "1")]
    assert re.findall(r'name="house" value="(\w+)"[^>]* checked', page) == ["cat", "quiet_after_ten"]
    assert re.search(r'name="adults_agree"[^>]* checked', page)
    assert places(offer, "kind", "most_nights", "notice_hours", "arrivals", "agreed_until") == [
        ("ride", None, 12, 15, None),
        ("stay", 4, 12, 7, MONDAY + YEAR),
    ]


def test_a_form_without_a_word_about_the_home_is_an_offer_like_before(
    ben: Person, north: Area, client: Client
) -> None:
    ben.sign_in(client)

    answer = client.post("/offers/new/", typed(north))

    offer = Offer.objects.get()
    assert (answer.status_code, places(offer, "kind", "ready")) == (302, [("ride", True), ("stay", True)])
    assert (offer.beds_week, offer.most_nights, offer.notice_hours, offer.arrivals) == (None, None, 0, 15)
    assert offer.adults_agreed_on is None


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"beds_0": "3"}, "You cannot have more beds than people. Raise the people, or lower this."),
        ({"beds_6": "-1"}, "greater than or equal to 0"),
        ({"most_nights": "0"}, "greater than or equal to 1"),
        ({"most_nights": "61"}, "less than or equal to 60"),
        ({"notice_hours": "5"}, "not one of the available choices"),
        ({"arrivals": "8"}, "not one of the available choices"),
        ({"house": ["moat"]}, "not one of the available choices"),
        (
            {"arrivals": "3", "conditions": ["late_arrival"]},
            "Choose midnight, or untick “Arriving after midnight is fine”.",
        ),
    ],
)
def test_what_cannot_be_of_a_home_comes_back_with_one_sentence(
    ben: Person, north: Area, client: Client, wrong: dict[str, Any], sentence: str
) -> None:
    ben.sign_in(client)

    answer = client.post("/offers/new/", typed(north, **{"house": ["dog"], "most_nights": "3", **wrong}))

    page = answer.content.decode()
    assert (answer.status_code, Offer.objects.count()) == (422, 0)
    assert sentence in page
    assert re.search(r"<details[^>]* open>\s*<summary>Your home", page) is not None


@pytest.mark.parametrize(
    ("said", "sentence", "asks"),
    [
        (None, "You have not said that all adults in your home agree.", True),
        (MONDAY - timedelta(days=30), "agree (January 2026). Please say it again in January 2027.", False),
        (MONDAY - YEAR + timedelta(days=20), "agree (March 2025). Please say it again in March 2026.", True),
        (MONDAY - YEAR, "agreed in March 2025. Ask them again, and say so here.", True),
    ],
)
def test_the_host_reads_how_it_stands_with_the_others_at_home(
    ben: Person, north: Area, client: Client, said: date | None, sentence: str, asks: bool
) -> None:
    ben.sign_in(client)
    offer = make(ben, north, adults_agreed_on=said)

    page = client.get("/offers/").content.decode()

    assert (sentence in page, f"/offers/{offer.pk}/agree/" in page) == (True, asks)


def test_one_tap_says_it_again(ben: Person, north: Area, client: Client) -> None:
    ben.sign_in(client)
    offer = make(ben, north, adults_agreed_on=MONDAY - YEAR)

    client.post(f"/offers/{offer.pk}/agree/")

    assert Offer.objects.get().adults_agreed_on == MONDAY
    assert places(offer, "agreed_until") == [(MONDAY + YEAR,)]


def test_saving_the_form_keeps_the_day_it_was_said_until_it_has_to_be_said_again(
    ben: Person, north: Area, client: Client
) -> None:
    ben.sign_in(client)
    offer, days = make(ben, north), []

    for said in (MONDAY - timedelta(days=30), MONDAY - YEAR):
        Offer.objects.filter(pk=offer.pk).update(adults_agreed_on=said)
        client.post(f"/offers/{offer.pk}/edit/", typed(north, adults_agree="on"))
        days.append(Offer.objects.get().adults_agreed_on)
    client.post(f"/offers/{offer.pk}/edit/", typed(north))

    assert days == [MONDAY - timedelta(days=30), MONDAY]
    assert Offer.objects.get().adults_agreed_on is None


def test_somebody_elses_nights_are_nowhere(ana: Person, ben: Person, north: Area, client: Client) -> None:
    offer = make(ana, north)
    ben.sign_in(client)

    for page in ("nights", "nights/remove", "agree"):
        assert client.post(f"/offers/{offer.pk}/{page}/", form(0, 1, 0)).status_code == 404
    assert Offer.objects.get(pk=offer.pk).nights.count() == 0


def test_the_page_of_an_offer_asks_as_often_for_one_night_as_for_many(
    ben: Person, north: Area, client: Client
) -> None:
    ben.sign_in(client)
    offer = make(ben, north, capacity=2)
    offer.set_nights(night(0), night(0), [], 1, AT)
    once = queries(client, offer)

    offer.set_nights(night(0), night(200), [0, 2, 4], 1, AT)

    assert queries(client, offer) == once


def queries(client: Client, offer: Offer) -> int:
    with CaptureQueriesContext(connection) as asked:
        assert client.get(f"/offers/{offer.pk}/edit/").status_code == 200
    return len(asked)


def test_an_offer_without_nights_has_no_calendar(ana: Person, north: Area, client: Client) -> None:
    kim = people.volunteer(ana, "Kim")
    kim.sign_in(client)
    offer = make(kim, north, kinds=["ride"])

    page = client.get(f"/offers/{offer.pk}/edit/").content.decode()

    assert f"/offers/{offer.pk}/nights/" not in page
    assert "All adults" not in client.get("/offers/").content.decode()
