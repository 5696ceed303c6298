"""The questions asked of channels, and how one is added."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import connection, models, transaction
from django.db.models import Q

from notify import transports
from privacy import clock, instance

if TYPE_CHECKING:
    from notify.models import Channel

# Of one recipient. Each is one message more for each news, and perhaps one more server to wait for.
MOST_CHANNELS = 10


class ChannelQuerySet(models.QuerySet["Channel"]):
    def of(self, recipient: uuid.UUID) -> "ChannelQuerySet":
        """Where this recipient is told, oldest first; also those that stopped working."""
        return self.filter(recipient=recipient).order_by("added_at", "id")

    def working(self) -> "ChannelQuerySet":
        return self.filter(broken_at__isnull=True)

    def broken(self) -> "ChannelQuerySet":
        """Those from which messages come back: their owner is to read it."""
        return self.filter(broken_at__isnull=False)

    def to_be_tried(self) -> "ChannelQuerySet":
        """Those that broke, or that nobody has tried yet."""
        return self.filter(Q(broken_at__isnull=False) | Q(tested_at__isnull=True))

    def kept(self) -> "Iterable[Channel]":
        """Inside a transaction: these, and nobody forgets one of them before it ends. Who forgets waits;
        who tells them of something else does not."""
        if connection.vendor != "postgresql":
            return self
        # What an insert would take for its foreign key, taken before: Django has no word for it.
        sql, values = self.query.sql_with_params()
        return self.raw(f"{sql} FOR KEY SHARE", values)

    def is_full(self, recipient: uuid.UUID) -> bool:
        """Whether this recipient has as many as anybody may."""
        return self.of(recipient).count() >= MOST_CHANNELS

    def forget(self) -> None:
        """Delete these addresses, and with them every notice that was to go there."""
        with transaction.atomic():
            # Locked first: whoever tells them of something at this moment is waited for, and what they queued
            # goes as well.
            locked = list(self.select_for_update().order_by("pk").values_list("pk", flat=True))
            self.model.objects.filter(pk__in=locked).delete()

    def gateways(self, transport: str) -> list[str]:
        """The gateways that carry what goes this way (blinded), each once."""
        return list(self.filter(transport=transport).values_list("gateway", flat=True).distinct())

    def add(
        self,
        *,
        recipient: uuid.UUID,
        transport: str,
        address: str,
        language: str,
        at: datetime,
        from_hour: int | None = None,
        until_hour: int | None = None,
        paces: bool = False,
    ) -> "Channel":
        """A new way to tell `recipient`: its address sealed to this row. The same twice is once.

        Hours are 0–23 of the instance's time zone, both or neither. Raises ValidationError for an address
        that the transport does not take, KeyError for an unknown transport.
        """
        channel = self.model(
            recipient=recipient,
            transport=transport,
            language=language,
            from_hour=from_hour,
            until_hour=until_hour,
            paces=paces,
            added_at=clock.hour(at),
        )
        cleaned = transports.get(transport).clean(address)
        channel.gateway = _blinded(transports.get(transport).gateway(cleaned))
        channel.address = instance.service_seal(cleaned.encode(), channel.sealing_context())
        if (same := self._same(channel, cleaned)) is not None:
            return same
        channel.save(force_insert=True)
        return channel

    def _same(self, channel: "Channel", address: str) -> "Channel | None":
        """One that tells the same recipient the same way at the same hours, if there is one."""
        names = ("recipient", "transport", "from_hour", "until_hour", "paces")
        alike = self.filter(**{name: getattr(channel, name) for name in names})
        return next((row for row in alike if row.leads_to(address)), None)


def _blinded(gateway: str) -> str:
    """Which rows share a gateway can be seen; which gateway it is, cannot."""
    return instance.blind("notify.gateway", gateway)[:32] if gateway else ""
