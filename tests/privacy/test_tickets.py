"""A ticket before the expensive work: waiting is its price, and nobody is shut out."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.http import HttpRequest
from django.test import RequestFactory

from privacy import gate, limits, tickets
from privacy.tickets import Purpose, Ticket, TicketRefused
from tests.full_gate import everybody_waits

CODE = Purpose("code")
AT = datetime(2030, 5, 6, 12, 0, 0, 250_000, tzinfo=UTC)


def _from(address: str = "192.0.2.7", **typed: str) -> HttpRequest:
    return RequestFactory().post("/a/return/", typed, REMOTE_ADDR=address)


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()


@pytest.fixture
def paused(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that somebody was kept waiting, without the waiting."""
    found: list[float] = []
    monkeypatch.setattr(gate, "pause", found.append)
    return found


def _refusal(text: str, at: datetime = AT) -> float:
    with pytest.raises(TicketRefused) as refused:
        Ticket.spend(text, CODE, at)
    return refused.value.wait_seconds


def test_thirty_honest_tries_in_ten_minutes_wait_for_nothing() -> None:
    for number in range(30):
        at = AT + timedelta(seconds=19 * number)
        ticket = Ticket.issue(_from(), CODE, at)

        assert ticket.wait(at) == 0
        Ticket.spend(ticket.text, CODE, at)


def test_who_tries_a_lot_waits_longer_but_never_long() -> None:
    waits = [Ticket.issue(_from(), CODE, AT).wait(AT) for _ in range(300)]

    assert waits == sorted(waits)
    assert waits[30] >= 1
    assert waits[-1] == pytest.approx(tickets.MAX_WAIT.total_seconds(), abs=0.001)


def test_somebody_elses_tries_cost_nothing() -> None:
    for _ in range(300):
        Ticket.issue(_from("192.0.2.7"), CODE, AT)

    assert Ticket.issue(_from("192.0.2.8"), CODE, AT).wait(AT) == 0


def test_a_full_gate_costs_the_honest_nothing_and_the_eager_something(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gate, "load", lambda: 1.0)

    waits = [Ticket.issue(_from(), CODE, AT).wait(AT) for _ in range(20)]

    assert waits[:15] == [0] * 15
    assert waits[-1] > 0


def test_a_ticket_is_good_once() -> None:
    ticket = Ticket.issue(_from(), CODE, AT)

    Ticket.spend(ticket.text, CODE, AT)

    assert _refusal(ticket.text) == 0


def test_an_unripe_ticket_says_how_long_and_is_still_good_afterwards() -> None:
    ticket = [Ticket.issue(_from(), CODE, AT) for _ in range(31)][-1]

    wait = _refusal(ticket.text)
    Ticket.spend(ticket.text, CODE, AT + timedelta(seconds=wait))

    assert wait == ticket.wait(AT) > 0


def test_a_ticket_does_not_keep_for_ever() -> None:
    ticket = Ticket.issue(_from(), CODE, AT)

    assert _refusal(ticket.text, AT + timedelta(hours=1, seconds=1)) == 0


@pytest.mark.parametrize("text", ["", "x", "ü", "\0", "\ud800", "A" * 46, "A" * 45, "=" * 46, "A" * 5000])
def test_what_is_no_ticket_is_refused(text: str) -> None:
    assert _refusal(text) == 0


def test_a_ticket_cannot_be_made_riper() -> None:
    ticket = Ticket.issue(_from(), CODE, AT)
    changed = [
        ticket.text[:i] + ("A" if ticket.text[i] != "A" else "B") + ticket.text[i + 1 :] for i in (0, 20, 40)
    ]

    assert [_refusal(text) for text in changed] == [0, 0, 0]


def test_a_form_that_comes_back_keeps_a_ticket_that_is_good_and_is_not_counted_again() -> None:
    first = Ticket.issue(_from(), CODE, AT)

    assert Ticket.for_form(_from(ticket=first.text), CODE, AT) == first
    assert limits.hit(_from(), "code", AT) == 2
    assert Ticket.for_form(_from(), CODE, AT) != first
    assert Ticket.for_form(_from(ticket="forged"), CODE, AT).text != "forged"
    assert Ticket.for_form(_from(ticket=first.text), CODE, AT + timedelta(hours=2)).text != first.text


def test_who_filled_the_form_slowly_waits_for_nothing(paused: list[float]) -> None:
    ticket = _busy_address()

    at = tickets.pay(_from(ticket=ticket.text), CODE, AT + timedelta(seconds=4))

    assert (paused, at) == ([], AT + timedelta(seconds=4))


def test_who_posts_at_once_waits_for_the_rest_and_the_ticket_is_used_up(paused: list[float]) -> None:
    ticket = _busy_address()

    over = tickets.pay(_from(ticket=ticket.text), CODE, AT + timedelta(seconds=0.5))

    assert paused == [pytest.approx(tickets.MAX_WAIT.total_seconds() - 0.5, abs=0.001)]
    assert over >= ticket.matures_at
    assert _refusal(ticket.text, over) == 0


@pytest.mark.parametrize("brought", ["nothing", "forged", "used", "too old"])
def test_who_brings_no_good_ticket_waits_the_whole_price_and_is_counted(
    paused: list[float], brought: str
) -> None:
    old = Ticket.issue(_from(), CODE, AT - timedelta(hours=2))
    used = Ticket.issue(_from("192.0.2.9"), CODE, AT)
    Ticket.spend(used.text, CODE, AT)
    _busy_address()
    text = {"nothing": "", "forged": "A" * 46, "used": used.text, "too old": old.text}[brought]
    before = limits.hit(_from(), "code", AT)

    tickets.pay(_from(ticket=text), CODE, AT)

    assert paused == [pytest.approx(tickets.MAX_WAIT.total_seconds(), abs=0.001)]
    assert limits.hit(_from(), "code", AT) == before + 2


@pytest.mark.parametrize("text", ["", "forged"])
def test_while_it_is_calm_nobody_needs_a_ticket(paused: list[float], text: str) -> None:
    assert tickets.pay(_from(ticket=text), CODE, AT) == AT
    assert paused == []


def test_a_form_that_is_sent_twice_waits_once(paused: list[float]) -> None:
    ticket = _busy_address()
    ripe = AT + tickets.MAX_WAIT

    for _post in range(4):
        tickets.pay(_from(ticket=ticket.text), Purpose("code", uses=3), ripe)

    assert paused == [pytest.approx(tickets.MAX_WAIT.total_seconds(), abs=0.001)]  # the fourth


def test_other_tries_of_the_same_address_count_apart(paused: list[float]) -> None:
    _busy_address()

    tickets.pay(_from(), Purpose("ask"), AT)

    assert paused == []


def test_where_too_many_wait_nobody_is_kept_and_the_ticket_is_good_afterwards() -> None:
    ticket = _busy_address()

    with everybody_waits(), pytest.raises(gate.Busy):
        tickets.pay(_from(ticket=ticket.text), CODE, AT)

    Ticket.spend(ticket.text, CODE, ticket.matures_at)


def _busy_address() -> Ticket:
    """The last of so many tickets that its price is the highest."""
    return [Ticket.issue(_from(), CODE, AT) for _ in range(60)][-1]


def test_a_cache_that_is_away_keeps_nobody_from_typing_a_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: object, **kwargs: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(cache, "add", away)
    monkeypatch.setattr(cache, "get", away)

    Ticket.spend(Ticket.issue(_from(), CODE, AT).text, CODE, AT)
    assert _refusal("forged") == 0
