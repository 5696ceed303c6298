"""Whether anybody is on: shifts past midnight, shifts that meet, clocks that change, being away."""

import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import override_settings

from organisation.hours import Hours, spans
from organisation.models import Organisation

PARIS = ZoneInfo("Europe/Paris")
MONDAY, TUESDAY, SATURDAY, SUNDAY = 0, 1, 5, 6

pytestmark = pytest.mark.usefixtures("_paris")


@pytest.fixture
def _paris():  # type: ignore[no-untyped-def]
    with override_settings(TIME_ZONE="Europe/Paris"):
        yield


def shift(weekday: int, begins: str, ends: str) -> Hours:
    return Hours(weekday=weekday, from_time=time.fromisoformat(begins), until_time=time.fromisoformat(ends))


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


def organisation(*hours: Hours, away_until: datetime | None = None) -> Organisation:
    """An organisation with these hours, without a database."""
    made = Organisation(away_until=away_until)
    made.hours = list(hours)
    return made


# 2026-03-02 is a Monday.
@pytest.mark.parametrize(
    ("at", "until", "again"),
    [
        ("2026-03-02 19:59", None, "2026-03-02 20:00"),
        ("2026-03-02 20:00", "2026-03-03 02:00", "2026-03-09 20:00"),
        ("2026-03-02 23:59", "2026-03-03 02:00", "2026-03-09 20:00"),
        ("2026-03-03 00:00", "2026-03-03 02:00", "2026-03-09 20:00"),
        ("2026-03-03 01:59", "2026-03-03 02:00", "2026-03-09 20:00"),
        ("2026-03-03 02:00", None, "2026-03-09 20:00"),
    ],
)
def test_a_shift_past_midnight(at: str, until: str | None, again: str) -> None:
    place = organisation(shift(MONDAY, "20:00", "02:00"))
    assert place.is_on(local(at)) == (until and local(until))
    assert place.next_on(local(at)) == local(again)


def test_shifts_that_meet_are_one() -> None:
    place = organisation(
        shift(SUNDAY, "22:00", "00:00"), shift(MONDAY, "00:00", "06:00"), shift(MONDAY, "05:00", "07:00")
    )
    assert place.is_on(local("2026-03-01 23:00")) == local("2026-03-02 07:00")
    assert place.next_on(local("2026-03-01 23:00")) == local("2026-03-08 22:00")


def test_without_hours_nobody_can_say() -> None:
    place = organisation()
    at = local("2026-03-02 12:00")
    assert (place.is_on(at), place.next_on(at), place.always_on(at)) == (None, None, False)


def test_day_and_night() -> None:
    place = organisation(*(shift(day, "08:00", "08:00") for day in range(7)))
    at = local("2026-03-25 07:59")
    assert (place.always_on(at), place.next_on(at)) == (True, None)
    assert not organisation(*(shift(day, "08:00", "07:59") for day in range(7))).always_on(at)


def test_being_away_counts_more_than_the_hours() -> None:
    back = local("2026-03-02 21:30")
    place = organisation(shift(MONDAY, "20:00", "02:00"), away_until=back)
    assert (place.is_on(local("2026-03-02 21:00")), place.next_on(local("2026-03-02 21:00"))) == (None, back)
    assert place.is_on(back) == local("2026-03-03 02:00")


def test_being_away_longer_than_a_week() -> None:
    place = organisation(shift(MONDAY, "20:00", "22:00"), away_until=local("2026-04-01 12:00"))
    assert place.next_on(local("2026-03-02 21:00")) == local("2026-04-06 20:00")


# On 2026-03-29, 02:00 becomes 03:00; on 2026-10-25, 03:00 becomes 02:00 again.
def test_the_night_the_clocks_go_forward_is_an_hour_shorter() -> None:
    place = organisation(shift(SATURDAY, "22:00", "06:00"))
    at = local("2026-03-28 22:00")
    assert place.is_on(at) == datetime(2026, 3, 29, 4, 0, tzinfo=UTC)
    assert datetime(2026, 3, 29, 4, 0, tzinfo=UTC) - at.astimezone(UTC) == timedelta(hours=7)


def test_a_shift_the_clocks_leap_over_does_not_take_place() -> None:
    place = organisation(shift(SUNDAY, "02:10", "03:00"))
    assert place.is_on(datetime(2026, 3, 29, 1, 5, tzinfo=UTC)) is None
    assert place.next_on(local("2026-03-29 00:00")) == local("2026-04-05 02:10")


def test_an_hour_that_comes_twice_is_promised_once() -> None:
    place = organisation(shift(SUNDAY, "01:00", "02:30"))
    assert place.is_on(datetime(2026, 10, 25, 0, 15, tzinfo=UTC)) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert place.is_on(datetime(2026, 10, 25, 1, 15, tzinfo=UTC)) is None


def naive_is_on(hours: list[Hours], at: datetime) -> bool:
    """By the clock on the wall, without looking at dates."""
    wall = at.astimezone(PARIS)
    now, day = wall.time(), wall.weekday()
    for row in hours:
        if row.from_time < row.until_time:
            found = row.weekday == day and row.from_time <= now < row.until_time
        else:
            tonight = row.weekday == day and now >= row.from_time
            found = tonight or (row.weekday == (day - 1) % 7 and now < row.until_time)
        if found:
            return True
    return False


def test_every_half_hour_of_a_week_is_as_the_wall_clock_says() -> None:
    hours = [
        shift(MONDAY, "20:00", "02:00"),
        shift(TUESDAY, "01:30", "03:00"),
        shift(SATURDAY, "09:00", "09:00"),
        shift(SUNDAY, "23:00", "00:30"),
    ]
    place = organisation(*hours)
    start = local("2026-03-02 00:00").astimezone(UTC)
    moments = [start + timedelta(minutes=30 * n) for n in range(48 * 7)]
    assert [at for at in moments if (place.is_on(at) is not None) != naive_is_on(hours, at)] == []


def test_stretches_are_apart_and_in_order() -> None:
    hours = [shift(day % 7, "22:00", "06:00") for day in range(7)]
    found = spans(hours, local("2026-10-24 23:00"))
    assert all(span.start < span.end for span in found)
    assert all(one.end < other.start for one, other in itertools.pairwise(found))


def test_a_shift_on_a_date() -> None:
    row = shift(MONDAY, "20:00", "02:00")
    assert row.on(date(2026, 3, 2)) == (local("2026-03-02 20:00"), local("2026-03-03 02:00"))
    assert str(row) == "Monday 20:00 – 02:00"
