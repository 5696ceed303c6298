"""A gateway that is down, busy or not there is asked now and then, and costs the others nothing."""

import uuid
from datetime import timedelta

import pytest

from notify import deliver, outbox, transports
from notify.breaker import PROBE_EVERY
from notify.models import Channel
from notify.tasks import DUTIES, late_ways
from notify.transports import POST_LASTS, Message, NotNow, TransportDown
from privacy.due import Swept, Watch
from tests.notify.pigeons import AT, SECOND, Pigeons, add, add_news, news, statuses

pytestmark = pytest.mark.django_db


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
