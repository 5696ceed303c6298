"""Channels: where somebody can be told. Notices: that there is something to tell. Neither says what."""

import uuid
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models, transaction
from django.db.models import Count, Q
from django.utils import timezone

from notify import transports
from notify.channel_queryset import MOST_CHANNELS, ChannelQuerySet
from notify.push_key import PushKey
from privacy import clock, instance, limits
from privacy.crypto import Unreadable, context
from privacy.due import FREE, URGENT_ATTEMPTS, DueQuerySet, DueRow, Lease, back_off, held, wait
from privacy.fields import FieldClasses, random_key
from privacy.states import SomebodyWasFaster, Stateful, before

__all__ = ["MOST_CHANNELS", "PACES", "Channel", "Notice", "PushKey"]

QUEUED, SENT, DROPPED = "queued", "sent", "dropped"
# The three words a receiver may have added. "" is none of them.
PACES = ("", "now", "week", "changed")
# Kept so long that the same key cannot be queued twice by two who decide the same at the same moment.
KEPT_AFTER = timedelta(minutes=10)
# News nobody could deliver for a week is no news.
GIVEN_UP_AFTER = timedelta(days=7)
# So many addresses do not fail at once by themselves.
SEVERAL = 3
# An address that failed so often, about a day by the pauses of privacy/due.py, leads nowhere; so does one
# through a machine that people named and that answered nobody for so long.
HOPELESS = 300
HOPELESS_AFTER = timedelta(days=1)
# Within an hour, to one address and for one recipient: enough to set up a phone, too few to disturb somebody
# with, whose address it is.
MOST_TESTS = 20
HALF_AN_HOUR = 30 * 60  # seconds


class Channel(models.Model):
    """Where one recipient can be told. Who or what the recipient is, is not known here."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    recipient = models.UUIDField(db_index=True)
    transport = models.SlugField(max_length=20, db_index=False)
    address = models.BinaryField()
    gateway = models.CharField(max_length=32, default="", blank=True)
    language = models.CharField(max_length=12)
    from_hour = models.PositiveSmallIntegerField(null=True)
    until_hour = models.PositiveSmallIntegerField(null=True)
    paces = models.BooleanField(default=False)
    added_at = models.DateTimeField()
    tested_at = models.DateTimeField(null=True)
    broken_at = models.DateTimeField(null=True)

    objects = ChannelQuerySet.as_manager()

    privacy = FieldClasses(
        sealed=("address",),
        clear=(
            *("id", "recipient", "transport", "language", "from_hour", "until_hour", "paces"),
            *("added_at", "tested_at", "broken_at"),
        ),
        derived=("gateway",),
        lives="until its recipient forgets it or is gone",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(from_hour__isnull=True, until_hour__isnull=True)
                | Q(from_hour__lt=24, until_hour__lt=24),
                name="channel_hours_both_or_neither",
            )
        ]

    def __str__(self) -> str:
        return f"{self.transport} channel"

    @property
    def is_broken(self) -> bool:
        """Messages come back from there: its owner is told, nothing more is sent."""
        return self.broken_at is not None

    def sealing_context(self) -> bytes:
        # Whom it tells, and how, is part of it: news of one person must not reach another's address.
        return context("channel", "address", f"{self.id}/{self.recipient}/{self.transport}")

    def read_address(self) -> str:
        """Raises Unreadable when the instance's secrets are not those that sealed it."""
        return instance.service_open(bytes(self.address), self.sealing_context()).decode()

    def leads_to(self, address: str) -> bool:
        """Whether this is its address; False where it cannot be opened."""
        try:
            return self.read_address() == address
        except Unreadable:
            return False

    def renewed(self) -> dict[str, bytes]:
        """What a new root of the secrets changes. Raises Unreadable where no root made this row."""
        return {"address": instance.service_renewed(bytes(self.address), self.sealing_context())}

    def opens_at(self, at: datetime) -> datetime:
        """`at`, or the next moment in which this channel may be used."""
        if self.from_hour is None or self.until_hour is None or self.from_hour == self.until_hour:
            return at
        local = timezone.localtime(at)
        if _within(local.hour, self.from_hour, self.until_hour):
            return at
        opens = local.replace(hour=self.from_hour, minute=0, second=0, microsecond=0, fold=0)
        if opens <= local:
            opens += timedelta(days=1)
        return opens.astimezone(clock.UTC)

    def test(self, at: datetime) -> bool:
        """Send there what a notice says, so that its owner sees whether it arrives and how it looks.

        One that was broken is tried again. False, and nothing is sent, where that was done too often.
        """
        if self._was_tested_enough(at):
            return False
        with transaction.atomic():
            Channel.objects.filter(pk=self.pk).update(tested_at=clock.hour(at), broken_at=None)
            Notice.objects.queue([self], f"test:{uuid.uuid4()}", at)
        self.tested_at, self.broken_at = clock.hour(at), None
        return True

    def count_as_tested(self, at: datetime) -> None:
        """The same address was tried at this moment for something else: one message is enough."""
        Channel.objects.filter(pk=self.pk).update(tested_at=clock.hour(at))
        self.tested_at = clock.hour(at)

    def _was_tested_enough(self, at: datetime) -> bool:
        """Whoever types an address need not be the one who is disturbed, or pays. Counted in the cache."""
        by = limits.often("test by", self.recipient.bytes, at, HALF_AN_HOUR)
        to = limits.often("test to", f"{self.transport}/{self._counted()}".encode(), at, HALF_AN_HOUR)
        return max(by, to) > MOST_TESTS

    def _counted(self) -> str:
        """The address, or the row where it cannot be opened."""
        try:
            return self.read_address()
        except Unreadable:
            return str(self.id)

    def broken(self, at: datetime) -> None:
        """Nobody is reached there. What still waited for it is dropped."""
        Channel.objects.filter(pk=self.pk).update(broken_at=clock.hour(at))
        Notice.objects.filter(channel_id=self.pk, status=QUEUED).update(
            status=DROPPED, purge_after=at + KEPT_AFTER
        )

    def forget(self) -> None:
        """Delete the address, and with it every notice that was to go there."""
        Channel.objects.filter(pk=self.pk).forget()


