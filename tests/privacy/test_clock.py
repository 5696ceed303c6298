"""The clock: one moment per act, and days that begin at five."""

import time
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from privacy import clock
from privacy.clock import ALL_PARTS, Part

DAY = date(2026, 11, 23)  # a Monday
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))


@pytest.mark.django_db
def test_now_is_the_moment_it_is_asked_in_utc() -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    at = clock.now()
    after = datetime.now(UTC)

    assert at.tzinfo is UTC
    assert before <= at <= after


@pytest.mark.django_db
def test_now_moves_on_within_a_transaction() -> None:
    first = clock.now()
    time.sleep(0.01)

    assert clock.now() > first


@pytest.mark.parametrize(
    ("local", "part"),
    [
        ("05:00", Part.MORNING),
        ("11:59", Part.MORNING),
        ("12:00", Part.AFTERNOON),
        ("17:00", Part.EVENING),
        ("21:59", Part.EVENING),
        ("22:00", Part.NIGHT),
        ("23:59", Part.NIGHT),
    ],
)
def test_a_day_has_four_parts(local: str, part: Part) -> None:
    at = datetime.fromisoformat(f"{DAY}T{local}+00:00")

    assert (clock.local_day(at), clock.part_of(at)) == (DAY, part)


def test_until_five_it_is_still_the_night_before() -> None:
    at = datetime(2026, 11, 24, 4, 59, tzinfo=UTC)

    assert (clock.local_day(at), clock.part_of(at)) == (DAY, Part.NIGHT)


def test_days_are_those_of_the_instance_not_of_utc(settings: Settings) -> None:
    settings.TIME_ZONE = "Pacific/Auckland"  # UTC+13 in November

    at = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)

    assert (clock.local_day(at), clock.part_of(at)) == (DAY, Part.MORNING)
    assert clock.part_start(DAY, Part.MORNING) == at


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 28), 23), (date(2026, 10, 24), 25), (DAY, 24)])
def test_a_day_with_a_clock_change_is_shorter_or_longer(settings: Settings, day: date, hours: int) -> None:
    settings.TIME_ZONE = "Europe/Paris"

    assert clock.day_end(day) - clock.part_start(day, Part.MORNING) == timedelta(hours=hours)


@given(MOMENTS)
def test_a_moment_lies_in_the_part_it_is_said_to_lie_in(at: datetime) -> None:
    day, part = clock.local_day(at), clock.part_of(at)

    assert clock.part_start(day, part) <= at < clock.part_end(day, part)


@given(st.dates(date(2020, 1, 1), date(2040, 1, 1)))
def test_the_parts_of_a_day_follow_one_another_without_a_gap(day: date) -> None:
    ends = [clock.part_end(day, part) for part in Part]
    starts = [clock.part_start(day, part) for part in Part]

    assert ends[:-1] == starts[1:]
    assert ends[-1] == clock.day_end(day) == clock.part_start(day + timedelta(days=1), Part.MORNING)


@pytest.mark.parametrize("parts", [0, 3, 15])
def test_only_one_part_has_a_beginning(parts: int) -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        clock.part_start(DAY, parts)


@given(MOMENTS)
def test_what_is_stored_is_as_coarse_as_promised(at: datetime) -> None:
    quarter = clock.quarter_up(at)

    assert at - timedelta(hours=1) < clock.hour(at) <= at <= quarter < at + timedelta(minutes=15)
    assert (quarter.minute % 15, quarter.second, quarter.microsecond) == (0, 0, 0)
    assert clock.quarter_up(quarter) == quarter
    assert clock.hour(clock.hour(at)) == clock.hour(at)


def test_a_moment_keeps_its_zone() -> None:
    at = datetime(2026, 11, 23, 12, 1, tzinfo=timezone(timedelta(hours=2)))

    assert clock.quarter_up(at) == datetime(2026, 11, 23, 10, 15, tzinfo=UTC)


def test_every_part_of_the_week_has_a_bit_of_its_own() -> None:
    week = [DAY + timedelta(days=n) for n in range(7)]
    bits = [clock.weekly_bits(day, part) for day in week for part in Part]

    assert bits == [1 << n for n in range(28)]
    assert sum(clock.weekly_bits(day, ALL_PARTS) for day in week) == 2**28 - 1


def test_a_clock_somebody_set_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    wall, boot = time.time(), clock._since_boot()
    # No second of the minute is lost while this runs.
    monkeypatch.setattr("privacy.clock._since_boot", lambda: boot)
    seen = []
    for offset in (0, 59, 61, -61):
        monkeypatch.setattr("privacy.clock.time.time", lambda offset=offset: wall + offset)
        seen.append(clock.jumped())

    assert seen == [False, False, True, True]
