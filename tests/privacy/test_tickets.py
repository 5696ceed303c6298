"""A ticket before the expensive work: waiting is its price, and nobody is shut out."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.http import HttpRequest
from django.test import RequestFactory

from privacy import gate, tickets
from privacy.tickets import Ticket, TicketRefused

AT = datetime(2030, 5, 6, 12, 0, 0, 250_000, tzinfo=UTC)


def _from(address: str = "192.0.2.7", **query: str) -> HttpRequest:
    return RequestFactory().get("/a/return/", query, REMOTE_ADDR=address)


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()


@pytest.fixture(autouse=True)
def _plain_file_names(settings: Any) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


def _refusal(text: str, at: datetime = AT) -> int:
    with pytest.raises(TicketRefused) as refused:
        Ticket.spend(text, at)
    return refused.value.wait_seconds


def test_thirty_honest_tries_in_ten_minutes_wait_for_nothing() -> None:
    for number in range(30):
        at = AT + timedelta(seconds=19 * number)
        ticket = Ticket.issue(_from(), at)

        assert ticket.wait(at) == 0
        Ticket.spend(ticket.text, at)


def test_who_tries_a_lot_waits_longer_but_never_long() -> None:
    waits = [Ticket.issue(_from(), AT).wait(AT) for _ in range(300)]

    assert waits == sorted(waits)
    assert waits[30] >= 1
    assert waits[-1] == 4  # the most, rounded up to whole seconds


def test_somebody_elses_tries_cost_nothing() -> None:
    for _ in range(300):
        Ticket.issue(_from("192.0.2.7"), AT)

    assert Ticket.issue(_from("192.0.2.8"), AT).wait(AT) == 0


def test_a_full_gate_costs_the_honest_nothing_and_the_eager_something(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gate, "load", lambda: 1.0)

    waits = [Ticket.issue(_from(), AT).wait(AT) for _ in range(20)]

    assert waits[:15] == [0] * 15
    assert waits[-1] > 0


def test_a_ticket_is_good_once() -> None:
    ticket = Ticket.issue(_from(), AT)

    Ticket.spend(ticket.text, AT)

    assert _refusal(ticket.text) == 0


def test_an_unripe_ticket_says_how_long_and_is_still_good_afterwards() -> None:
    ticket = [Ticket.issue(_from(), AT) for _ in range(31)][-1]

    wait = _refusal(ticket.text)
    Ticket.spend(ticket.text, AT + timedelta(seconds=wait))

    assert wait == ticket.wait(AT) > 0


def test_a_ticket_does_not_keep_for_ever() -> None:
    ticket = Ticket.issue(_from(), AT)

    assert _refusal(ticket.text, AT + timedelta(hours=1, seconds=1)) == 0


@pytest.mark.parametrize("text", ["", "x", "ü", "\0", "\ud800", "A" * 44, "A" * 45, "=" * 44, "A" * 5000])
def test_what_is_no_ticket_is_refused(text: str) -> None:
    assert _refusal(text) == 0


def test_a_ticket_cannot_be_made_riper() -> None:
    ticket = Ticket.issue(_from(), AT)
    changed = [
        ticket.text[:i] + ("A" if ticket.text[i] != "A" else "B") + ticket.text[i + 1 :] for i in (0, 20, 40)
    ]

    assert [_refusal(text) for text in changed] == [0, 0, 0]


def test_the_waiting_page_comes_back_with_its_ticket_and_is_not_counted_again() -> None:
    first = Ticket.issue(_from(), AT)

    assert Ticket.at_door(_from(ticket=first.text), AT) == first
    assert Ticket.at_door(_from(), AT) != first
    assert Ticket.at_door(_from(ticket="forged"), AT) != first
    assert Ticket.at_door(_from(ticket=first.text), AT + timedelta(hours=2)).text != first.text


@pytest.mark.django_db
def test_waiting_works_by_page_refresh() -> None:
    ticket = [Ticket.issue(_from(), AT) for _ in range(31)][-1]

    response = tickets.wait_page(_from(), ticket, AT)

    assert response.status_code == 200
    assert response["Refresh"] == f"{ticket.wait(AT)}; url=/a/return/?ticket={ticket.text}"
    assert f"/a/return/?ticket={ticket.text}" in response.content.decode()


def test_a_cache_that_is_away_keeps_nobody_from_typing_a_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: object, **kwargs: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(cache, "add", away)
    monkeypatch.setattr(cache, "get", away)

    Ticket.spend(Ticket.issue(_from(), AT).text, AT)
    assert _refusal("forged") == 0
