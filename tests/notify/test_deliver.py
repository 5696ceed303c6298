"""The outbox empties: in time, never zero times, and one bad address stops nobody."""

import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import connection

from notify import deliver, outbox, transports
from notify.breaker import PROBE_EVERY
from notify.models import HOPELESS, Channel, Notice, NoticeQuerySet
from notify.tasks import DUTIES, late_ways
from notify.transports import POST_LASTS, AddressGone, Message, NotNow, TransportDown
from privacy.due import URGENT_ATTEMPTS, Swept, Watch, lease
from tests.notify.pigeons import AT, Pigeons, add

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


def news(count: int) -> list[Channel]:
    """`count` people with a roof each have news, the first for longest."""
    channels = [add(uuid.uuid4(), f"roof {number}") for number in range(count)]
    for number, channel in enumerate(channels):
        outbox.queue(channel.recipient, "news", AT - timedelta(minutes=1) + number * SECOND)
    return channels


def statuses() -> dict[str, int]:
    return dict(Counter(Notice.objects.values_list("status", flat=True)))


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


class TestATransportThatIsDown:
    def test_is_asked_once_every_three_seconds_however_many_wait(self, pigeons: Pigeons) -> None:
        news(30)
        pigeons.trouble[""] = TransportDown()

        for half_second in range(20):
            deliver.run(AT + half_second * SECOND / 2)

        assert len(pigeons.tried) == 4
        assert statuses() == {"queued": 30}

    def test_is_not_asked_with_the_same_notice_each_time(self, pigeons: Pigeons) -> None:
        news(3)
        pigeons.trouble["roof 0"] = TransportDown()

        deliver.run(AT)
        deliver.run(AT + PROBE_EVERY)

        assert pigeons.addresses == ["roof 1", "roof 2"]

    def test_empties_its_queue_within_five_seconds_of_coming_back(self, pigeons: Pigeons) -> None:
        news(30)
        pigeons.trouble[""] = TransportDown()
        for second in range(600):
            deliver.run(AT + second * SECOND)
        pigeons.trouble.clear()

        for second in range(6):
            deliver.run(AT + timedelta(minutes=10) + second * SECOND)

        assert statuses() == {"sent": 30}
        assert len(pigeons.posted) == 30

    def test_is_asked_again_at_once_after_it_hung_until_it_was_cut_and_with_another_notice(
        self, pigeons: Pigeons, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        passed = [timedelta(0)]
        monkeypatch.setattr(Watch, "elapsed", lambda watch: passed[0])

        def hang_once(address: str, message: Message) -> None:
            monkeypatch.setattr(pigeons, "post", post)
            passed[0] += POST_LASTS
            raise TransportDown

        news(3)
        post = pigeons.post
        monkeypatch.setattr(pigeons, "post", hang_once)
        deliver.run(AT)
        passed[0] = timedelta(0)
        deliver.run(AT + POST_LASTS)
        after_the_cut = list(pigeons.addresses)
        deliver.run(AT + POST_LASTS + deliver.OTHERS_FIRST)

        assert after_the_cut == ["roof 1", "roof 2"]
        assert pigeons.addresses == ["roof 1", "roof 2", "roof 0"]

    def test_costs_the_others_nothing(self, pigeons: Pigeons) -> None:
        news(2)
        doves = Pigeons()
        doves.trouble[""] = TransportDown()
        transports.register("doves", doves)
        unlucky = add(uuid.uuid4(), transport="doves")
        outbox.queue(unlucky.recipient, "news", AT - timedelta(hours=1))

        deliver.run(AT)

        assert statuses() == {"sent": 2, "queued": 1}

    def test_is_asked_at_once_when_the_clock_was_set_back(self, pigeons: Pigeons) -> None:
        news(1)
        pigeons.trouble[""] = TransportDown()
        deliver.run(AT + timedelta(hours=2))
        pigeons.trouble.clear()

        assert deliver.run(AT) == Swept(done=1)

    def test_is_blamed_also_where_it_worked_by_a_clock_that_went_ahead(self, pigeons: Pigeons) -> None:
        news(1)
        deliver.run(AT + timedelta(hours=2))
        news(30)
        pigeons.trouble[""] = TransportDown()

        deliver.run(AT)

        assert (len(pigeons.tried), deliver.breakers["pigeons", ""].is_down) == (2, True)


class TestOneThatHangs:
    """A post to it fails when it is cut; through the same gateway the others arrive."""

    def test_holds_up_the_others_once_and_then_only_itself(self, pigeons: Pigeons) -> None:
        news(3)
        pigeons.trouble["roof 1"] = TransportDown()
        deliver.run(AT)
        deliver.run(AT + PROBE_EVERY)
        before = len(pigeons.posted)
        (later,) = news(1)

        for second in range(3, 60):
            deliver.run(AT + second * SECOND)

        assert before == 2
        assert Notice.objects.get(channel=later).status == "sent"
        assert statuses() == {"sent": 3, "queued": 1}
        # Again and again, but at most every five seconds.
        assert 8 <= pigeons.tried.count("roof 1") - 1 <= 14

    def test_is_not_tried_with_each_of_its_news(self, pigeons: Pigeons) -> None:
        well, hangs = news(2)
        pigeons.trouble["roof 1"] = TransportDown()
        deliver.run(AT)
        for number in range(20):
            outbox.queue(hangs.recipient, f"more news {number}", AT)

        for second in range(1, 31):
            outbox.queue(well.recipient, f"second {second}", AT + second * SECOND)
            deliver.run(AT + second * SECOND)
        while_it_hung = pigeons.tried.count("roof 1")
        pigeons.trouble.clear()
        for second in range(31, 38):
            deliver.run(AT + second * SECOND)

        # One of them, every five seconds at the most often, after 1, 2 and 4.
        assert 5 <= while_it_hung <= 9
        assert statuses() == {"sent": 52}

    def test_for_longer_than_two_minutes_is_tried_at_once_with_something_new(self, pigeons: Pigeons) -> None:
        (hangs,) = news(1)
        Notice.objects.update(attempts=URGENT_ATTEMPTS + 1, retry_after=AT + 100 * SECOND)
        outbox.queue(hangs.recipient, "more news", AT)

        deliver.run(AT)

        assert pigeons.tried == ["roof 0"]

    def test_is_nobody_elses_trouble_where_another_lane_got_through_meanwhile(
        self, pigeons: Pigeons, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        news(2)
        breaker = deliver.breakers["pigeons", ""]

        def post(address: str, message: object) -> None:
            if address == "roof 0":
                breaker.worked(AT + SECOND)
                raise TransportDown

        monkeypatch.setattr(pigeons, "post", post)
        swept = deliver.run(AT)

        assert (swept, breaker.is_down) == (Swept(done=1, failed=1), False)

    def test_is_left_to_one_lane(self, pigeons: Pigeons) -> None:
        news(2)
        Notice.objects.update(attempts=1)

        with deliver.breakers["pigeons", ""].risk:
            while_another_lane_is_at_it = deliver.run(AT)

        assert (while_another_lane_is_at_it, deliver.run(AT)) == (Swept(), Swept(done=2))

    def test_is_broken_after_a_day_and_its_owner_sees_it(self, pigeons: Pigeons) -> None:
        bad, _good = news(2)
        pigeons.trouble["roof 0"] = NotNow()
        at, tried = AT, 0
        while Notice.objects.filter(channel=bad, status="queued").exists():
            tried += deliver.run(at).failed
            waits_until = Notice.objects.get(channel=bad).retry_after
            at = waits_until or at

        assert tried == HOPELESS
        assert timedelta(hours=20) < at - AT < timedelta(hours=28)
        assert list(Channel.objects.filter(broken_at__isnull=False)) == [bad]

    def test_makes_the_duty_late_for_two_minutes_and_no_longer(self, pigeons: Pigeons) -> None:
        news(1)
        pigeons.trouble["roof 0"] = NotNow()
        late = []
        for second in range(0, 180, 5):
            deliver.run(AT + second * SECOND)
            late.append(DUTIES[0].oldest_late(AT + second * SECOND) > timedelta(0))

        assert (late[0], late[-1]) == (True, False)


class TestAGatewayThatRefusesOneAfterTheOther:
    """Not the gateway is down, it says: each answer is about one address."""

    def test_makes_the_duty_late_while_nothing_leaves_at_all(self, pigeons: Pigeons) -> None:
        add_news("roof 1", "roof 2", "roof 3")

        assert late_while_refused(pigeons, "")

    def test_makes_nothing_late_while_others_are_told(self, pigeons: Pigeons) -> None:
        add_news("roof 1", "roof 2", "roof 3", "a good roof")

        assert not late_while_refused(pigeons, "roof 1", "roof 2", "roof 3")

    def test_makes_nothing_late_where_people_named_it(self, pigeons: Pigeons) -> None:
        add_news("roof 1 of Lund", "roof 2 of Lund", "roof 3 of Lund")

        assert not late_while_refused(pigeons, "")


def late_while_refused(pigeons: Pigeons, *addresses: str) -> bool:
    """Whether the duty is late, and says by what, after five minutes of refusing these."""
    pigeons.trouble |= {address: NotNow() for address in addresses}
    for second in range(0, 300, 5):
        deliver.run(AT + second * SECOND)
    deliver_duty = DUTIES[0]
    is_late = deliver_duty.oldest_late(AT + 300 * SECOND) > deliver_duty.late_after
    assert late_ways(AT + 300 * SECOND) == (["Pigeons"] if is_late else [])
    return is_late


class TestAMachineThatIsNotThere:
    def test_and_never_was_for_one_who_named_it_makes_the_duty_late_for_minutes_and_no_longer(
        self, pigeons: Pigeons
    ) -> None:
        assert lateness_while_down(pigeons, "roof of Nowhere") == (True, False)

    def test_and_carries_for_all_makes_it_late_for_as_long_as_it_lasts(self, pigeons: Pigeons) -> None:
        assert lateness_while_down(pigeons, "roof") == (True, True)

    def test_is_asked_as_often_as_any_other_and_what_waited_leaves_when_it_does(
        self, pigeons: Pigeons
    ) -> None:
        lateness_while_down(pigeons, "roof of Nowhere")
        pigeons.trouble.clear()
        for second in range(600, 606):
            deliver.run(AT + second * SECOND)

        assert statuses() == {"sent": 1}

    def test_right_after_two_days_without_power_is_asked_again_and_nobody_is_given_up(
        self, pigeons: Pigeons
    ) -> None:
        add_news("roof of Lund")
        pigeons.trouble[""] = TransportDown()
        after = AT + timedelta(days=2)
        for second in range(30):
            deliver.run(after + second * SECOND)
        pigeons.trouble.clear()
        for second in range(30, 36):
            deliver.run(after + second * SECOND)

        assert statuses() == {"sent": 1}

    def test_for_a_day_is_shown_to_whoever_named_it(self, pigeons: Pigeons) -> None:
        add_news("roof of Nowhere")
        pigeons.trouble[""] = TransportDown()
        for minute in range(0, 26 * 60, 5):
            for second in range(0, 11, 5):
                deliver.run(AT + timedelta(minutes=minute) + second * SECOND)

        assert (statuses(), Channel.objects.broken().count()) == ({"dropped": 1}, 1)

    def test_and_was_before_makes_it_late_for_as_long_as_it_lasts(self, pigeons: Pigeons) -> None:
        add_news("roof of Lund")
        deliver.run(AT)

        assert lateness_while_down(pigeons, "roof of Lund") == (True, True)


def lateness_while_down(pigeons: Pigeons, address: str) -> tuple[bool, bool]:
    """Whether the duty is late at first, and still after ten minutes of nobody there."""
    add_news(address)
    pigeons.trouble[""] = TransportDown()
    late = []
    for second in range(600):
        deliver.run(AT + second * SECOND)
        late.append(DUTIES[0].oldest_late(AT + second * SECOND) > timedelta(0))
    return late[5], late[-1]


class TestAnotherGateway:
    def test_goes_on_while_the_first_is_down(self, pigeons: Pigeons) -> None:
        lund, ystad = (add(uuid.uuid4(), f"roof of {town}") for town in ("Lund", "Ystad"))
        for channel in (lund, lund, ystad, ystad):
            outbox.queue(channel.recipient, str(uuid.uuid4()), AT)
        pigeons.trouble["roof of Lund"] = TransportDown()

        deliver.run(AT)

        assert (pigeons.tried.count("roof of Lund"), pigeons.addresses) == (1, ["roof of Ystad"] * 2)

    def test_that_worked_before_is_waited_for(self, pigeons: Pigeons) -> None:
        own = add(uuid.uuid4(), "roof of Lund")
        outbox.queue(own.recipient, "first", AT)
        deliver.run(AT)
        outbox.queue(own.recipient, "second", AT)
        pigeons.trouble["roof of Lund"] = TransportDown()
        for hour in (1, 25, 50):
            deliver.run(AT + timedelta(hours=hour))

        assert (statuses(), Channel.objects.get().is_broken) == ({"sent": 1, "queued": 1}, False)

    def test_is_not_named_in_the_database(self, pigeons: Pigeons) -> None:
        lund, again, ystad = (add(uuid.uuid4(), f"roof of {town}") for town in ("Lund", "Lund", "Ystad"))
        everywhere_the_same = add(uuid.uuid4(), "roof")

        assert lund.gateway == again.gateway != ystad.gateway
        assert ([len(lund.gateway), "Lund" in lund.gateway], everywhere_the_same.gateway) == ([32, False], "")


@pytest.mark.django_db(transaction=True)
class TestManyThatHang:
    """Each holds the thread that tries it until its post is cut."""

    def test_do_not_keep_from_being_asked_one_that_is_back(self, hanging: "Hanging") -> None:
        for town in ("Lund", "Malmo", "Ystad"):
            add_news(f"roof of {town}")
            deliver.breakers["pigeons", _gateway(town)].failed(AT - PROBE_EVERY)
        hanging.towns |= {"Lund", "Malmo"}

        hanging.try_until(lambda: hanging.addresses == ["roof of Ystad"])

        assert hanging.addresses == ["roof of Ystad"]

    def test_and_never_worked_keep_nobody_from_being_told_through_what_does(self, hanging: "Hanging") -> None:
        add_news("roof of Ystad")
        deliver.run(AT)
        deliver.breakers["pigeons", _gateway("Ystad")].failed(AT - PROBE_EVERY)
        add_news("roof", "roof of Ystad")
        for number in range(40):
            hanging.towns.add(f"Atown{number}")
            add_news(f"roof of Atown{number}")

        hanging.try_until(lambda: len(hanging.addresses) == 3)

        assert sorted(hanging.addresses) == ["roof", "roof of Ystad", "roof of Ystad"]
        assert deliver._strangers.acquire(blocking=False) is False


def add_news(*addresses: str) -> None:
    for address in addresses:
        outbox.queue(add(uuid.uuid4(), address).recipient, "news", AT)


def _gateway(town: str) -> str:
    return Channel.objects.get(pk=add(uuid.uuid4(), f"roof of {town}").pk).gateway


class Hanging(Pigeons):
    """`towns` take a message and say nothing until the test ends."""

    def __init__(self) -> None:
        super().__init__()
        self.towns: set[str] = set()
        self.may_end = threading.Event()
        self.lanes: list[threading.Thread] = []

    def post(self, address: str, message: Message) -> None:
        if self.gateway(address) in self.towns:
            self.may_end.wait(30)
            raise TransportDown
        super().post(address, message)

    def try_until(self, done: Callable[[], bool]) -> None:
        """As the ticker does: one more lane each time, and those that got to their end again."""
        for _tick in range(100):
            self.lanes = [lane for lane in self.lanes if lane.is_alive()]
            if done() or len(self.lanes) == deliver.LANES:
                break
            self.lanes.append(threading.Thread(target=self._work))
            self.lanes[-1].start()
            self.lanes[-1].join(0.2)

    def _work(self) -> None:
        try:
            deliver.run(AT)
        finally:
            connection.close()


@pytest.fixture
def hanging(pigeons: Pigeons, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hanging]:
    loft = Hanging()
    monkeypatch.setitem(transports._transports, "pigeons", loft)
    yield loft
    loft.may_end.set()
    for lane in loft.lanes:
        lane.join()


class TestWhoeverAsksUsToWait:
    def test_each_time_makes_the_duty_late_for_minutes_and_not_for_a_week(self, pigeons: Pigeons) -> None:
        news(1)
        pigeons.trouble["roof 0"] = NotNow(after=20 * SECOND)
        late = []
        for minute in range(30):
            deliver.run(AT + minute * timedelta(minutes=1))
            late.append(DUTIES[0].oldest_late(AT + minute * timedelta(minutes=1)) > timedelta(0))

        assert (late[0], late[-1]) == (True, False)

    def test_is_asked_again_then_and_not_before(self, pigeons: Pigeons) -> None:
        news(2)
        pigeons.trouble[""] = TransportDown(after=20 * SECOND)
        for second in range(30):
            deliver.run(AT + second * SECOND)

        assert len(pigeons.tried) == 2

    def test_is_asked_again_after_a_minute_at_the_latest(self) -> None:
        wishes = [TransportDown(after=timedelta(days=1)), NotNow(after=-SECOND), NotNow()]

        assert [wish.after for wish in wishes] == [timedelta(minutes=1), timedelta(0), None]

    def test_is_one_address_where_it_speaks_of_that_alone(self, pigeons: Pigeons) -> None:
        news(2)
        pigeons.trouble["roof 0"] = NotNow(after=20 * SECOND)
        for second in range(30):
            deliver.run(AT + second * SECOND)

        assert pigeons.tried.count("roof 0") == 2
        assert statuses() == {"queued": 1, "sent": 1}


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
