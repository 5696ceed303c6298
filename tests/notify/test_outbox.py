"""Telling somebody that there is news: once, through every channel they have, in its hours."""

import threading
import uuid
from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction
from pytest_django import DjangoAssertNumQueries, Settings

from notify import outbox
from notify.models import Channel, Notice
from privacy import clock
from privacy.due import leasable
from tests.clocks import HOUR, Clocks
from tests.notify.pigeons import AT, add

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pigeons")]


def queued() -> list[tuple[uuid.UUID, datetime, str]]:
    rows = Notice.objects.filter(status="queued").order_by("send_after", "channel__added_at")
    return list(rows.values_list("channel_id", "send_after", "pace"))


def test_somebody_who_looks_themselves_gets_nothing(recipient: uuid.UUID) -> None:
    outbox.queue(recipient, "news", AT)

    assert queued() == []


def test_there_is_one_notice_for_each_channel(recipient: uuid.UUID) -> None:
    first, second = add(recipient), add(recipient, "roof 2", at=AT + timedelta(hours=1))
    add(uuid.uuid4(), "roof of somebody else")

    outbox.queue(recipient, "news", AT)

    assert queued() == [(first.pk, AT, ""), (second.pk, AT, "")]


def test_who_is_told_while_a_clock_is_ahead_is_told_now(recipient: uuid.UUID, clocks: Clocks) -> None:
    add(recipient)
    clock.now()
    clocks.set(2 * HOUR)

    outbox.queue(recipient, "news", clock.now())

    assert Notice.objects.due(clock.steady()).count() == 1


def test_the_same_happening_is_told_once(recipient: uuid.UUID) -> None:
    channel = add(recipient)

    outbox.queue(recipient, "news", AT)
    outbox.queue(recipient, "news", AT + timedelta(minutes=1))
    outbox.queue(recipient, "other news", AT + timedelta(minutes=2))

    assert queued() == [(channel.pk, AT, ""), (channel.pk, AT + timedelta(minutes=2), "")]


def test_what_happened_stands_nowhere_in_the_row(recipient: uuid.UUID) -> None:
    add(recipient)

    outbox.queue(recipient, "claim-of-somebody", AT)

    row = Notice.objects.values().get()
    assert "claim-of-somebody" not in repr(row)
    assert len(row["idempotency_key"]) == 64


@pytest.mark.parametrize("pace", ["now", "week", "changed"])
def test_the_pace_is_kept_only_for_those_who_want_it(recipient: uuid.UUID, pace: str) -> None:
    plain, paced = add(recipient), add(recipient, "roof 2", paces=True, at=AT + timedelta(hours=1))

    outbox.queue(recipient, "news", AT, pace=pace)

    assert queued() == [(plain.pk, AT, ""), (paced.pk, AT, pace)]


def test_a_fourth_word_is_refused(recipient: uuid.UUID) -> None:
    add(recipient)

    with pytest.raises(ValueError, match="three words"):
        outbox.queue(recipient, "news", AT, pace="the address is …")


def test_a_channel_that_broke_gets_no_more(recipient: uuid.UUID) -> None:
    working, broken = add(recipient), add(recipient, "roof 2")
    broken.broken(AT)

    outbox.queue(recipient, "news", AT)

    assert queued() == [(working.pk, AT, "")]


def test_nothing_is_said_of_what_did_not_happen(recipient: uuid.UUID) -> None:
    add(recipient)

    with transaction.atomic():
        outbox.queue(recipient, "news", AT)
        transaction.set_rollback(True)

    assert queued() == []


