"""Somebody typed a return code. Whichever it was, one row is written, and the broom answers it afterwards.

What a second code does to the first mailbox is such an answer. Nothing in clear tells its row from others:
who watches the machine sees the same statements, and who holds the database the same rows.
"""

import json
import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Q

from privacy import clock, crypto, instance
from privacy.crypto import KeyPair, Unreadable
from privacy.due import DueQuerySet, DueRow
from privacy.fields import FieldClasses

# What is to be done: nothing, and forget that somebody knocked; nothing; hide or erase another mailbox.
FORGET, STAY, HIDE, ERASE = "forget", "stay", "hide", "erase"
HIDDEN_FOR = timedelta(hours=24)
LOTS = 8


@dataclass(frozen=True)
class Errand:
    """What follows when a mailbox is opened by its code.

    `mailbox` is the one something happens to; `name` is the root of what that one is called while it is
    hidden, which only its own code can say (mailbox.hidden_name).
    """

    do: str = STAY
    mailbox: uuid.UUID | None = None
    name: bytes = field(default=b"", repr=False)

    def seal_to(self, mailbox_id: uuid.UUID, public_key: bytes) -> bytes:
        """For the row of the mailbox whose code sets it off: as long for each errand, none included."""
        return crypto.seal_to(public_key, self._written(), _in_mailbox(mailbox_id))

    @classmethod
    def opened(cls, blob: bytes, mailbox_id: uuid.UUID, seed: bytes) -> "Errand":
        """What `seal_to` was given; a row that is damaged, or older than errands, has none."""
        try:
            private = KeyPair.from_seed(seed).private
            return cls._read(crypto.open_with(private, blob, _in_mailbox(mailbox_id)))
        except Unreadable:
            return cls()

    def _written(self) -> bytes:
        target = self.mailbox.hex if self.mailbox else ""
        return json.dumps([self.do, target, self.name.hex()]).encode()

    @classmethod
    def _read(cls, written: bytes) -> "Errand":
        do, target, name = json.loads(written)
        return cls(do, uuid.UUID(target) if target else None, bytes.fromhex(name))


class KnockQuerySet(DueQuerySet["Knock"]):
    def leave(self, errand: Errand, at: datetime) -> None:
        """Write down that somebody knocked, and what follows. One statement."""
        knock_id = uuid.uuid4()
        self.create(
            id=knock_id,
            name=_one_of(errand.name, at) if errand.name else crypto.new_key(),
            errand=instance.service_seal(errand._written(), _in_knock(knock_id)),
            answer_after=clock.quarter_down(at),
            forget_after=_day_after(at),
        )

    def hiding(self, roots: Iterable[bytes], at: datetime) -> "KnockQuerySet":
        """Those that hide one of the mailboxes whose names come from these roots, whether the broom came or
        not: their day is not over, or what follows is not done. A clock that jumped ends no day."""
        named = self.filter(name__in=[name for root in roots for name in _names(root, at)])
        if clock.jumped():
            return named
        return named.filter(Q(forget_after__gt=at) | Q(answer_after__isnull=False))

    def unanswered(self, at: datetime) -> "KnockQuerySet":
        return self.filter(answer_after__lte=at)

    def forgettable(self, at: datetime) -> "KnockQuerySet":
        """Their day is over, and what follows was done."""
        return self.filter(answer_after__isnull=True, forget_after__lte=at)


class Knock(DueRow):
    """One code that was typed. That of a right one stays for a day, and then is not told from another's."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    # Random, but where a mailbox is hidden: then one of that one's names.
    name = models.BinaryField(max_length=32, db_index=True)
    errand = models.BinaryField(null=True)
    answer_after = models.DateTimeField(null=True)
    forget_after = models.DateTimeField(db_index=True)

    objects = KnockQuerySet.as_manager()

    privacy = FieldClasses(
        sealed=("errand",),
        clear=(
            *("id", "answer_after", "forget_after"),
            *("lease_token", "lease_until", "attempts", "retry_after"),
        ),
        derived=("name",),
        lives="a day; of a code that opens nothing, a moment",
    )

    class Meta:
        indexes = [
            models.Index(
                fields=["answer_after"], condition=Q(answer_after__isnull=False), name="knock_due_answer"
            )
        ]

    def read(self) -> Errand:
        """What follows from it. One that was damaged: nothing."""
        try:
            return Errand._read(instance.service_open(bytes(self.errand or b""), _in_knock(self.id)))
        except Unreadable:
            return Errand()

    def answered(self, errand: Errand, at: datetime) -> None:
        """What follows was done: what it was is gone. Its day begins now, also where nobody came for long."""
        rows = type(self).objects
        name = _one_of(errand.name, at) if errand.name else bytes(self.name)
        # One name stands in one row: twice the same would say that a second code was typed twice.
        rows.filter(name=name, answer_after__isnull=True).exclude(pk=self.pk).delete()
        done = {"errand": None, "answer_after": None, "forget_after": _day_after(at)}
        rows.filter(pk=self.pk).update(name=name, **done)

    def forget(self, at: datetime | None = None) -> None:
        """As if nobody had knocked."""
        self.delete()

    def renewed(self) -> dict[str, Any]:
        """What a new root of the secrets changes. Raises Unreadable where no root made this row."""
        if self.errand is None:
            return {}
        return {"errand": instance.service_renewed(bytes(self.errand), _in_knock(self.id))}


def _day_after(at: datetime) -> datetime:
    return clock.hour(at) + timedelta(hours=1) + HIDDEN_FOR


def _names(root: bytes, at: datetime) -> list[bytes]:
    """Every name a mailbox may have had since its day began: so many for each root, whatever it is."""
    hours = range(int(HIDDEN_FOR.total_seconds()) // 3600 + 2)
    moments = [clock.hour(at) - timedelta(hours=hour) for hour in hours]
    return [_name(root, moment, lot) for moment in moments for lot in range(LOTS)]


def _one_of(root: bytes, at: datetime) -> bytes:
    """Drawn by lot: typed again within the hour, it is most often another one."""
    return _name(root, clock.hour(at), secrets.randbelow(LOTS))


def _name(root: bytes, moment: datetime, lot: int) -> bytes:
    return crypto.derive(root, "hidden at", moment.isoformat().encode(), bytes([lot]))


def _in_mailbox(mailbox_id: uuid.UUID) -> bytes:
    return crypto.context("mailbox", "errand", mailbox_id)


def _in_knock(knock_id: uuid.UUID) -> bytes:
    return crypto.context("knock", "errand", knock_id)
