"""Until when she waits, in moments that are still to come; and what the desk is told burns."""

from datetime import datetime, timedelta

import pytest
from django.test import Client

from privacy import clock
from requests_app import desk_page
from requests_app.models import Need
from requests_app.sentences import what_happens
from tests.requests_app.test_pages import hidden, post, text
from tests.requests_app.world import TODAY, World
from tests.volunteers.people import AT

MORNING, AFTERNOON, EVENING, NIGHT = (int(part) for part in clock.Part)
ALL = int(clock.ALL_PARTS)


def local(hour: int, day: int = 0) -> datetime:
    """A full hour of the Monday these tests live in, or of a day after it."""
    return datetime(AT.year, AT.month, AT.day, hour, tzinfo=clock.UTC) + timedelta(days=day)


def ask_on_the_page(client: Client, world: World, kind: str, **typed: object) -> Need:
    page = text(client.get(f"/a/{kind}/"))
    answers = {"area": world.area.pk, "day": TODAY.isoformat(), "token": hidden(page, "token")}
    answer = post(client, f"/a/{kind}/", page, **answers, **typed)
    assert answer.status_code == 302, text(answer)
    return Need.objects.get()


@pytest.mark.parametrize(
    ("parts", "at", "moment"),
    [
        (ALL, local(8), "Monday 12:00"),
        (EVENING, local(8), "Monday 17:00"),
        (EVENING, local(18), "Monday 22:00"),
        (AFTERNOON | NIGHT, local(18), "Monday 22:00"),
        (NIGHT, local(23), "Tuesday 05:00"),
    ],
)
def test_the_moment_to_use_another_plan_is_always_still_to_come(
    world: World, parts: int, at: datetime, moment: str
) -> None:
    _visit, need = world.ask(day=TODAY, parts=parts)

    sentence = what_happens(need, [], list(need.tasks.all()), 2, at)

    assert sentence.more == f"If it does not say yes by {moment}, use another plan."


def test_when_the_time_is_over_she_is_told_to_use_another_plan_now(world: World) -> None:
    _visit, need = world.ask(day=TODAY, parts=MORNING)

    sentence = what_happens(need, [], list(need.tasks.all()), 2, local(12))

    assert sentence.more == "The time you asked for is over. Please use another plan now."


def test_any_time_today_is_what_is_left_of_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("privacy.clock.now", lambda: local(18))

    need = ask_on_the_page(Client(enforce_csrf_checks=True), world, "ride")

    assert need.parts == EVENING | NIGHT


def test_what_must_be_covered_today_is_what_is_left_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("privacy.clock.now", lambda: local(18))
    ticked = {"parts": [MORNING, EVENING]}

    need = ask_on_the_page(Client(enforce_csrf_checks=True), world, "accompaniment", **ticked)

    assert (need.parts, need.covers) == (EVENING, EVENING)


@pytest.mark.parametrize(
    ("parts", "at", "fire"),
    [
        (ALL, local(1), ""),
        (EVENING, local(12), "Begins soon"),
        (EVENING | NIGHT, local(18), "Begins soon"),
        (EVENING | NIGHT, local(22), "Should have begun"),
        (MORNING, local(13), "Should have begun"),
    ],
)
def test_the_desk_reads_what_burns_by_what_can_still_be_done(
    world: World, parts: int, at: datetime, fire: str
) -> None:
    # The day of a ride begins at five: an hour past midnight the rest of it is far away.
    world.ask(day=TODAY + timedelta(days=1) if at.hour == 1 else TODAY, parts=parts)

    assert [row.fire for row in desk_page.desk(at).rows] == [fire]
