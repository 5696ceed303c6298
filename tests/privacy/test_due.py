"""Rows that fall due: nobody does one twice, a bad one stops nobody, a dead holder loses its lease."""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.models import QuerySet
from pytest_django import DjangoAssertNumQueries

from notify.models import Channel, Notice
from privacy import due
from privacy.due import Duty, Swept, Watch, back_off, complete, lease, pause, sweep, wait

AT = datetime(2030, 5, 6, 20, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _no_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a sweep, however busy the machine is; between two, `at` says how much."""
    monkeypatch.setattr(Watch, "elapsed", lambda watch: timedelta(0))


def rows(count: int) -> list[Notice]:
    """Due rows of the simplest model that has them; the first is due longest."""
    recipient = uuid.uuid4()
    channel = Channel.objects.create(
        recipient=recipient, transport="email", address=b"", language="en", added_at=AT
    )
    return Notice.objects.bulk_create(
        Notice(
            recipient=recipient,
            channel=channel,
            transport="email",
            send_after=AT - timedelta(minutes=10) + number * SECOND,
            purge_after=AT,
            idempotency_key=f"{recipient}:{number}",
        )
        for number in range(count)
    )


def overdue(at: datetime = AT) -> QuerySet[Notice]:
    return Notice.objects.due(at)


def drop(notice: Notice, at: datetime) -> None:
    Notice.objects.filter(pk=notice.pk, status="queued").update(status="dropped")


def keys(notices: list[Notice]) -> list[str]:
    return [notice.idempotency_key for notice in notices]


def at_once(count: int, work: Callable[[], object]) -> None:
    """`count` threads begin the same work at the same moment, each with a connection of its own."""
    gate, problems = threading.Barrier(count), []

    def run() -> None:
        try:
            gate.wait()
            work()
        except Exception as problem:
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


def _fail(_notice: Notice, _at: datetime) -> None:
    raise RuntimeError


@pytest.mark.django_db
class TestALease:
    def test_takes_the_oldest_first_and_no_more_than_asked(self) -> None:
        made = rows(5)

        taken = lease(overdue(), AT, 3)

        assert keys(taken.rows) == keys(made[:3])

    def test_takes_nothing_that_is_not_due(self) -> None:
        rows(3)

        assert lease(overdue(AT - timedelta(hours=1)), AT, 10).rows == []

    def test_of_one_holder_is_not_given_to_another(self) -> None:
        made = rows(3)
        first = lease(overdue(), AT, 2)

        second = lease(overdue(), AT, 10)

        assert (keys(first.rows), keys(second.rows)) == (keys(made[:2]), keys(made[2:]))

    def test_of_a_holder_that_died_runs_out(self) -> None:
        made = rows(2)
        lease(overdue(), AT, 2)
        almost, over = AT + due.LEASE - SECOND, AT + due.LEASE

        assert lease(overdue(), almost, 2).rows == []
        assert keys(lease(overdue(), over, 2).rows) == keys(made)

    def test_given_back_untried_is_free_at_once(self) -> None:
        made = rows(2)

        lease(overdue(), AT, 2).release()

        assert keys(lease(overdue(), AT, 2).rows) == keys(made)

    def test_that_ran_out_cannot_be_completed_by_its_old_holder(self) -> None:
        rows(1)
        (old,) = lease(overdue(), AT, 1).rows
        later = AT + due.LEASE
        (new,) = lease(overdue(), later, 1).rows

        assert [complete(old), back_off(old, later), wait(old, later)] == [False, False, False]
        assert complete(new) is True

    def test_cannot_be_completed_without_a_token(self) -> None:
        (row,) = rows(1)

        assert complete(row) is False

    def test_written_by_a_clock_that_was_hours_ahead_holds_nobody_back(self) -> None:
        made = rows(2)
        ahead = AT + timedelta(hours=2)
        taken = lease(overdue(), ahead, 2)
        back_off(taken.rows[0], ahead)

        assert keys(lease(overdue(), AT, 2).rows) == keys(made)


@pytest.mark.django_db(transaction=True)
class TestManyAtOnce:
    def test_every_row_is_taken_by_exactly_one(self) -> None:
        made, taken = rows(60), []

        def take() -> None:
            while found := lease(overdue(), AT, 7).rows:
                taken.extend(keys(found))

        at_once(8, take)

        assert Counter(taken) == Counter(keys(made))

    def test_every_row_is_done_exactly_once(self) -> None:
        made, done = rows(60), []

        def verb(notice: Notice, at: datetime) -> None:
            drop(notice, at)
            done.append(notice.idempotency_key)

        at_once(8, lambda: sweep(overdue(), AT, verb, limit=5))

        assert Counter(done) == Counter(keys(made))
        assert overdue().count() == 0


@pytest.mark.django_db
class TestASweep:
    def test_does_everything_that_is_due_batch_after_batch(self) -> None:
        rows(25)

        assert sweep(overdue(), AT, drop, limit=10) == Swept(done=25)
        assert overdue().count() == 0

    def test_with_nothing_due_does_nothing(self) -> None:
        assert sweep(overdue(), AT, drop) == Swept()

    def test_goes_on_after_a_row_that_fails(self, caplog: pytest.LogCaptureFixture) -> None:
        made = rows(5)
        bad = made[0]

        def verb(notice: Notice, at: datetime) -> None:
            if notice == bad:
                raise ValueError("a value that somebody typed")
            drop(notice, at)

        assert sweep(overdue(), AT, verb, limit=2) == Swept(done=4, failed=1)
        assert list(overdue()) == [bad]
        assert caplog.messages == ["notify.Notice could not be done: ValueError"]
        assert "typed" not in caplog.text

    def test_tries_a_failing_row_again_after_a_pause_and_forgets_the_failures(self) -> None:
        (row,) = rows(1)
        down = True

        def verb(notice: Notice, at: datetime) -> None:
            if down:
                raise ConnectionError

        sweep(overdue(), AT, verb)
        waiting = sweep(overdue(), AT + SECOND / 2, verb)
        again = sweep(overdue(), AT + 2 * SECOND, verb)
        row.refresh_from_db()
        failures, down = row.attempts, False
        healed = sweep(overdue(), AT + 10 * SECOND, verb)
        row.refresh_from_db()

        assert (waiting, again, healed) == (Swept(), Swept(failed=1), Swept(done=1))
        assert (failures, row.attempts) == (2, 0)

    def test_that_failed_for_an_hour_is_done_within_half_a_minute_of_the_end_of_the_trouble(self) -> None:
        """A duty may be a minute late, also after a keyring that was away for long."""
        rows(1)
        waits = []
        for second in range(0, 3600, 5):
            at = AT + second * SECOND
            if sweep(overdue(), at, _fail).failed:
                waits.append((Notice.objects.get().retry_after or at) - at)

        assert timedelta(seconds=29) < max(waits) < timedelta(seconds=31)

    def test_does_not_turn_around_a_row_that_its_verb_left_due(self) -> None:
        made, seen = rows(4), []

        swept = sweep(overdue(), AT, lambda notice, at: seen.append(notice.pk), limit=2)

        assert swept == Swept(done=4)
        assert Counter(seen) == Counter(notice.pk for notice in made)

    def test_bears_a_verb_that_deletes_its_row(self) -> None:
        rows(3)

        assert sweep(overdue(), AT, lambda notice, at: notice.delete()) == Swept(done=3)

    def test_stops_before_its_lease_is_over_and_gives_the_rest_back(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made, passed = rows(3), [timedelta(0)]
        monkeypatch.setattr(Watch, "elapsed", lambda watch: passed[0])

        def slow(notice: Notice, at: datetime) -> None:
            drop(notice, at)
            passed[0] += 6 * SECOND

        assert sweep(overdue(), AT, slow) == Swept(done=2)
        assert keys(lease(overdue(), AT, 3).rows) == keys(made[2:])


def test_a_watch_goes_on_from_the_moment_it_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    watch = Watch(AT)
    time.sleep(0.01)
    first, second = watch.now(), watch.now()

    assert AT + timedelta(milliseconds=10) <= first <= second


def test_an_urgent_row_never_waits_more_than_five_seconds_and_one_that_never_works_five_minutes() -> None:
    pauses = [pause(attempts).total_seconds() for attempts in range(1, 10_000)]

    assert pauses[:5] == [1, 2, 4, 5, 5]
    assert max(pauses[: due.URGENT_ATTEMPTS]) == 5
    assert pauses == sorted(pauses)
    assert pauses[-1] == 300


@pytest.mark.django_db
class TestADuty:
    duty = Duty("deliver", 2 * SECOND, overdue, lambda at: sweep(overdue(at), at, drop), "send_after")

    def test_with_nothing_due_is_not_late(self) -> None:
        assert (self.duty.is_due(AT), self.duty.oldest_late(AT)) == (False, timedelta(0))

    def test_is_as_late_as_its_oldest_row(self) -> None:
        rows(3)

        assert (self.duty.is_due(AT), self.duty.oldest_late(AT)) == (True, timedelta(minutes=10))

    def test_has_nothing_to_do_while_another_holds_the_row_but_is_late_all_the_same(self) -> None:
        rows(1)
        lease(overdue(), AT, 1)

        assert (self.duty.is_due(AT), self.duty.oldest_late(AT)) == (False, timedelta(minutes=10))

    def test_looks_once_and_writes_nothing(self, django_assert_num_queries: DjangoAssertNumQueries) -> None:
        rows(3)

        with django_assert_num_queries(1) as looked:
            self.duty.is_due(AT)

        assert [query["sql"].partition(" ")[0] for query in looked.captured_queries] == ["SELECT"]

    def test_does_what_is_due(self) -> None:
        rows(3)

        assert self.duty.run(AT) == Swept(done=3)
        assert self.duty.is_due(AT) is False

    def test_that_knows_no_moment_is_never_late(self) -> None:
        rows(1)

        assert Duty("any", SECOND, overdue, lambda at: Swept(), None).oldest_late(AT) == timedelta(0)
