"""One derivation for every secret, whatever it is, and never more at once than the machine bears."""

import multiprocessing
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from django.db import connection
from nacl.pwhash import argon2id

from mutualaid import run
from privacy import clock, derivation, gate, instance, tickets
from tests.full_gate import everybody_waits

SECRET = bytes(range(10))


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    calls: list[dict[str, object]] = []
    real = argon2id.kdf

    def kdf(*args: object, **costs: object) -> bytes:
        calls.append(costs)
        return real(*args, **costs)  # type: ignore[arg-type]

    monkeypatch.setattr("privacy.derivation.argon2id.kdf", kdf)
    return calls


@pytest.fixture
def one_slot(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: object) -> Iterator[None]:
    settings.RUN_DIR = tmp_path / "run"  # type: ignore[attr-defined]
    monkeypatch.setattr(gate, "slots", lambda: 1)
    return


def test_the_same_secret_leads_to_the_same_keys() -> None:
    assert derivation.derive_all(SECRET) == derivation.derive_all(SECRET)
    assert derivation.derive_all(SECRET)[0] == derivation.derive_mailbox(SECRET)


def test_another_secret_shares_nothing() -> None:
    one, other = derivation.derive_mailbox(SECRET), derivation.derive_mailbox(b"\0" * 10)

    assert len({one.lookup, one.seed, other.lookup, other.seed}) == 4
    assert [len(part) for part in (one.lookup, one.seed)] == [32, 32]


def test_every_live_pepper_costs_one_derivation_together(
    counted: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instance, "secrets", lambda: Peppers({1: b"a" * 32, 2: b"b" * 32}))

    found = derivation.derive_all(SECRET)

    assert [derived.version for derived in found] == [2, 1]
    assert len({derived.lookup for derived in found} | {derived.seed for derived in found}) == 4
    assert derivation.derive_mailbox(SECRET, 1) == found[1]
    assert len(counted) == 2  # one for each call


def test_no_derivation_is_cheaper_than_the_floor(counted: list[dict[str, object]]) -> None:
    derivation.derive_mailbox(SECRET)
    derivation.passphrase_key("four quiet words here", b"salt" * 4)

    assert counted == [{"opslimit": 2, "memlimit": 19 * 1024 * 1024}] * 2


def test_a_passphrase_is_the_same_on_every_keyboard() -> None:
    composed = derivation.passphrase_key("caf\u00e9 au lait", b"s" * 16)

    assert composed == derivation.passphrase_key("cafe\u0301 au lait", b"s" * 16)
    assert composed != derivation.passphrase_key("caf\u00e9 au lait", b"t" * 16)


@pytest.mark.usefixtures("one_slot")
def test_a_full_gate_is_busy_after_a_while() -> None:
    with gate.entered(), pytest.raises(gate.Busy), gate.entered(wait_seconds=0.05):
        pass


@pytest.mark.usefixtures("one_slot")
def test_the_gate_shows_how_full_it_is() -> None:
    empty = gate.load()
    with gate.entered():
        full = gate.load()

    assert (empty, full, gate.load()) == (0.0, 1.0, 0.0)


@pytest.mark.usefixtures("one_slot")
def test_who_waits_at_the_gate_gets_in_when_it_opens() -> None:
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        with gate.entered(wait_seconds=20):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.01)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == [1] * 8


@pytest.mark.usefixtures("one_slot")
def test_who_came_first_goes_in_first() -> None:
    inside: list[int] = []

    def work(number: int) -> None:
        with gate.entered(wait_seconds=20):
            inside.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    with gate.entered():
        for number, thread in enumerate(threads):
            thread.start()
            while len(gate._line._here) < number + 2:
                time.sleep(0.001)
    for thread in threads:
        thread.join()

    assert inside == list(range(12))


@pytest.mark.usefixtures("one_slot")
def test_where_every_place_is_taken_nobody_waits() -> None:
    with everybody_waits():
        with pytest.raises(gate.Busy):
            gate.pause(60)
        with pytest.raises(gate.Busy), gate.entered(wait_seconds=60):
            pass

    with gate.entered():
        gate.pause(0)


@pytest.mark.usefixtures("one_slot")
def test_who_waits_for_a_price_keeps_nobody_out_who_owes_none() -> None:
    with ExitStack() as guessers:
        for _place in range(gate.PLACES):
            guessers.enter_context(gate._a_place(gate._prices))
        with gate.entered(wait_seconds=0):
            pass


def test_who_waits_is_answered_before_the_process_is_gone() -> None:
    assert tickets.MAX_WAIT.total_seconds() + gate.WAIT_SECONDS < run.DRAIN


@pytest.mark.usefixtures("one_slot")
def test_who_gave_up_leaves_no_gap_in_the_line() -> None:
    with gate.entered():
        for _try in range(3):
            with pytest.raises(gate.Busy), gate.entered(wait_seconds=0.01):
                pass

    with gate.entered(wait_seconds=0.01):
        assert len(gate._line._here) == 1


@pytest.mark.usefixtures("one_slot")
def test_a_process_that_dies_gives_its_place_back() -> None:
    forked = multiprocessing.get_context("fork").Process(target=_hold_for_ever)
    forked.start()
    while gate.load() < 1:
        time.sleep(0.01)

    forked.kill()
    forked.join()

    with gate.entered(wait_seconds=5):
        assert gate.load() == 1.0


def _hold_for_ever() -> None:
    with gate.entered():
        time.sleep(60)


class Peppers:
    """Two live peppers, as between beginning and end of a rotation."""

    def __init__(self, peppers: dict[int, bytes]) -> None:
        self.peppers = peppers
        self.pepper_version = max(peppers)
        self.salt = b"public"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["at the gate", "for a ticket"])
def test_who_waits_holds_no_connection_to_the_database(one_slot: None, how: str) -> None:
    held: list[object] = []

    def come() -> None:
        clock.now()
        held.append(connection.connection is None)
        if how == "at the gate":
            with suppress(gate.Busy), gate.entered(0.3):
                pass
        else:
            gate.pause(0.05)
        held.append(connection.connection is None)
        connection.close()

    with gate.entered():
        visitor = threading.Thread(target=come)
        visitor.start()
        visitor.join()

    assert held == [False, True]
