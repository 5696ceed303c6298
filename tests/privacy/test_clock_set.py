"""Somebody set a clock: nothing fires early or late, nobody reads on, and only the desk ends the doubt."""

import os
import struct
import subprocess
import sys
from datetime import datetime, timedelta

import pytest

from privacy import clock
from privacy.models import CLOCK_DOUBTED, CLOCK_TRUSTED, Heartbeat
from tests.clocks import HOUR, Clocks

pytestmark = pytest.mark.django_db
SAME = timedelta(seconds=5)


def are_near(*pairs: tuple[datetime, datetime]) -> bool:
    """Each pair, but for the time the test took."""
    return all(abs(one - other) < SAME for one, other in pairs)


def look() -> clock.Reading:
    """One that says something about the database's clock: an answer that took long does not."""
    while True:
        began = clock._since_boot()
        found = clock.read()
        if clock._since_boot() - began <= clock.QUICK:
            return found


@pytest.mark.parametrize(
    ("wall", "database", "doubted"),
    [(0, 0, False), (59, 59, False), (-59, -59, False), (61, 0, True), (0, -61, True), (61, 61, True)],
)
def test_more_than_a_minute_is_doubted_whichever_clock_was_set(
    clocks: Clocks, wall: float, database: float, doubted: bool
) -> None:
    before = look()
    clocks.wall, clocks.database = wall, database
    after = look()

    assert (before.raw, clock.jumped()) == (before.steady, doubted)
    assert doubted or after.raw == after.steady == after.latest


@pytest.mark.parametrize(("wall", "database"), [(2, 2), (2, 0), (0, 2)])
def test_set_forward_the_broom_stays_and_readers_stop_at_once(
    clocks: Clocks, wall: float, database: float
) -> None:
    right = clock.now()
    clocks.wall, clocks.database = wall * HOUR, database * HOUR

    two_hours = timedelta(hours=2)
    assert are_near((clock.steady(), right), (clock.now(), right + two_hours))
    assert are_near((clock.read().raw, right + timedelta(hours=database)))