def _within(hour: int, from_hour: int, until_hour: int) -> bool:
    """Whether an hour lies in a window that may pass midnight."""
    if from_hour < until_hour:
        return from_hour <= hour < until_hour
    return hour >= from_hour or hour < until_hour


class NoticeQuerySet(DueQuerySet["Notice"]):
    def waiting(self) -> "NoticeQuerySet":
        """Neither sent nor dropped."""
        return self.filter(status=QUEUED)

    def due(self, at: datetime) -> "NoticeQuerySet":
        """Queued, and their moment has come; oldest first."""
        return self.filter(status=QUEUED, send_after__lte=at).order_by("send_after")

    def by(self, transport: str, gateway: str) -> "NoticeQuerySet":
        return self.filter(transport=transport, gateway=gateway).select_related("channel")

    def untried(self) -> "NoticeQuerySet":
        """Nobody has begun to send these."""
        return self.filter(attempts=0, lease_token__isnull=True)

    def fresh(self) -> "NoticeQuerySet":
        """Those that were never tried in vain, and whose address did not fail another a moment ago."""
        doubted = Notice.objects.filter(status=QUEUED, attempts__range=(1, URGENT_ATTEMPTS))
        return self.filter(attempts=0).exclude(channel__in=doubted.values("channel"))

    def suspect(self) -> "NoticeQuerySet":
        """Those that were: perhaps the next try lasts long, too."""
        return self.filter(attempts__gt=0)

    def in_vain(self) -> "NoticeQuerySet":
        """Those that failed for minutes already."""
        # Said twice, so that SQLite knows the index of the suspects for what it is.
        return self.suspect().filter(attempts__gt=URGENT_ATTEMPTS)

    def blamed(self) -> "NoticeQuerySet":
        """Without those that failed for minutes, each by itself: nobody could mend that here.

        Where several wait in vain, and nothing left the same way lately, it is not the addresses.
        """
        mute = Q(attempts__lte=URGENT_ATTEMPTS)
        ways = (
            Notice.objects.waiting()
            .in_vain()
            .order_by()
            .values("transport", "gateway")
            .annotate(told=Count("channel", distinct=True))
        )
        for slug, gateway in ways.filter(told__gte=SEVERAL).values_list("transport", "gateway"):
            way = Q(transport=slug, gateway=gateway)
            if transports.is_ours(slug, gateway) and not Notice.objects.filter(way, status=SENT).exists():
                mute |= way
        return self.filter(mute)

    def mark_sent(self, lease: Lease["Notice"], notices: Collection["Notice"], at: datetime) -> int:
        """These, of one lease, were handed over; how many of them. One statement.

        Not those that were forgotten meanwhile, or that another holder has now.
        """
        rows = lease.held().filter(pk__in=[notice.pk for notice in notices], status__in=Notice.BEFORE[SENT])
        return rows.update(status=SENT, purge_after=at + KEPT_AFTER, **FREE)

    def purgeable(self, at: datetime) -> "NoticeQuerySet":
        return self.filter(purge_after__lte=at)

    def purge(self, at: datetime, limit: int) -> int:
        """Delete up to `limit` of them, beside others who do the same; returns how many."""
        with transaction.atomic():
            over = self.purgeable(at).select_for_update(skip_locked=True)
            keys = list(over.values_list("pk", flat=True)[:limit])
            self.filter(pk__in=keys).delete()
        return len(keys)

    def queue(self, channels: Iterable[Channel], key: str, at: datetime, pace: str = "") -> None:
        """One notice per channel, once per key: the same key again changes nothing. One statement."""
        notices = [_notice(channel, key, at, pace) for channel in channels]
        self.bulk_create(notices, ignore_conflicts=True)


