"""The ticker never stops looking, whatever happens to what it looks at."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from celery.concurrency.thread import TaskPool
from django.db import OperationalError

from mutualaid import celery
from mutualaid.celery import Ticker, app, look
from mutualaid.duties import DUTIES
from notify.models import Notice
from privacy import clock
from privacy.due import Duty, Swept, goes_on
from privacy.models import CLOCK_DOUBTED, CLOCK_TRUSTED, HEART, Heartbeat, Session
from tests.clocks import HOUR, Clocks

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


def a_duty(name: str, run: Callable[[datetime], Swept], due: bool = True) -> Duty:
    """A duty that is due, or is not, whatever the rows say."""

    class Chosen(Duty):
        def is_due(self, at: datetime) -> bool:
            return due

    return Chosen(name, timedelta(minutes=1), Notice.objects.filter, run, None)


@pytest.fixture
def ticker() -> Ticker:
    return Ticker(worker=None)


@pytest.fixture
def pool() -> Iterator[TaskPool]:
    """The worker's own kind of pool, with connections of its own."""
    pool = TaskPool(2)
    yield pool
    pool.on_stop()


@pytest.mark.django_db(transaction=True)
def test_what_is_due_is_started_and_what_is_not_is_left_alone(
    ticker: Ticker, pool: TaskPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def doing(name: str) -> Callable[[datetime], Swept]:
        return lambda at: Swept(done.append(name) or 1)

    duties = [a_duty("lapse", doing("lapse")), a_duty("purge", doing("purge"), due=False)]
    monkeypatch.setattr(celery, "DUTIES", duties)
    ticker.tick(pool)
    pool.on_stop()

    assert done == ["lapse"]


@pytest.mark.django_db(transaction=True)
def test_a_duty_that_still_runs_is_not_started_twice(
    ticker: Ticker, pool: TaskPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[datetime] = []
    may_end = threading.Event()

    def run(at: datetime) -> Swept:
        started.append(at)
        may_end.wait(60)
        return Swept()

    monkeypatch.setattr(celery, "DUTIES", [a_duty("lapse", run)])
    ticker.tick(pool)
    ticker.tick(pool)
    may_end.set()
    pool.on_stop()

    assert (len(started), ticker.busy) == (1, set())


@pytest.mark.django_db
def test_a_lane_that_found_no_thread_is_started_at_the_next_look(
    ticker: Ticker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(celery, "DUTIES", [a_duty("deliver", lambda at: Swept())])
    started: list[str] = []

    class Full:
        def apply_async(self, run: object, words: tuple[Duty, int]) -> None:
            raise RuntimeError("can't start new thread")

    class Free:
        def apply_async(self, run: object, words: tuple[Duty, int]) -> None:
            started.append(words[0].name)

    with pytest.raises(RuntimeError):
        ticker.tick(Full())
    ticker.tick(Free())

    assert started == ["deliver"]


@pytest.mark.django_db(transaction=True)
def test_messages_leave_while_every_other_duty_hangs(ticker: Ticker, monkeypatch: pytest.MonkeyPatch) -> None:
    may_end, left = threading.Event(), threading.Event()

    def hang(at: datetime) -> Swept:
        may_end.wait(60)
        return Swept()

    def leave(at: datetime) -> Swept:
        left.set()
        return Swept()

    others = [a_duty(duty.name, hang) for duty in DUTIES if duty.name != "deliver"]
    monkeypatch.setattr(celery, "DUTIES", [*others, a_duty("deliver", leave)])
    pool = TaskPool(celery.THREADS)
    ticker.tick(pool)
    in_time = left.wait(30)
    may_end.set()
    pool.on_stop()

    assert in_time


@pytest.mark.django_db(transaction=True)
def test_what_is_urgent_is_started_once_more_while_its_first_lane_is_held_up(
    ticker: Ticker, pool: TaskPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[datetime] = []
    may_end = threading.Event()

    def run(at: datetime) -> Swept:
        started.append(at)
        may_end.wait(60)
        return Swept()

    duty = replace(a_duty("deliver", run), lanes=2)
    monkeypatch.setattr(celery, "DUTIES", [duty])
    for _second in range(3):
        ticker.tick(pool)
    while len(started) < 2:
        time.sleep(0.01)
    may_end.set()
    pool.on_stop()

    assert (len(started), ticker.busy) == (2, set())


@pytest.mark.django_db(transaction=True)
def test_a_duty_is_looked_through_when_one_of_its_lanes_got_to_its_end(
    ticker: Ticker, pool: TaskPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end, turns = threading.Event(), iter([True, False])

    def run(at: datetime) -> Swept:
        if next(turns):
            may_end.wait(60)
        return Swept()

    monkeypatch.setattr(celery, "DUTIES", [replace(a_duty("deliver", run), lanes=2)])
    ticker.beaten = time.monotonic()
    for _second in range(2):
        ticker.tick(pool)
    while len(ticker.busy) == 2:
        time.sleep(0.01)
    ticker.beat(AT, waits=False)
    ticker.beat(AT + timedelta(seconds=4), waits=False)
    may_end.set()
    pool.on_stop()

    assert Heartbeat.objects.get(name="deliver").swept_at == AT


@pytest.mark.django_db(transaction=True)
def test_a_long_duty_is_looked_after_while_it_goes_on_and_not_once_it_hangs(
    ticker: Ticker, pool: TaskPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs, may_end = threading.Event(), threading.Event()

    def run(at: datetime) -> Swept:
        goes_on()
        hangs.set()
        may_end.wait(60)
        return Swept()

    monkeypatch.setattr(celery, "DUTIES", [a_duty("expire", run)])
    ticker.beaten = time.monotonic()
    ticker.tick(pool)
    hangs.wait(60)
    for beat in range(3):
        ticker.beat(AT + timedelta(seconds=3 * beat), waits=False)
    may_end.set()
    pool.on_stop()

    assert Heartbeat.objects.get(name="expire").swept_at == AT


@pytest.mark.django_db(transaction=True)
def test_what_failed_and_was_done_by_somebody_else_is_looked_after_again(
    ticker: Ticker, pool: TaskPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(at: datetime) -> Swept:
        raise ValueError

    monkeypatch.setattr(celery, "DUTIES", [a_duty("lapse", fail)])
    ticker.tick(pool)
    while ticker.busy:
        time.sleep(0.01)
    failed = set(ticker.failing)
    monkeypatch.setattr(celery, "DUTIES", [a_duty("lapse", fail, due=False)])
    ticker.tick(pool)
    pool.on_stop()

    assert (failed, ticker.failing) == ({"lapse"}, set())


@pytest.mark.django_db(transaction=True)
def test_what_was_due_stays_due_when_the_desk_says_that_an_earlier_clock_is_right(
    ticker: Ticker, pool: TaskPool, monkeypatch: pytest.MonkeyPatch, clocks: Clocks
) -> None:
    session = Session.objects.create(id=b"s" * 32, data=b"", expires_at=clock.now())
    duty = replace(
        a_duty("purge sessions", lambda at: Swept(), due=False),
        due=Session.objects.expired,
        due_field="expires_at",
    )
    monkeypatch.setattr(celery, "DUTIES", [duty, replace(duty, name="expire", destroys=True)])
    ticker.tick(pool)
    clocks.set(-2 * HOUR)
    ticker.tick(pool)
    before_the_word = Session.objects.get().expires_at
    Heartbeat.objects.beat(CLOCK_TRUSTED, [], clock.read().raw)
    ticker.tick(pool)
    ticker.tick(pool)
    pool.on_stop()

    session.refresh_from_db()
    assert before_the_word > clock.steady() + timedelta(hours=1)
    assert session.expires_at <= clock.steady()


@pytest.mark.django_db
def test_the_heart_beats_also_when_nothing_is_due(
    ticker: Ticker, pool: TaskPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(celery, "DUTIES", [])
    ticker.tick(pool)

    assert (clock.now() - Heartbeat.objects.get(name=HEART).beat_at).total_seconds() < 5


@pytest.mark.django_db(transaction=True)
def test_what_was_looked_through_is_told_in_one_beat_whether_there_was_something_to_do_or_not(
    ticker: Ticker, pool: TaskPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end = threading.Event()

    def fail(at: datetime) -> Swept:
        raise ValueError

    def last(at: datetime) -> Swept:
        may_end.wait(60)
        return Swept()

    duties = [a_duty("did", lambda at: Swept(1)), a_duty("failed", fail), a_duty("still runs", last)]
    monkeypatch.setattr(celery, "DUTIES", [*duties, a_duty("had nothing to do", last, due=False)])
    ticker.beaten = time.monotonic()
    ticker.tick(pool)
    while ticker.busy != {("still runs", 0)}:
        time.sleep(0.01)
    ticker.beat(AT, waits=False)
    may_end.set()
    pool.on_stop()

    assert sorted(Heartbeat.objects.values_list("name", "swept_at")) == [
        ("did", AT),
        ("had nothing to do", AT),
        (HEART, None),
    ]


@pytest.mark.django_db(transaction=True)
def test_nothing_is_destroyed_by_a_clock_that_jumped_until_the_desk_has_looked(
    ticker: Ticker,
    pool: TaskPool,
    monkeypatch: pytest.MonkeyPatch,
    clocks: Clocks,
) -> None:
    done: list[str] = []

    def doing(name: str) -> Callable[[datetime], Swept]:
        return lambda at: Swept(done.append(name) or 1)

    duties = [replace(a_duty("expire", doing("expire")), destroys=True), a_duty("deliver", doing("deliver"))]
    monkeypatch.setattr(celery, "DUTIES", duties)
    # A word from before this worker began is about another jump.
    Heartbeat.objects.beat(CLOCK_TRUSTED, [], AT - timedelta(days=9))

    def tick() -> list[str]:
        done.clear()
        ticker.tick(pool)
        while ticker.busy:
            time.sleep(0.01)
        return sorted(done)

    before = tick()
    clocks.set(2 * HOUR)
    ticker.beaten = float("-inf")
    after_the_jump = tick()
    told = Heartbeat.objects.filter(name=CLOCK_DOUBTED).exists()
    look("expire")
    looked = list(done)
    Heartbeat.objects.beat(CLOCK_TRUSTED, [], AT)
    ticker.beaten = float("-inf")
    heard = tick()
    after_the_word = tick()
    untold = Heartbeat.objects.filter(name=CLOCK_DOUBTED).exists()
    clocks.set(4 * HOUR)
    after_the_next_jump = tick()
    pool.on_stop()

    assert before == ["deliver", "expire"]
    assert (after_the_jump, told) == (["deliver"], True)
    assert looked == ["deliver"]
    # What others were told lately counts until it is taken back.
    assert (heard, untold) == (["deliver"], False)
    assert after_the_word == ["deliver", "expire"]
    assert after_the_next_jump == ["deliver"]


@pytest.mark.django_db(transaction=True)
def test_an_error_in_a_duty_is_told_by_its_kind_and_frees_the_duty(
    ticker: Ticker, pool: TaskPool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(at: datetime) -> Swept:
        raise ValueError("her address")

    monkeypatch.setattr(celery, "DUTIES", [a_duty("deliver", fail)])
    with caplog.at_level(logging.DEBUG):
        ticker.tick(pool)
        pool.on_stop()

    ours = [record.getMessage() for record in caplog.records if record.name == "mutualaid.celery"]
    assert ours == ["duty deliver stopped: ValueError"]
    assert ticker.busy == set()


def test_the_ticker_goes_on_when_the_database_comes_back(
    ticker: Ticker, pool: TaskPool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looks: list[bool] = []

    def look_once(pool: object) -> None:
        looks.append(len(looks) >= 3)
        if not looks[-1]:
            raise OperationalError("host, name and passphrase")

    monkeypatch.setattr(celery, "TICK", 0.01)
    monkeypatch.setattr(ticker, "tick", look_once)
    thread = threading.Thread(target=ticker.tick_for_ever, args=(pool,))
    thread.start()
    while len(looks) < 5:
        time.sleep(0.01)
    ticker.stop(None)
    thread.join(30)

    assert looks[:5] == [False, False, False, True, True]
    assert [record.getMessage() for record in caplog.records] == ["the ticker cannot look: OperationalError"]


def test_a_worker_that_starts_looks_at_once(
    ticker: Ticker, pool: TaskPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = threading.Event()
    monkeypatch.setattr(celery, "TICK", 600)
    monkeypatch.setattr(ticker, "tick", lambda pool: looked.set())
    thread = threading.Thread(target=ticker.tick_for_ever, args=(pool,))
    thread.start()
    found = looked.wait(30)
    ticker.stop(None)
    thread.join(30)

    assert (found, thread.is_alive()) == (True, False)


@pytest.mark.django_db
def test_a_look_that_names_no_duty_does_nothing() -> None:
    look("rescue everybody")

    assert not Heartbeat.objects.exists()


def test_every_duty_has_a_name_of_its_own() -> None:
    names = [duty.name for duty in DUTIES]

    assert len(set(names)) == len(names)
    assert HEART not in names


def test_a_message_can_hold_the_name_of_a_duty_and_nothing_else() -> None:
    ours = {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}

    assert list(ours) == ["mutualaid.look"]
    assert look.run.__annotations__ == {"name": str, "return": None}
    assert (app.conf.task_serializer, app.conf.accept_content) == ("json", ["json"])
