"""What cannot be meant is refused with one sentence at its field: nobody goes back before they went."""

from datetime import UTC, date, datetime

import pytest

from organisation import kinds, legs
from organisation.kind import Answers
from privacy import clock

pytestmark = pytest.mark.once

RIDE = kinds.get("ride")
MORNING, AFTERNOON, EVENING, NIGHT = (int(part) for part in clock.Part)
BACK, ONWARD, WAIT = {"back": "yes"}, {"onward": "yes"}, {"wait": "somebody"}


@pytest.mark.parametrize(
    ("answers", "parts", "fields"),
    [
        (BACK, {"there": AFTERNOON, "back": MORNING}, {"parts_back"}),
        (ONWARD, {"there": EVENING, "onward": MORNING | AFTERNOON}, {"parts_onward"}),
        ({**BACK, **ONWARD}, {"back": EVENING, "onward": AFTERNOON}, {"parts_onward"}),
        ({"back": "message"}, {"there": NIGHT, "back": EVENING}, {"parts_back"}),
        ({**BACK, "there_by": "10:00", "back_after": "09:59"}, {}, {"back_after"}),
        ({**BACK, "there_after": "14:00", "back_by": "13:00"}, {}, {"back_by"}),
        ({**ONWARD, "there_by": "23:00", "onward_after": "22:00"}, {}, {"onward_after"}),
        ({**BACK, "back_after": "09:00"}, {"there": AFTERNOON}, {"back_after"}),
        ({**BACK, "there_by": "18:00"}, {"back": MORNING}, {"parts_back"}),
        ({**WAIT, "there_by": "10:00", "wait_until": "09:00"}, {}, {"wait_until"}),
        ({"wait": "outside", "there_by": "10:00", "wait_until": "09:00"}, {}, {"wait_until"}),
        ({"wait": "inside", "wait_until": "09:00"}, {"there": AFTERNOON}, {"wait_until"}),
        ({"wait": "no", "wait_until": "11:30"}, {}, {"wait_until"}),
        ({"wait_until": "11:30"}, {}, {"wait_until"}),
        ({"there_after": "11:00", "there_by": "10:00"}, {}, {"there_by"}),
        ({"there_after": "18:00"}, {"there": MORNING}, {"there_after"}),
        ({"there_by": "09:00"}, {"there": EVENING}, {"there_by"}),
        (
            {"back": "no", "back_to": "Home", "back_by": "12:00"},
            {"back": EVENING},
            {"back_to", "back_by", "parts_back"},
        ),
    ],
)
def test_what_cannot_be_meant_is_named(answers: Answers, parts: dict[str, int], fields: set[str]) -> None:
    found = RIDE.check(answers, parts)
    assert (set(found), all(map(str, found.values()))) == (fields, True)


@pytest.mark.parametrize(
    ("answers", "parts"),
    [
        ({}, {}),
        (BACK, {"there": MORNING, "back": MORNING}),
        (BACK, {"there": MORNING | EVENING, "back": AFTERNOON}),
        (BACK, {"there": EVENING}),
        ({**BACK, "there_by": "10:00", "back_after": "10:00"}, {}),
        ({**BACK, "there_after": "22:30", "back_after": "01:30"}, {}),
        ({**BACK, "there_by": "04:00", "back_by": "05:00"}, {}),
        ({**BACK, "there_by": "12:00"}, {"there": MORNING, "back": MORNING}),
        ({"back": "no", "onward": "no", "wait": "outside"}, {}),
        ({"wait": "outside", "wait_until": "16:00", "there_by": "10:00"}, {"there": MORNING}),
    ],
)
def test_what_can_be_meant_is_not_refused(answers: Answers, parts: dict[str, int]) -> None:
    assert RIDE.check(answers, parts) == {}


def test_a_way_without_a_time_is_not_before_the_one_it_comes_after() -> None:
    trip = {"back": "yes", "onward": "yes", "there_by": "10:20", "back_by": "23:00"}
    found = legs.windows(kinds.get("ride"), trip, {})
    assert (found["there"], found["onward"]) == (int(clock.Part.MORNING), int(clock.Part.NIGHT))
    same_times = legs.windows(kinds.get("ride"), {"onward": "yes", "there_by": "10:20"}, {})
    assert same_times["onward"] == 0


