"""The desk reads which promise is late or stopped, since when, and what to do."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db.models import QuerySet
from django.test import Client
from django.utils import translation

from mutualaid.duties import DUTIES
from notify.models import Channel, Notice
from privacy import clock, health
from privacy.due import Duty, Swept
from privacy.models import CLOCK_DOUBTED, HEART, Heartbeat
from requests_app import desk_trouble
from requests_app.models import Need
from tests.requests_app.desk import Browser, browser
from tests.requests_app.world import World
from tests.volunteers.people import AT

pytestmark = pytest.mark.django_db
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
NAMES = [duty.name for duty in DUTIES]


@pytest.fixture(autouse=True)
def _all_is_well(db: None) -> None:
    Heartbeat.objects.beat(HEART, NAMES, AT)


@pytest.fixture
def desk(world: World) -> Browser:
    return browser(world.coordinator)


def said() -> list[tuple[str, str, str]]:
    return [(one.what, one.since, one.do) for one in desk_trouble.look().found]


def test_while_all_is_well_nothing_is_said(desk: Browser) -> None:
    assert (said(), "status warn" in desk.page("/desk/trouble/")) == ([], False)


def test_a_worker_that_stopped_is_said_once_with_what_is_late_for_it(world: World) -> None:
    Heartbeat.objects.beat(HEART, NAMES, AT - 7 * MINUTE)
    _visit, need = world.ask()
    Need.objects.filter(pk=need.pk).update(expires_at=AT - 4 * MINUTE)

    assert said() == [
        (
            "The background work has stopped. No message leaves.",
            "Since about 12:25.",
            "Call people instead. Tell whoever runs the machine to start it again.",
        ),
        (
            "The time of some needs is over. They are not destroyed yet.",
            "Since about 12:30.",
            "",
        ),
    ]


def test_one_that_never_began_has_no_since() -> None:
    Heartbeat.objects.all().delete()

    assert [since for _what, since, _do in said()] == [""]


@pytest.mark.parametrize("duty", DUTIES, ids=lambda duty: duty.name)
def test_each_duty_that_hangs_is_named_in_words_of_its_own(duty: Duty) -> None:
    Heartbeat.objects.beat(HEART, [duty.name], AT - timedelta(days=1))
    Heartbeat.objects.beat(HEART, [name for name in NAMES if name != duty.name], AT)

    assert said() == [(str(duty.says), "Since about Sunday 12:30.", str(duty.do))]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_duty_has_its_words(language: str) -> None:
    with translation.override(language):
        texts = [str(duty.says) for duty in DUTIES]
        todo = [str(duty.do) for duty in DUTIES]

    assert all(texts)
    assert all(todo)
    assert len(set(texts)) == len(DUTIES)


def test_late_messages_are_said_by_what_carries_them_and_not_to_whom(
    world: World, desk: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    ben = world.volunteer()
    channel = Channel.objects.add(
        recipient=ben.volunteer.pk, transport="email", address="ben@example.org", language="en", at=AT
    )
    Notice.objects.queue([channel], "news", AT - 21 * MINUTE)
    Notice.objects.queue([channel], "more news", AT - 3 * MINUTE)

    page = desk.page("/desk/")

    what, since, _do = said()[0]
    assert (what, since) == ("Messages wait. By: E-mail.", "Since about 12:10.")
    assert (what in page, since in page) == (True, True)
    assert ("ben@example.org" in page, str(channel.pk) in page) == (False, False)


def test_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("privacy.ballast.is_full", lambda: True)

    assert said() == [
        (
            "The disk is full. Nobody can ask. Erasing still works.",
            "",
            "Tell whoever runs the machine to make room on it.",
        )
    ]


def test_a_doubted_clock_is_a_button_and_no_alarm_about_what_has_to_wait_for_it(
    world: World, desk: Browser
) -> None:
    Heartbeat.objects.beat(CLOCK_DOUBTED, [], AT)
    Heartbeat.objects.beat(HEART, ["expire"], AT - 5 * MINUTE)
    Heartbeat.objects.beat(HEART, [name for name in NAMES if name != "expire"], AT)

    page = desk.page("/desk/trouble/")

    assert ("The clock is right" in page, said()) == (True, [])


def test_an_open_desk_is_told_what_is_new_and_nothing_twice(desk: Browser) -> None:
    seen = desk_trouble.look().seen
    same = desk.client.get("/desk/trouble/", {"seen": seen})
    Heartbeat.objects.beat(HEART, NAMES, AT - MINUTE)
    new = desk.client.get("/desk/trouble/", {"seen": seen})

    assert (same.status_code, same.content) == (204, b"")
    assert (new.status_code, "has stopped" in new.content.decode()) == (200, True)
    assert 'hx-trigger="every 3s"' in new.content.decode()


def test_only_the_desk_reads_it(world: World, client: Client) -> None:
    assert client.get("/desk/trouble/").status_code == 302


def test_what_the_desk_says_is_what_healthz_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    late = Duty(
        "late",
        MINUTE,
        lambda at: QuerySet(Heartbeat).filter(beat_at__lte=at),
        lambda at: Swept(),
        "beat_at",
        says="Late.",
    )
    monkeypatch.setattr("privacy.health.duties", lambda: (late,))
    Heartbeat.objects.all().delete()
    Heartbeat.objects.beat(HEART, ["late"], AT)
    good = (health.look(clock.read()).is_good, said())
    Heartbeat.objects.beat("something old", [], AT - MINUTE - SECOND)

    assert good == (True, [])
    assert (health.look(clock.read()).is_good, [what for what, _since, _do in said()]) == (False, ["Late."])
    assert replace(late, name="another").says == "Late."
