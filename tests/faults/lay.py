"""`python -m tests.faults.lay`: in an instance's environment, lay notices that fall due at given moments.

Reads {"channels": [[transport, address], …], "due": [seconds since 1970, …]}; prints {key: [address, due]},
by the keys that the outside sees.
"""

import json
import sys
import uuid
from datetime import UTC, datetime

import django

django.setup()

from django.db import transaction  # noqa: E402

from notify import outbox  # noqa: E402
from notify.models import Channel, Notice  # noqa: E402
from privacy import clock  # noqa: E402


def lay(channels: list[tuple[str, str]], due: list[float]) -> dict[str, tuple[str, float]]:
    """One after the other through each channel; queued as the rooms above queue them."""
    at, told = clock.now(), {uuid.uuid4(): channel for channel in channels}
    recipients = list(told)
    with transaction.atomic():
        for recipient, (transport, address) in told.items():
            Channel.objects.add(
                recipient=recipient, transport=transport, address=address, language="en", at=at
            )
        for number, moment in enumerate(due):
            after = datetime.fromtimestamp(moment, UTC)
            outbox.queue(recipients[number % len(told)], f"news {number}", at, send_after=after)
    laid = Notice.objects.filter(recipient__in=recipients)
    return {row.message_key(): (told[row.recipient][1], row.send_after.timestamp()) for row in laid}


if __name__ == "__main__":
    json.dump(lay(**json.load(sys.stdin)), sys.stdout)
