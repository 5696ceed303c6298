"""The outbox empties: in time, never zero times, and one bad address stops nobody."""

import threading
import uuid
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection

from notify import deliver, outbox
from notify.models import Channel, Notice, NoticeQuerySet
from notify.tasks import DUTIES
from notify.transports import AddressGone, NotNow
from privacy.due import Swept, Watch, lease
from tests.notify.pigeons import AT, SECOND, Pigeons, add, news, statuses

pytestmark = pytest.mark.django_db


def test_what_is_due_is_sent_once(pigeons: Pigeons) -> None:
    news(3)

    assert deliver.run(AT) == Swept(done=3)
    assert deliver.run(AT + timedelta(minutes=1)) == Swept()
    assert pigeons.addresses == ["roof 0", "roof 1", "roof 2"]
    assert statuses() == {"sent": 3}


def test_a_long_queue_is_emptied_in_one_go(pigeons: Pigeons) -> None:
    news(deliver.BATCH * 2 + 1)

    assert deliver.run(AT) == Swept(done=deliver.BATCH * 2 + 1)
    assert pigeons.opened == 3


def test_nothing_is_sent_early(pigeons: Pigeons) -> None:
    news(1)

    assert deliver.run(AT - timedelta(hours=1)) == Swept()


def test_a_worker_that_dies_between_sending_and_noting_it_sends_again_with_the_same_key(
    pigeons: Pigeons, monkeypatch: pytest.MonkeyPatch
) -> None:
    news(1)
    with monkeypatch.context() as dying:
        dying.setattr(NoticeQuerySet, "mark_sent", _die)
        with pytest.raises(KeyboardInterrupt):
            deliver.run(AT)

    deliver.run(AT + SECOND)
    deliver.run(AT + deliver.LEASE)

    assert pigeons.addresses == ["roof 0", "roof 0"]
    assert len({message.key for _address, message in pigeons.posted}) == 1


def _die(*_args: object) -> None:
    raise KeyboardInterrupt


def test_who_is_gone_since_the_batch_was_taken_is_told_nothing(
    pigeons: Pigeons, monkeypatch: pytest.MonkeyPatch
) -> None:
    _first, second = news(2)
    monkeypatch.setattr(pigeons, "post", lambda address, message: _erase(pigeons, second, address))
    passed = iter(range(1000))
    monkeypatch.setattr(Watch, "elapsed", lambda watch: next(passed) * deliver.MOMENT)

    deliver.run(AT)

    assert pigeons.tried == ["roof 0"]


def _erase(pigeons: Pigeons, channel: Channel, address: str) -> None:
    pigeons.tried.append(address)
    outbox.drop(channel.recipient)


