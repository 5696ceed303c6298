"""What hangs until it is cut holds up itself, and nobody else for long."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import connection

from notify import deliver, outbox, transports
from notify.breaker import PROBE_EVERY
from notify.models import HOPELESS, Channel, Notice
from notify.tasks import DUTIES
from notify.transports import Message, NotNow, TransportDown
from privacy.due import URGENT_ATTEMPTS, Swept
from tests.notify.pigeons import AT, SECOND, Pigeons, add, add_news, news, statuses

pytestmark = pytest.mark.django_db


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
        """As the ticker does: one more lane each time, and those that got to their end again. A busy machine
        is given time, but less than `towns` say nothing."""
        end = time.monotonic() + 20
        while not done() and time.monotonic() < end:
            self.lanes = [lane for lane in self.lanes if lane.is_alive()]
            if len(self.lanes) < deliver.LANES:
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
