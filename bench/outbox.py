"""The outbox, filled in bulk."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from itertools import cycle

from django.db import transaction

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
    with transaction.atomic():
        OUTBOX.write(
            (
                *(random_id(), channel.recipient, channel.pk, channel.transport, "queued"),
                *(moment, moment + GIVEN_UP_AFTER, uuid.uuid4().hex),
            )
            for moment, channel in zip(moments, cycle(channels), strict=False)
        )
    analyze()
