"""What other rooms say: tell somebody that there is news. In their transaction: both commit, or none."""

import uuid
from datetime import datetime

from notify.models import Channel, Notice


def queue(
    recipient: uuid.UUID, key: str, at: datetime, pace: str = "", send_after: datetime | None = None
) -> None:
    """One notice through each working channel of `recipient`; nobody to tell is no error.

    `key` names what happened, so that the same happening is told once however often this is called; it is
    stored as a keyed hash. `pace` is "", "now", "week" or "changed", and leaves the system only where the
    receiver wants it. Not before `send_after` (default `at`), nor outside the channel's hours.
    Two statements.
    """
    channels = list(Channel.objects.of(recipient).working())
    if channels:
        Notice.objects.queue(channels, key, send_after or at, pace)


def hush(recipient: uuid.UUID) -> None:
    """Nothing that waits leaves any more; the addresses stay for what happens later."""
    Notice.objects.filter(recipient=recipient).delete()


def drop(recipient: uuid.UUID) -> None:
    """The recipient is gone: forget its addresses, and what was still to be sent there."""
    Notice.objects.filter(recipient=recipient).delete()
    Channel.objects.filter(recipient=recipient).delete()
