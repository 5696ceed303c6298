"""Thirty people guess codes on the running system, and nobody else suffers.

Times here are compared within one run, or with what only a broken mechanism would take; the figures
themselves are measured by `make bench ONLY=gate`.
"""

import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from statistics import median
from urllib.parse import urlsplit

import pytest

from privacy import codes
from privacy.derivation import MEMORY
from privacy.tickets import MAX_WAIT
from tests import door
from tests.live import LiveSystem

PEOPLE = 30
# Many more than wait for anything else, and fewer than gate.BODIES.
STALLED = 140
# Seconds; while a body blocked every thread, nothing came before the process was replaced.
PATIENCE = 8.0
PRICE = MAX_WAIT.total_seconds()
# So many tries, and everybody at that address pays the whole price.
TRIES = 60
# Thirty derivations at once would take six times as much.
MORE_MEMORY = 5 * MEMORY

pytestmark = [pytest.mark.drill, pytest.mark.timeout(300)]


@pytest.fixture(autouse=True)
def _before_or_after_midnight() -> None:
    """What was tried is forgotten with the day: nobody begins in its last minutes."""
    now = datetime.now(UTC)
    left = (now.replace(hour=0, minute=0, second=0) + timedelta(days=1) - now).total_seconds()
    if left < 90:
        time.sleep(left + 1)


@pytest.fixture(scope="module")
def system(live_system: Callable[..., LiveSystem]) -> LiveSystem:
    return live_system("sqlite", "memory")


@pytest.fixture(scope="module")
def code(system: LiveSystem) -> str:
    return door.code_of_somebody(system.url)


@pytest.mark.parametrize("hoarded", [0, 20], ids=["one ticket after the other", "tickets in advance"])
def test_while_thirty_guess_her_code_lets_her_in_and_pages_come(
    system: LiveSystem, code: str, hoarded: int
) -> None:
    quiet = median(door.page_seconds(system.url, 40))

    with system.watched() as memory, door.guessing(system.url, PEOPLE, hoarded) as crowd:
        crowd.until(TRIES)
        begun, before = time.monotonic(), len(crowd.answers)
        crowded = median(door.page_seconds(system.url, 40))
        entries = [door.entry_seconds(system.url, code) for _try in range(5)]
        # How long one of those who guess waits for an answer: two seconds, while the machine is quiet.
        turn = PEOPLE * (time.monotonic() - begun) / (len(crowd.answers) - before)

    # One of them may meet with whatever else the machine does.
    assert median(entries) < max(5, 2 * turn)
    assert crowded < quiet + 0.25 * max(1, turn / PRICE)
    assert max(memory) < memory[0] + MORE_MEMORY
    assert (set(crowd.statuses()), crowd.broken) == ({422}, [])


def test_who_guesses_a_lot_waits_and_who_comes_from_elsewhere_does_not(system: LiveSystem, code: str) -> None:
    with door.guessing(system.url, PEOPLE) as crowd:
        crowd.until(TRIES)
        # In turn, so that whatever else the machine does hits both.
        both = [
            [door.entry_seconds(system.url, code, address) for address in ("127.0.0.1", "127.0.0.2")]
            for _try in range(5)
        ]

    here, elsewhere = zip(*both, strict=True)
    assert min(here) >= PRICE
    assert median(elsewhere) < median(here) - PRICE / 2


def test_one_guesser_gets_no_more_than_a_try_for_each_price(system: LiveSystem) -> None:
    with closing(door.Visitor(system.url, "127.0.0.3")) as visitor:
        for _look in range(TRIES):
            # Each counts, and only the price is still to be paid.
            visitor.get(door.DOOR)
    wrong = codes.as_words(codes.new_secret(), "en")

    took = [door.guess_seconds(system.url, wrong, "127.0.0.3") for _try in range(4)]

    assert min(took) >= PRICE * 0.99


def test_thirty_honest_people_behind_one_address_wait_for_nothing(system: LiveSystem, code: str) -> None:
    asked = sorted(door.ask_seconds(system.url, "127.0.0.4") for _person in range(30))
    entered = sorted(door.entry_seconds(system.url, code, "127.0.0.5") for _person in range(30))

    # The least price is a second; whatever else the machine does may take one of them longer, or each.
    for took in (asked, entered):
        assert took[-3] < max(1, 4 * took[len(took) // 4]), took


def test_fifty_codes_at_once_are_all_answered_with_little_memory(system: LiveSystem, code: str) -> None:
    wrong = codes.as_words(codes.new_secret(), "en")
    with ExitStack() as people, ThreadPoolExecutor(50) as pool:
        visitors = [people.enter_context(closing(door.Visitor(system.url, "127.0.0.6"))) for _n in range(50)]
        for visitor in visitors:
            visitor.get(door.DOOR)
        with system.watched() as memory:
            typed = [{"code": code}, {"code": wrong}] * 25
            answers = list(pool.map(lambda one, form: one.post(door.DOOR, form), visitors, typed))

    assert answers == [302, 422] * 25
    assert max(memory) < memory[0] + MORE_MEMORY


def test_bodies_that_never_come_keep_no_page_and_no_honest_code_waiting(
    system: LiveSystem, code: str
) -> None:
    """Each of them has one of the threads, for as long as it likes."""
    place = urlsplit(system.url)
    head = (
        f"POST /a/return/ HTTP/1.1\r\nHost: {place.netloc}\r\nOrigin: {system.url}\r\n"
        f"Cookie: c={'a' * 32}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 500\r\n\r\ncode=a"
    )
    with ExitStack() as stalled:
        for _visitor in range(STALLED):
            line = stalled.enter_context(socket.create_connection((place.hostname, place.port)))
            line.sendall(head.encode())
        looks = door.page_seconds(system.url, 5)
        visitor = door.Visitor(system.url)
        stalled.enter_context(closing(visitor.connection))
        leaving = visitor.get("/a/leave/")
        entry = door.entry_seconds(system.url, code)

    assert leaving == 303
    assert max(*looks, entry) < PATIENCE
