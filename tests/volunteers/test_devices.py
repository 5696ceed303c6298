"""A device that is remembered shows the board; the key on it stays open for a while and no longer."""

from datetime import timedelta

import pytest
from django.test import Client

from tests.volunteers.people import AT, PASSPHRASE, Person

pytestmark = pytest.mark.urls("tests.volunteers.urls")


def later(monkeypatch: pytest.MonkeyPatch, passed: timedelta) -> None:
    monkeypatch.setattr("privacy.clock.now", lambda: AT + passed)


def remembered(ben: Person) -> Client:
    client = Client()
    typed = {"login": ben.volunteer.username, "password": PASSPHRASE, "remember": "on"}
    assert client.post("/accounts/login/", typed).status_code == 302
    return client


def test_a_remembered_device_shows_the_board_and_asks_where_something_is_locked(
    ben: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = remembered(ben)
    at_first = client.get("/sealed/").content

    later(monkeypatch, timedelta(days=13))

    assert at_first == b"opened"
    assert client.get("/board/").content == b"board"
    assert client.get("/sealed/").headers["Location"] == "/accounts/unlock/?next=%2Fsealed%2F"
    client.post("/accounts/unlock/", {"passphrase": PASSPHRASE, "next": "/sealed/"})
    assert client.get("/sealed/").content == b"opened"


def test_the_key_stays_open_for_an_hour_on_a_remembered_device(
    ben: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = remembered(ben)

    later(monkeypatch, timedelta(minutes=59))
    before = client.get("/sealed/").status_code
    later(monkeypatch, timedelta(minutes=60))

    assert (before, client.get("/sealed/").status_code) == (200, 302)


def test_a_device_nobody_looks_at_for_two_weeks_is_forgotten(
    ben: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = remembered(ben)

    later(monkeypatch, timedelta(days=15))

    assert client.get("/board/").headers["Location"].startswith("/accounts/login/")


def test_only_a_remembered_device_keeps_the_cookie_when_the_browser_closes(ben: Person) -> None:
    ages = [client.cookies["s"]["max-age"] for client in (remembered(ben), ben.sign_in(Client()))]

    assert ages == [14 * 24 * 60 * 60, ""]


def test_in_a_browser_that_is_never_left_the_key_closes_after_half_a_day(
    ben: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = ben.sign_in(Client())
    for hours in (5, 10):
        later(monkeypatch, timedelta(hours=hours))
        assert client.get("/sealed/").content == b"opened"

    later(monkeypatch, timedelta(hours=12))

    assert (client.get("/board/").content, client.get("/sealed/").status_code) == (b"board", 302)