def test_what_leaves_quickly_is_marked_together_and_what_leaves_slowly_one_by_one(
    pigeons: Pigeons, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks: list[int] = []
    mark_sent = NoticeQuerySet.mark_sent

    def noted(self: NoticeQuerySet, lease: object, notices: list[Notice], at: object) -> int:
        marks.append(len(notices))
        return mark_sent(self, lease, notices, at)  # type: ignore[arg-type]

    monkeypatch.setattr(NoticeQuerySet, "mark_sent", noted)
    news(3)
    deliver.run(AT)
    passed = iter(range(1000))
    monkeypatch.setattr(Watch, "elapsed", lambda watch: next(passed) * deliver.MOMENT)
    news(3)
    deliver.run(AT)

    assert (marks, statuses()) == ([3, 1, 1, 1], {"sent": 6})


def test_what_left_before_something_unforeseen_is_marked(
    pigeons: Pigeons, monkeypatch: pytest.MonkeyPatch
) -> None:
    news(2)
    pigeons.trouble["roof 1"] = KeyboardInterrupt()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        deliver.run(AT)

    assert statuses() == {"sent": 1, "queued": 1}


def test_two_notices_never_share_a_key_and_it_is_not_the_one_stored(pigeons: Pigeons) -> None:
    news(2)

    deliver.run(AT)

    keys = [message.key for _address, message in pigeons.posted]
    stored = Notice.objects.values_list("idempotency_key", flat=True)
    assert len(set(keys)) == 2
    assert [key for key in keys for other in stored if key in other] == []


def test_a_dead_address_is_shown_to_its_owner_and_used_no_more(pigeons: Pigeons) -> None:
    bad, good = news(2)
    outbox.queue(bad.recipient, "more news", AT)
    pigeons.trouble["roof 0"] = AddressGone()

    deliver.run(AT)

    assert pigeons.tried == ["roof 0", "roof 1"]
    assert statuses() == {"dropped": 2, "sent": 1}
    assert list(Channel.objects.working()) == [good]
    assert Channel.objects.get(pk=bad.pk).broken_at == AT


def test_an_address_that_fails_waits_alone_and_is_tried_again(pigeons: Pigeons) -> None:
    news(3)
    pigeons.trouble["roof 1"] = NotNow()

    first = deliver.run(AT)
    pigeons.trouble.clear()
    too_soon = deliver.run(AT + SECOND / 2)
    again = deliver.run(AT + 2 * SECOND)

    assert (first, too_soon, again) == (Swept(done=2, failed=1), Swept(), Swept(done=1))
    assert pigeons.addresses == ["roof 0", "roof 2", "roof 1"]


def test_an_error_nobody_thought_of_concerns_one_notice_and_tells_no_log_an_address(
    pigeons: Pigeons, caplog: pytest.LogCaptureFixture
) -> None:
    news(3)
    pigeons.trouble["roof 1"] = RuntimeError("could not reach roof 1")

    with caplog.at_level("DEBUG"):
        swept = deliver.run(AT)

    assert swept == Swept(done=2, failed=1)
    assert caplog.messages == ["a notice through pigeons failed: RuntimeError"]
    assert "roof" not in caplog.text


def test_a_transport_that_is_not_set_up_any_more_makes_the_duty_late(
    pigeons: Pigeons, monkeypatch: pytest.MonkeyPatch
) -> None:
    news(1)
    monkeypatch.setattr(Pigeons, "is_set_up", lambda loft: False)

    deliver.run(AT)

    assert DUTIES[0].oldest_late(AT) == timedelta(minutes=1)


def test_after_an_outage_nobody_is_told_outside_their_hours(pigeons: Pigeons, recipient: uuid.UUID) -> None:
    add(recipient, from_hour=18, until_hour=21)
    outbox.queue(recipient, "news", AT)
    late, next_evening = AT + timedelta(hours=2), AT + timedelta(hours=22)

    during_the_night = deliver.run(late)
    sends_after = Notice.objects.get().send_after
    in_the_evening = deliver.run(next_evening)

    assert (during_the_night, sends_after, in_the_evening) == (Swept(), next_evening, Swept(done=1))


def test_a_notice_that_was_forgotten_while_it_was_sent_stays_forgotten(
    pigeons: Pigeons, monkeypatch: pytest.MonkeyPatch
) -> None:
    (channel,) = news(1)
    monkeypatch.setattr(pigeons, "post", lambda address, message: outbox.drop(channel.recipient))

    deliver.run(AT)

    assert Notice.objects.count() == 0


def test_only_the_holder_of_the_lease_notes_that_it_was_sent(pigeons: Pigeons) -> None:
    news(1)
    due = Notice.objects.due(AT)
    slow = lease(due, AT, 1)
    quick = lease(due, AT + timedelta(minutes=1), 1)

    assert [Notice.objects.mark_sent(one, one.rows, AT) for one in (slow, quick)] == [0, 1]
    assert [one.rows[0].drop(AT) for one in (slow, quick)] == [False, False]


@pytest.mark.django_db(transaction=True)
def test_four_workers_send_each_notice_once(pigeons: Pigeons) -> None:
    news(50)
    gate, problems = threading.Barrier(4), []

    def work() -> None:
        try:
            gate.wait()
            deliver.run(AT)
        except Exception as problem:
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert problems == []
    assert Counter(pigeons.addresses) == Counter(f"roof {number}" for number in range(50))


@pytest.mark.django_db(transaction=True)
def test_nothing_is_locked_while_a_message_is_on_its_way(
    pigeons: Pigeons, monkeypatch: pytest.MonkeyPatch
) -> None:
    news(1)
    inside = []
    monkeypatch.setattr(pigeons, "post", lambda address, message: inside.append(connection.in_atomic_block))

    deliver.run(AT)

    assert inside == [False]


class TestTheBroom:
    purge = DUTIES[1]

    def test_deletes_what_was_sent_within_the_hour(self, pigeons: Pigeons) -> None:
        news(2)
        deliver.run(AT)

        kept = self.purge.run(AT + timedelta(minutes=5))
        gone = self.purge.run(AT + timedelta(minutes=15))

        assert (kept, gone, Notice.objects.count()) == (Swept(), Swept(done=2), 0)
        assert self.purge.late_after + timedelta(minutes=10) < timedelta(hours=1)

    def test_leaves_what_still_waits(self, pigeons: Pigeons) -> None:
        news(2)

        assert self.purge.run(AT + timedelta(days=6)) == Swept()

    def test_gives_up_after_a_week(self, pigeons: Pigeons) -> None:
        news(2)

        assert self.purge.run(AT + timedelta(days=7)) == Swept(done=2)

    def test_takes_thousands_in_batches(self, pigeons: Pigeons, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("notify.tasks.PURGE_AT_ONCE", 2)
        news(5)
        deliver.run(AT)

        assert self.purge.run(AT + timedelta(hours=1)) == Swept(done=5)