@pytest.mark.parametrize("channels", [1, 3])
def test_it_costs_two_statements_however_many_channels(
    recipient: uuid.UUID, channels: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(channels):
        add(recipient, f"roof {number}")

    with transaction.atomic(), django_assert_num_queries(2):
        outbox.queue(recipient, "news", AT)


def test_it_waits_for_the_moment_it_was_asked_to(recipient: uuid.UUID) -> None:
    channel, tomorrow = add(recipient), AT + timedelta(days=1)

    outbox.queue(recipient, "news", AT, send_after=tomorrow)

    assert queued() == [(channel.pk, tomorrow, "")]


def test_who_is_gone_leaves_no_address_and_no_notice(recipient: uuid.UUID) -> None:
    other = uuid.uuid4()
    kept = add(other, "roof 2")
    add(recipient)
    for somebody in (recipient, other):
        outbox.queue(somebody, "news", AT)

    outbox.drop(recipient)

    assert list(Channel.objects.values_list("pk")) == [(kept.pk,)]
    assert queued() == [(kept.pk, AT, "")]


@pytest.mark.django_db(transaction=True)
def test_two_who_say_the_same_at_the_same_moment_make_one_notice(recipient: uuid.UUID) -> None:
    channel, gate, problems = add(recipient), threading.Barrier(6), []

    def say() -> None:
        try:
            gate.wait()
            with transaction.atomic():
                outbox.queue(recipient, "news", AT)
        except Exception as problem:
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=say) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (problems, queued()) == ([], [(channel.pk, AT, "")])


class TestItsHours:
    """20:00 UTC is 22:00 in Berlin on that day."""

    @pytest.mark.parametrize(
        ("hours", "sent"),
        [
            ((None, None), "2030-05-06T20:00"),
            ((20, 23), "2030-05-06T20:00"),
            ((22, 23), "2030-05-06T20:00"),
            ((22, 6), "2030-05-06T20:00"),
            ((18, 22), "2030-05-07T16:00"),
            ((9, 18), "2030-05-07T07:00"),
            ((23, 2), "2030-05-06T21:00"),
            ((0, 1), "2030-05-06T22:00"),
        ],
    )
    def test_a_notice_is_moved_into_them(
        self,
        recipient: uuid.UUID,
        hours: tuple[int | None, int | None],
        sent: str,
        settings: Settings,
    ) -> None:
        settings.TIME_ZONE = "Europe/Berlin"
        channel = add(recipient, from_hour=hours[0], until_hour=hours[1])

        outbox.queue(recipient, "news", AT)

        assert queued() == [(channel.pk, datetime.fromisoformat(f"{sent}+00:00"), "")]

    @pytest.mark.parametrize(
        ("at", "opens"),
        [
            # 02:00 does not exist on the first night; on the second 02:00 comes twice.
            ("2030-03-30T23:30", "2030-03-31T01:00"),
            ("2030-10-26T23:30", "2030-10-27T00:00"),
            ("2030-10-27T01:30", "2030-10-27T01:30"),
        ],
    )
    def test_the_nights_the_clocks_change_are_no_exception(
        self, recipient: uuid.UUID, at: str, opens: str, settings: Settings
    ) -> None:
        settings.TIME_ZONE = "Europe/Berlin"
        channel = add(recipient, from_hour=2, until_hour=4)

        assert channel.opens_at(datetime.fromisoformat(f"{at}+00:00")) == datetime.fromisoformat(
            f"{opens}+00:00"
        )


def test_what_is_due_through_one_gateway_is_found_by_index_whatever_waits_for_others() -> None:
    channel = add(uuid.uuid4())
    for gateway, count in {"lund": 100, "malmo": 100, "ystad": 100, "": 5}.items():
        waiting(channel, gateway, count)
    if connection.vendor == "postgresql":
        # It goes by what it counted last: in these rows, not in those of another test.
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE notify_notice")
    due = Notice.objects.due(AT).by("email", "").filter(leasable(AT))

    assert "notice_due_by" in str(due.fresh()[:20].explain())
    assert "notice_suspect" in str(due.suspect()[:20].explain())


def waiting(channel: Channel, gateway: str, count: int) -> None:
    """So many notices that were never tried, and as many that failed once."""
    same = {"recipient": channel.recipient, "channel": channel, "transport": "email", "gateway": gateway}
    Notice.objects.bulk_create(
        Notice(
            **same,
            attempts=number % 2,
            send_after=AT - timedelta(seconds=number),
            purge_after=AT,
            idempotency_key=f"{gateway}:{number}",
        )
        for number in range(2 * count)
    )