class Notice(Stateful, DueRow):
    """One line in the outbox: one message that is to leave through one channel."""

    MOVES: ClassVar = {
        QUEUED: {SENT: "mark_sent", DROPPED: "drop, broken"},
        SENT: {},
        DROPPED: {},
    }
    BEFORE: ClassVar = before(MOVES)

    id = random_key()
    recipient = models.UUIDField(db_index=True)
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="notices")
    transport = models.SlugField(max_length=20, db_index=False)
    gateway = models.CharField(max_length=32, default="", blank=True)
    pace = models.CharField(max_length=8, default="", blank=True)
    status = models.CharField(max_length=16, default=QUEUED)
    send_after = models.DateTimeField()
    purge_after = models.DateTimeField(db_index=True)
    idempotency_key = models.CharField(max_length=64, unique=True)

    objects = NoticeQuerySet.as_manager()

    privacy = FieldClasses(
        clear=(
            *("id", "recipient", "channel", "pace", "status", "send_after", "purge_after"),
            *("lease_token", "lease_until", "attempts", "retry_after"),
        ),
        derived=("transport", "gateway", "idempotency_key"),
        lives="until ten minutes after it was sent, or its recipient is gone",
    )

    class Meta:
        indexes = [
            models.Index(fields=["send_after"], condition=Q(status=QUEUED), name="notice_due"),
            models.Index(
                fields=["transport", "gateway", "send_after"],
                condition=Q(status=QUEUED),
                name="notice_due_by",
            ),
            models.Index(
                fields=["transport", "gateway", "send_after"],
                condition=Q(status=QUEUED, attempts__gt=0),
                name="notice_suspect",
            ),
        ]

    def drop(self, at: datetime) -> bool:
        """It will not be sent. False where it was forgotten meanwhile, or another holder has it now."""
        try:
            # One statement: nothing else has to commit with it.
            self._move(DROPPED, at, only=held(self), purge_after=at + KEPT_AFTER, **FREE)
        except SomebodyWasFaster:
            return False
        return True

    def postpone(self, until: datetime) -> None:
        """Its channel may not be used now. Not late, and no failure."""
        with transaction.atomic():
            if wait(self, until):
                Notice.objects.filter(pk=self.pk).update(
                    send_after=until, purge_after=until + GIVEN_UP_AFTER, retry_after=None
                )

    def failed(self, at: datetime, began: datetime, after: timedelta | None = None) -> None:
        """Its address could not be reached, and that says nothing about others. One that fails for a day is
        shown to its owner as broken.

        `began`: when it was tried. `after`: how long the other side asked us to wait.
        """
        if self.attempts + 1 >= HOPELESS:
            self.lead_nowhere(at)
        else:
            back_off(self, at, began, after)

    def lead_nowhere(self, at: datetime) -> None:
        """It is given up, and its channel shown to its owner as broken."""
        self.drop(at)
        self.channel.broken(at)

    def message_key(self) -> str:
        """What the outside may see of the idempotency key: the same for the same notice, and nothing else."""
        return instance.blind("notice.message", self.idempotency_key)[:32]


def _notice(channel: Channel, key: str, at: datetime, pace: str) -> Notice:
    if pace not in PACES:
        raise ValueError("A pace is one of the three words, or none.")
    send_after = channel.opens_at(clock.at_once(at))
    return Notice(
        recipient=channel.recipient,
        channel=channel,
        transport=channel.transport,
        gateway=channel.gateway,
        pace=pace if channel.paces else "",
        send_after=send_after,
        purge_after=send_after + GIVEN_UP_AFTER,
        idempotency_key=stored_key(key, channel),
    )


def stored_key(key: str, channel: Channel) -> str:
    """What a notice keeps of the key of what happened: one for each channel it is told through."""
    return instance.blind("notice", f"{key}:{channel.pk}")
