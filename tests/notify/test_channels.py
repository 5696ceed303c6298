"""Where somebody is told: kept locked, tested first, forgotten on request."""

import base64
import uuid
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from notify import deliver, outbox, transports
from notify.models import MOST_TESTS, Channel, Notice
from privacy.crypto import Unreadable
from tests.notify.pigeons import AT, Pigeons, add

pytestmark = pytest.mark.django_db


def test_the_database_does_not_hold_the_address(pigeons: Pigeons, recipient: uuid.UUID) -> None:
    address = "roof of somebody very private"

    channel = add(recipient, address)

    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM notify_channel")
        stored = b"".join(
            bytes(v) if isinstance(v, bytes | memoryview) else repr(v).encode() for v in cursor.fetchone()
        )
    traces = [address.encode(), address.encode().hex().encode(), base64.b64encode(address.encode())]
    assert [trace in stored for trace in traces] == [False, False, False]
    assert Channel.objects.get(pk=channel.pk).read_address() == address


def test_a_short_and_a_long_address_look_alike(pigeons: Pigeons, recipient: uuid.UUID) -> None:
    short, long = add(recipient, "roof"), add(recipient, "roof " + "x" * 100)

    assert len(short.address) == len(long.address)


def test_an_address_moved_to_another_row_does_not_open(pigeons: Pigeons, recipient: uuid.UUID) -> None:
    mine, other = add(recipient), add(uuid.uuid4(), "roof 2")

    other.address = mine.address

    with pytest.raises(Unreadable):
        other.read_address()


def test_no_printed_row_shows_an_address(pigeons: Pigeons, recipient: uuid.UUID) -> None:
    assert str(add(recipient)) == "pigeons channel"


def test_an_address_that_cannot_work_is_refused(pigeons: Pigeons, recipient: uuid.UUID) -> None:
    with pytest.raises(ValidationError):
        add(recipient, "cellar")

    assert Channel.objects.count() == 0


def test_a_test_looks_like_every_other_notice(pigeons: Pigeons, recipient: uuid.UUID) -> None:
    channel = add(recipient)

    channel.test(AT)
    outbox.queue(recipient, "news", AT)
    deliver.run(AT)

    test, real = (message for _address, message in pigeons.posted)
    assert (test.subject, test.body) == (real.subject, real.body)
    assert Channel.objects.get().tested_at == AT


def test_a_channel_can_be_tested_again_but_not_without_end(pigeons: Pigeons, recipient: uuid.UUID) -> None:
    channel = add(recipient)

    left = [channel.test(AT) for _try in range(MOST_TESTS + 2)]
    later = channel.test(AT + timedelta(hours=1))

    assert left == [True] * MOST_TESTS + [False, False]
    assert (later, Notice.objects.count()) == (True, MOST_TESTS + 1)


def test_somebody_elses_address_is_not_tried_without_end_by_many(pigeons: Pigeons) -> None:
    left = [add(uuid.uuid4()).test(AT) for _somebody in range(MOST_TESTS + 1)]
    another = add(uuid.uuid4(), "roof 2").test(AT)

    assert (left, another) == ([True] * MOST_TESTS + [False], True)


def test_one_person_does_not_try_one_address_after_the_other(pigeons: Pigeons, recipient: uuid.UUID) -> None:
    left = []
    for number in range(MOST_TESTS + 1):
        channel = add(recipient, f"roof {number}")
        left.append(channel.test(AT))
        channel.forget()

    assert left == [True] * MOST_TESTS + [False]


def test_one_that_was_tested_too_often_stays_as_it_was(pigeons: Pigeons, recipient: uuid.UUID) -> None:
    for _somebody in range(MOST_TESTS):
        add(uuid.uuid4()).test(AT)
    channel = add(recipient)
    channel.broken(AT)

    left = channel.test(AT)

    kept = Channel.objects.get(pk=channel.pk)
    assert (left, kept.tested_at, kept.broken_at) == (False, None, AT)


def test_testing_a_broken_channel_gives_it_another_chance(pigeons: Pigeons, recipient: uuid.UUID) -> None:
    channel = add(recipient)
    channel.broken(AT)

    channel.test(AT)
    deliver.run(AT)

    assert pigeons.addresses == ["roof 1"]
    assert Channel.objects.get().is_broken is False


def test_a_forgotten_channel_takes_its_notices_with_it(pigeons: Pigeons, recipient: uuid.UUID) -> None:
    channel, kept = add(recipient), add(recipient, "roof 2")
    outbox.queue(recipient, "news", AT)

    channel.forget()
    deliver.run(AT)

    assert list(Channel.objects.of(recipient)) == [kept]
    assert pigeons.addresses == ["roof 2"]


def test_nothing_leaves_this_machine_before_somebody_said_where_to() -> None:
    """The operator; or, for web push, whoever presses the button in a browser.

    Without the pigeons of the tests, which no instance has; e-mail has a server of the tests.
    """
    ours = [slug for slug, way in transports.offered().items() if type(way).__module__.startswith("notify.")]

    assert [slug for slug in ours if slug != "email"] == ["push"]
