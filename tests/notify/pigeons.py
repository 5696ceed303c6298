"""A way out of the machine that records, and fails as it is told."""

import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.core.exceptions import ValidationError

from notify import outbox
from notify.models import Channel, Notice
from notify.transports import Message, Post, Transport

AT = datetime(2030, 5, 6, 20, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Pigeons(Transport):
    """`posted` are the messages that arrived; `trouble` is what is raised for an address ("": for all)."""

    label = "Pigeons"
    address_label = "Roof"

    def __init__(self) -> None:
        self.posted: list[tuple[str, Message]] = []
        self.tried: list[str] = []
        self.trouble: dict[str, Exception] = {}
        self.opened = 0

    def is_set_up(self) -> bool:
        return True

    def gateway(self, address: str) -> str:
        """A roof of a town is reached through it: "roof 1 of Lund"."""
        return address.partition(" of ")[2]

    def clean(self, address: str) -> str:
        if "roof" not in address:
            raise ValidationError("Pigeons need a roof.")
        return address.strip()

    @contextmanager
    def open(self) -> Iterator[Post]:
        self.opened += 1
        yield self.post

    def post(self, address: str, message: Message) -> None:
        self.tried.append(address)
        for name in (address, ""):
            if name in self.trouble:
                raise self.trouble[name]
        self.posted.append((address, message))

    @property
    def addresses(self) -> list[str]:
        return [address for address, _message in self.posted]


def add(recipient: uuid.UUID, address: str = "roof 1", **more: object) -> Channel:
    """A channel with what a test does not care about."""
    values = {"transport": "pigeons", "language": "en", "at": AT, **more}
    return Channel.objects.add(recipient=recipient, address=address, **values)  # type: ignore[arg-type]


def news(count: int) -> list[Channel]:
    """`count` people with a roof each have news, the first for longest."""
    channels = [add(uuid.uuid4(), f"roof {number}") for number in range(count)]
    for number, channel in enumerate(channels):
        outbox.queue(channel.recipient, "news", AT - timedelta(minutes=1) + number * SECOND)
    return channels


def statuses() -> dict[str, int]:
    return dict(Counter(Notice.objects.values_list("status", flat=True)))


def add_news(*addresses: str) -> None:
    for address in addresses:
        outbox.queue(add(uuid.uuid4(), address).recipient, "news", AT)
