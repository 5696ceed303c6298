"""The outbox, filled in bulk."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from bench.load import Rows, analyze
from notify.models import GIVEN_UP_AFTER, Channel, Notice
from privacy.fields import random_id

Channels = Sequence[Channel]
OUTBOX = Rows(
    Notice,
    (
        *("id", "recipient", "channel_id", "transport", "status"),
        *("send_after", "purge_after", "idempotency_key"),
    ),
)


def fill(channels: Channels, moments: Sequence[datetime]) -> None:
    """A notice due at each of `moments`, for one recipient after the other."""
    OUTBOX.write(
        (
            *(random_id(), channel.recipient, channel.pk, channel.transport, "queued"),
            *(moment, moment + GIVEN_UP_AFTER, uuid.uuid4().hex),
        )
        for moment, channel in zip(moments, _again_and_again(channels, len(moments)), strict=True)
    )
    analyze()


def _again_and_again(channels: Channels, count: int) -> list[Channel]:
    return [channels[number % len(channels)] for number in range(count)]