def test_parts_nobody_ticked_are_those_of_the_times_typed() -> None:
    typed = {
        **BACK,
        **ONWARD,
        "there_by": "12:00",
        "back_after": "17:00",
        "onward_after": "21:00",
        "onward_by": "01:00",
    }
    assert legs.windows(RIDE, typed, {}) == {"there": MORNING, "back": EVENING, "onward": EVENING | NIGHT}
    assert legs.windows(RIDE, typed, {"back": NIGHT})["back"] == NIGHT


@pytest.mark.parametrize(
    ("answers", "ticked", "back"),
    [
        ({}, {}, 15),
        ({}, {"there": AFTERNOON}, AFTERNOON | EVENING | NIGHT),
        ({"there_by": "12:30"}, {}, AFTERNOON | EVENING | NIGHT),
        ({}, {"there": MORNING, "back": EVENING}, EVENING),
        ({"back_by": "21:50"}, {"there": MORNING}, MORNING | AFTERNOON | EVENING),
        ({"back_after": "13:00"}, {"there": MORNING}, AFTERNOON | EVENING | NIGHT),
        ({"back_after": "13:00", "back_by": "16:00"}, {"there": MORNING}, AFTERNOON),
    ],
)
def test_a_way_back_when_she_messages_may_be_at_any_time_until_the_day_ends(
    answers: dict[str, str], ticked: dict[str, int], back: int
) -> None:
    assert legs.windows(RIDE, {"back": "message", **answers}, ticked)["back"] == back


@pytest.mark.parametrize("wait", ["outside", "inside", "return", "somebody"])
def test_until_when_somebody_waits_is_for_whoever_waits(wait: str) -> None:
    answers = {"wait": wait, "wait_until": "16:00"}
    whose = [role for role in ("", "there", "wait", "back") if "wait_until" in RIDE.answers_of(role, answers)]
    assert whose == ["wait" if wait == "somebody" else "there"]
    # How long the driver stays on says nothing of when the way there is.
    assert legs.windows(RIDE, answers, {})["there"] == 0


@pytest.mark.parametrize(("until", "parts"), [("11:30", MORNING), ("16:00", MORNING | AFTERNOON), ("", 0)])
def test_whoever_waits_is_there_from_the_way_there_on(until: str, parts: int) -> None:
    assert legs.windows(RIDE, {**WAIT, "wait_until": until}, {"there": MORNING})["wait"] == parts


def test_a_relief_may_take_over_at_any_time_until_the_day_ends_whatever_the_hours() -> None:
    kind = kinds.get("accompaniment")
    found = {
        hours: legs.windows(kind, {"relief": hours}, {"companion": AFTERNOON | EVENING})["relief"]
        for hours in ("2", "4", "6")
    }
    assert set(found.values()) == {AFTERNOON | EVENING | NIGHT}


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        *(("9", "09:00"), ("9:30", "09:30"), ("09.30", "09:30"), ("9h30", "09:30"), ("21h", "21:00")),
        *(("930", "09:30"), (" 23:59 ", "23:59"), ("٠٩:٣٠", "09:30")),
        *(("24:00", None), ("9:60", None), ("noon", None), ("12345", None), ("-1", None), ("", None)),
    ],
)
def test_a_time_is_read_as_people_type_it(typed: str, read: str | None) -> None:
    assert legs.read_time(typed) == read


def test_a_time_after_midnight_is_of_the_next_date(settings: object) -> None:
    day = date(2026, 3, 2)
    assert legs.moment(day, "01:30", "from") - legs.moment(day, "23:30", "from") == 2 * clock.QUARTER * 4
    assert legs.moment(day, "05:00", "until") == clock.day_end(day)
    assert legs.moment(day, "05:00", "from") == clock.part_start(day, MORNING)
    assert legs.moment(day, "12:00", "from").astimezone(UTC) < datetime(2026, 3, 3, tzinfo=UTC)
