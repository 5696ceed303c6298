"""What the desk sets: names and limits, away, hours, numbers to call, areas."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from organisation.models import Area, Hours, Organisation, PhoneNumber
from requests_app import matching
from tests.requests_app.desk import Browser, browser
from tests.requests_app.world import World, only_task
from tests.volunteers.people import AT
from volunteers.models import Offer

SETTINGS = "/desk/settings/"
NAMES = {
    "cover_name": "Garden",
    "leave_url": "https://www.example.org/",
    "max_nights": "5",
    "name": "",
    "help_text": "",
}
SHIFT = {"weekday": "0", "from_time": "09:00", "until_time": "17:00"}
NUMBER = {"label": "Night line", "number": "+33 1 23", "note": "free", "order": "1"}
QUERIES_OF_THE_SETTINGS = 9
QUERIES_OF_THE_AREAS = 5


@pytest.fixture
def desk(world: World) -> Browser:
    return browser(world.coordinator)


def test_names_and_limits_are_kept(desk: Browser) -> None:
    assert "Saved." in desk.post_words(SETTINGS, **NAMES, hold_minutes="45", keep_days="")
    kept = Organisation.objects.current()
    assert (kept.cover_name, kept.max_nights, kept.hold_minutes, kept.keep_days) == ("Garden", 5, 45, None)
    assert "<title>Garden</title>" in desk.page(SETTINGS)


def test_nobody_is_on_while_the_desk_is_away(desk: Browser) -> None:
    desk.post(f"{SETTINGS}hours/", **SHIFT)
    desk.post(f"{SETTINGS}away/", away_until="2026-03-02T15:00")
    assert Organisation.objects.current().away_until == datetime(2026, 3, 2, 15, tzinfo=UTC)
    assert 'value="2026-03-02T15:00"' in desk.page(SETTINGS)
    desk.post(f"{SETTINGS}away/", away_until="")
    assert Organisation.objects.current().is_on(AT) == datetime(2026, 3, 2, 17, tzinfo=UTC)


def test_a_shift_is_added_changed_and_removed(desk: Browser) -> None:
    desk.post(f"{SETTINGS}hours/", **SHIFT)
    row = Hours.objects.get()
    assert "Monday 09:00 – 17:00" in desk.words(SETTINGS)
    desk.post(f"{SETTINGS}hours/{row.pk}/", **SHIFT | {"until_time": "18:00"})
    assert "Monday 09:00 – 18:00" in desk.words(SETTINGS)
    desk.post(f"{SETTINGS}hours/{row.pk}/remove/")
    assert "No hours yet." in desk.words(SETTINGS)


def test_a_number_is_added_changed_and_removed(desk: Browser) -> None:
    desk.post(f"{SETTINGS}numbers/", **NUMBER)
    row = PhoneNumber.objects.get()
    desk.post(f"{SETTINGS}numbers/{row.pk}/", **NUMBER | {"label": "<b>Day</b>"})
    page = desk.page(SETTINGS)
    assert "&lt;b&gt;Day&lt;/b&gt;" in page
    desk.post(f"{SETTINGS}numbers/{row.pk}/remove/")
    assert "No number yet." in desk.words(SETTINGS)


@pytest.mark.parametrize(
    ("path", "typed", "said", "kept"),
    [
        ("", NAMES | {"leave_url": "javascript:x"}, "Give a whole address", 'value="javascript:x"'),
        ("", NAMES | {"max_nights": "999"}, "less than or equal to 60", 'value="999"'),
        ("away/", {"away_until": "tomorrow"}, "Enter a valid date/time.", 'value="tomorrow"'),
        ("hours/", SHIFT | {"from_time": "9 o'clock"}, "Give a time like 20:00.", "9 o&#x27;clock"),
        ("hours/", SHIFT | {"weekday": "8"}, "Select a valid choice.", 'value="09:00"'),
        ("numbers/", NUMBER | {"number": "call me"}, "Give a number", 'value="call me"'),
        ("numbers/", NUMBER | {"label": ""}, "This field is required.", 'value="+33 1 23"'),
        ("areas/add/", {"name": "Nord", "lat": "52.5"}, "Give both numbers of the centre", 'value="Nord"'),
        ("areas/add/", {"name": "here"}, "There is an area with this name already.", 'value="here"'),
        ("areas/add/", {"name": "x" * 81}, "at most 80 characters", "x" * 81),
        (
            "areas/add/",
            {"name": "N", "parent": "9999999999999999999999"},
            "Select a valid choice.",
            'value="N"',
        ),
    ],
)
def test_what_cannot_be_keeps_what_was_typed_and_says_why(
    desk: Browser, path: str, typed: dict[str, str], said: str, kept: str
) -> None:
    answer = desk.client.post(f"{SETTINGS}{path}", typed)
    page = answer.content.decode()
    assert (answer.status_code, said in page, kept in page) == (422, True, True)


def test_a_shift_there_already_is_said(desk: Browser) -> None:
    desk.post(f"{SETTINGS}hours/", **SHIFT)
    assert "This shift is there already." in desk.post_words(f"{SETTINGS}hours/", **SHIFT)
    assert Hours.objects.count() == 1


def test_a_row_that_is_gone_is_a_404(desk: Browser) -> None:
    for path in ("hours/99/", "numbers/99/", "areas/99/", f"areas/{10**30}/"):
        assert desk.client.get(f"{SETTINGS}{path}").status_code == 404
    for path in ("hours/99/remove/", "numbers/99/remove/", "areas/99/deactivate/"):
        assert desk.client.post(f"{SETTINGS}{path}").status_code == 404


def test_an_area_added_inside_another_is_found_by_whoever_typed_that_one(world: World, desk: Browser) -> None:
    north = Area.objects.add(name="North")
    ben = world.volunteer(home_area=None, reach_km=0, areas=[north])
    desk.post(f"{SETTINGS}areas/add/", name="Mill", parent=north.pk)
    _, need = world.ask(area=Area.objects.get(name="Mill"))
    assert [m.volunteer_id for m in matching.best(only_task(need), AT, 9)] == [ben.volunteer.pk]


def test_an_area_that_moves_takes_its_volunteers_along(world: World, desk: Browser) -> None:
    north, south = Area.objects.add(name="North"), Area.objects.add(name="South")
    mill = Area.objects.add(name="Mill", parent=north)
    world.volunteer(home_area=None, reach_km=0, areas=[north])
    _, need = world.ask(area=mill)
    assert len(matching.best(only_task(need), AT, 9)) == 1
    desk.post(f"{SETTINGS}areas/{mill.pk}/", name="Mill", parent=south.pk)
    assert (Area.objects.get(name="Mill").parent, matching.best(only_task(need), AT, 9)) == (south, [])


def test_an_area_lies_not_inside_itself(desk: Browser) -> None:
    north = Area.objects.add(name="North")
    mill = Area.objects.add(name="Mill", parent=north)
    page = desk.post_words(f"{SETTINGS}areas/{north.pk}/", name="North", parent=mill.pk)
    assert "An area cannot lie inside itself." in page


def test_an_area_is_closed_and_opened_again(world: World, desk: Browser) -> None:
    north = Area.objects.add(name="North")
    mill = Area.objects.add(name="Mill", parent=north)
    world.volunteer(home_area=None, reach_km=0, areas=[north])
    offer = Offer.objects.get()
    desk.post(f"{SETTINGS}areas/{mill.pk}/deactivate/")
    assert "Mill Cannot be chosen." in desk.words(f"{SETTINGS}areas/")
    assert {place.area for place in offer.places.all()} == {north}
    desk.post(f"{SETTINGS}areas/{mill.pk}/activate/")
    assert {place.area for place in offer.places.all()} == {north, mill}


def test_the_last_area_stays(world: World, desk: Browser) -> None:
    page = desk.post_words(f"{SETTINGS}areas/{world.area.pk}/deactivate/")
    assert "One area must stay." in page
    assert Area.objects.active().count() == 1


def test_one_row_asks_the_database_as_much_as_fifty(desk: Browser) -> None:
    asked = []
    for count in (0, 49):
        for number in range(count):
            Hours.objects.add(weekday=number % 7, from_time=f"{number % 24:02}:00", until_time="09:30")
            PhoneNumber.objects.add(label="Line", number="3114", order=number)
            Area.objects.create(name=f"Area {number}")
        for path in ("", "areas/"):
            with CaptureQueriesContext(connection) as queries:
                desk.page(f"{SETTINGS}{path}")
            asked.append(len(queries))
    assert asked == [QUERIES_OF_THE_SETTINGS, QUERIES_OF_THE_AREAS] * 2