@pytest.mark.parametrize("hours", [2, -2])
def test_what_another_process_saw_just_before_it_was_set_makes_nothing_early_or_late(
    clocks: Clocks, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    right, seen_before = clock.now(), clock._shared[clock._SEEN]
    clocks.wall = clocks.database = hours * HOUR
    ask = clock._ask_the_database

    def asked_by_two() -> datetime:
        raw = ask()
        clock._shared[clock._SEEN] = seen_before
        return raw

    monkeypatch.setattr(clock, "_ask_the_database", asked_by_two)
    # One whose answer took long says nothing to the others.
    monkeypatch.setattr(clock, "QUICK", -1.0)

    assert are_near((clock.steady(), right))


@pytest.mark.parametrize(("wall", "database"), [(-2, -2), (-2, 0), (0, -2)])
def test_set_back_nothing_is_late_and_what_is_written_is_not_over_already(
    clocks: Clocks, wall: float, database: float
) -> None:
    right = clock.now()
    clocks.wall, clocks.database = wall * HOUR, database * HOUR

    assert are_near((clock.steady(), right), (clock.now(), right))


@pytest.mark.parametrize("seconds", [2 * HOUR, -2 * HOUR])
def test_a_clock_that_is_put_back_in_order_is_not_doubted_any_more(clocks: Clocks, seconds: float) -> None:
    right = clock.now()
    clocks.set(seconds)
    doubted = Heartbeat.objects.clock_is_doubted(clock.read().raw)
    clocks.set(0)

    assert (doubted, Heartbeat.objects.clock_is_doubted(clock.read().raw)) == (True, False)
    assert are_near((clock.steady(), right), (clock.now(), right))


@pytest.mark.parametrize("seconds", [2 * HOUR, -2 * HOUR])
def test_with_the_desks_word_everybody_goes_by_the_clock_as_it_is(clocks: Clocks, seconds: float) -> None:
    right = clock.now()
    # Said of another jump, long ago.
    Heartbeat.objects.beat(CLOCK_TRUSTED, [], right - timedelta(days=9))
    clocks.set(seconds)
    doubted = [Heartbeat.objects.clock_is_doubted(clock.read().raw) for _look in range(2)]
    Heartbeat.objects.beat(CLOCK_TRUSTED, [], clock.read().raw)
    doubted.append(Heartbeat.objects.clock_is_doubted(clock.read().raw))

    assert doubted == [True, True, False]
    moved = right + timedelta(seconds=seconds)
    assert are_near((clock.steady(), moved), (clock.now(), moved))
    clocks.set(2 * seconds)
    assert Heartbeat.objects.clock_is_doubted(clock.read().raw)


def test_a_database_elsewhere_that_never_agreed_is_doubted_and_gone_by(clocks: Clocks) -> None:
    right = clock.now()
    clock._begin()
    clocks.database = -600
    first = look()
    doubted = Heartbeat.objects.clock_is_doubted(first.raw)
    Heartbeat.objects.beat(CLOCK_TRUSTED, [], first.raw)
    trusted = not Heartbeat.objects.clock_is_doubted(clock.read().raw)

    assert (doubted, trusted) == (True, True)
    # Several machines share that clock: what is due, they must agree on.
    assert first.steady == first.raw
    assert are_near((first.latest, right), (clock.now(), right - timedelta(minutes=10)))


def test_one_worker_that_doubts_is_enough_and_it_says_so_by_the_clock_all_can_read(clocks: Clocks) -> None:
    raw = clock.read().raw
    Heartbeat.objects.tell_doubt(True, raw)

    assert Heartbeat.objects.clock_is_doubted(raw + timedelta(seconds=29))
    # A worker that died; one whose clock went wrong since.
    assert not Heartbeat.objects.clock_is_doubted(raw + timedelta(seconds=31))
    assert not Heartbeat.objects.clock_is_doubted(raw - timedelta(days=40))
    assert not Heartbeat.objects.doubts_here()
    Heartbeat.objects.tell_doubt(False, raw)
    assert not Heartbeat.objects.filter(name=CLOCK_DOUBTED).exists()


def test_what_is_to_be_done_at_once_is_due_by_the_clock_of_the_broom(clocks: Clocks) -> None:
    at = clock.now()
    untouched = clock.at_once(at + timedelta(days=3))
    clocks.set(2 * HOUR)
    while_doubted = clock.now()

    assert untouched == at + timedelta(days=3)
    assert are_near((clock.at_once(while_doubted), at))
    # The broom itself goes by it: nothing is put further back.
    assert clock.at_once(at) == at
    # Looked at before and after: the next quarter of an hour may begin meanwhile.
    before, down = clock.quarter_down(clock.steady()), clock.quarter_down(while_doubted)
    assert before <= down <= clock.quarter_down(clock.steady())


def test_an_answer_that_took_long_says_nothing_about_a_clock(
    clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = clock.now()
    # The process was stopped for two minutes between the two.
    since_boot, looks = clock._since_boot, iter([0, 120])
    clocks.database = -120
    with monkeypatch.context() as context:
        context.setattr(clock, "_since_boot", lambda: since_boot() + next(looks, 120) - 120)
        context.setattr(clock, "_difference", lambda: clock._shared[clock._WALL])
        moment = clock.now()

    assert (are_near((moment, right - timedelta(minutes=2))), clock.jumped()) == (True, False)


def test_whoever_is_forked_doubts_and_trusts_with_the_others(clocks: Clocks) -> None:
    clock.now()
    clocks.set(2 * HOUR)
    clock.read()
    before = clock.jumped()
    child = os.fork()
    if child == 0:
        clock.trust()
        os._exit(0)
    os.waitpid(child, 0)

    assert (before, clock.jumped()) == (True, False)


def told_by(*handed_down: int) -> str:
    """What a process that is started anew thinks of the clock."""
    done = subprocess.run(
        [sys.executable, "-c", "from privacy import clock; print(clock.jumped())"],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "mutualaid.settings"},
        pass_fds=handed_down,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.once
def test_a_system_that_is_started_anew_takes_the_clock_as_it_is_and_a_part_of_it_that_died_does_not() -> None:
    memory = os.memfd_create("mutualaid clocks")
    os.ftruncate(memory, 64)
    first = told_by(memory)
    wall = struct.unpack("d", os.pread(memory, 8, 0))[0]
    os.pwrite(memory, struct.pack("d", wall - 2 * HOUR), 0)
    after_the_jump = told_by(memory)
    os.close(memory)

    assert (first, after_the_jump, told_by()) == ("False", "True", "False")
