"""/healthz tells whoever watches that a promise is late or that nobody looks, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from mutualaid.duties import DUTIES
from mutualaid.health import look_around
from privacy import clock
from privacy.due import Duty, Swept
from privacy.models import CLOCK_DOUBTED, HEART, Heartbeat

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


def told(at: datetime) -> clock.Reading:
    """All clocks agree."""
    return clock.Reading(at, at, at)


def duty(late: timedelta, monkeypatch: pytest.MonkeyPatch) -> None:
    """One duty, allowed to be a minute late, whose oldest row is `late` overdue."""
    one = Duty("lapse", timedelta(minutes=1), Heartbeat.objects.filter, lambda at: Swept(), "beat_at")
    monkeypatch.setattr(Duty, "oldest_late", lambda self, at: late)
    monkeypatch.setattr("privacy.health.duties", lambda: (one,))


def test_it_is_healthy_while_the_heart_beats_and_nothing_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    duty(timedelta(seconds=59.96), monkeypatch)
    Heartbeat.objects.beat(HEART, ["lapse"], AT - timedelta(seconds=9))

    assert look_around(told(AT)) == {
        "healthy": True,
        "database": True,
        "clock": True,
        "disk": True,
        "heartbeat": 9,
        "duties": {"lapse": {"late": 55, "swept": 9, "healthy": True}},
    }


def test_nobody_reads_here_that_somebody_asked_a_moment_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    duty(timedelta(seconds=4.9), monkeypatch)
    Heartbeat.objects.beat(HEART, ["lapse"], AT)

    assert look_around(told(AT))["duties"] == {"lapse": {"late": 0, "swept": 0, "healthy": True}}


@pytest.mark.parametrize(
    ("late", "said"), [(2.1, 5), (58.0, 60), (61.0, 60), (3599.0, 3540), (90000.5, 90000)]
)
def test_nobody_reads_here_in_which_second_somebody_did_what_waits(
    monkeypatch: pytest.MonkeyPatch, late: float, said: int
) -> None:
    one = Duty("lapse", timedelta(seconds=2), Heartbeat.objects.filter, lambda at: Swept(), "beat_at")
    monkeypatch.setattr(Duty, "oldest_late", lambda self, at: timedelta(seconds=late))
    monkeypatch.setattr("privacy.health.duties", lambda: (one,))
    Heartbeat.objects.beat(HEART, ["lapse"], AT)

    assert look_around(told(AT))["duties"] == {"lapse": {"late": said, "swept": 0, "healthy": False}}


def test_a_duty_that_never_gets_to_its_end_is_not_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    duty(timedelta(0), monkeypatch)
    Heartbeat.objects.beat(HEART, ["lapse"], AT - timedelta(seconds=9.1))
    Heartbeat.objects.beat(HEART, [], AT)

    assert look_around(told(AT))["healthy"] is False


def test_a_clock_that_jumped_is_not_healthy_until_the_desk_looked(monkeypatch: pytest.MonkeyPatch) -> None:
    duty(timedelta(0), monkeypatch)
    Heartbeat.objects.beat(HEART, ["lapse"], AT)
    Heartbeat.objects.beat(CLOCK_DOUBTED, [], AT)

    report = look_around(told(AT))

    assert (report["healthy"], report["clock"]) == (False, False)
    assert look_around(told(AT + timedelta(seconds=31)))["clock"] is True
    # Told by the clock that was wrong, and read once it is right again.
    assert look_around(told(AT - timedelta(days=40)))["clock"] is True


def test_a_late_duty_is_not_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    duty(timedelta(seconds=60.1), monkeypatch)
    Heartbeat.objects.beat(HEART, [], AT)

    assert look_around(told(AT)) == {
        "healthy": False,
        "database": True,
        "clock": True,
        "disk": True,
        "heartbeat": 0,
        "duties": {"lapse": {"late": 60, "swept": None, "healthy": False}},
    }


@pytest.mark.parametrize("silent_for", [None, timedelta(seconds=9.1), timedelta(seconds=-9.1)])
def test_a_silent_heart_is_not_healthy(silent_for: timedelta | None) -> None:
    if silent_for:
        Heartbeat.objects.beat(HEART, [], AT - silent_for)

    assert look_around(told(AT))["healthy"] is False


def test_anybody_may_ask_and_reads_every_duty_by_name(client: Client) -> None:
    Heartbeat.objects.beat(HEART, [duty.name for duty in DUTIES], clock.now())
    answer = client.get(reverse("healthz"))

    assert answer.status_code == 200
    assert list(answer.json()) == ["healthy", "database", "clock", "disk", "heartbeat", "duties"]
    assert list(answer.json()["duties"]) == [duty.name for duty in DUTIES]


def test_it_answers_503_before_the_worker_has_looked(client: Client) -> None:
    assert client.get(reverse("healthz")).status_code == 503
