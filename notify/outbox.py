"""What other rooms say: tell somebody that there is news. In their transaction: both commit, or none."""

import uuid
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from notify.models import Channel, Notice, stored_key


def queue(
    recipient: uuid.UUID, key: str, at: datetime, pace: str = "", send_after: datetime | None = None
) -> None:
    """One notice through each working channel of `recipient`; nobody to tell is no error.

    `key` names what happened, so that the same happening is told once however often this is called; it is
    stored as a keyed hash. `pace` is "", "now", "week" or "changed", and leaves the system only where the
    receiver wants it. Not before `send_after` (default `at`), nor outside the channel's hours.
    Two statements.
    """
    channels = list(Channel.objects.of(recipient).working().kept())
    if channels:
        Notice.objects.queue(channels, key, send_after or at, pace)


def take_back(news: Iterable[tuple[uuid.UUID, str]]) -> set[uuid.UUID]:
    """What was to be said of this is no news any more: what has not left yet does not leave.

    `news`: recipients, and the key each was told under. Those of them whom it cannot have reached: it still
    waited, never tried, on each of their channels. Three statements at most.
    """
    keys: defaultdict[uuid.UUID, list[str]] = defaultdict(list)
    for recipient, key in news:
        keys[recipient].append(key)
    channels = list(Channel.objects.filter(recipient__in=list(keys))) if keys else []
    stored = [stored_key(key, channel) for channel in channels for key in keys[channel.recipient]]
    if not stored:
        return set()
    with transaction.atomic():
        waiting = Notice.objects.waiting().filter(idempotency_key__in=stored)
        # Locked: nobody begins to send one of them before it is gone.
        untried = set(waiting.untried().select_for_update().values_list("channel_id", flat=True))
        waiting.delete()
    reached = {
        channel.recipient for channel in channels if channel.pk not in untried and not channel.is_broken
    }
    return {channel.recipient for channel in channels if channel.pk in untried} - reached


def hush(recipient: uuid.UUID) -> None:
    """Nothing that waits leaves any more; the addresses stay for what happens later."""
    Notice.objects.filter(recipient=recipient).delete()


def drop(recipient: uuid.UUID) -> None:
    """The recipient is gone: forget its addresses, and what was still to be sent there."""
    Channel.objects.filter(recipient=recipient).forget()
