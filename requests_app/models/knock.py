"""Somebody typed a return code. Whichever it was, one row is written, and the broom answers it afterwards.

What a second code does to the first mailbox is such an answer. Nothing in clear tells its row from others:
who watches the machine sees the same statements, and who holds the database the same rows.
"""

import json
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
NAME_BYTES = crypto.KEY_BYTES


@dataclass(frozen=True)
class Errand:
    """What follows when a mailbox is opened by its code.

    `mailbox` is the one something happens to; `name` is what that one is called while it is hidden, which
    only its own code can say (Mailbox.hidden_name).
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
            name=errand.name or crypto.new_key(),
            errand=instance.service_seal(errand._written(), _in_knock(knock_id)),
            answer_after=clock.quarter_down(at),
            forget_after=clock.hour(at) + timedelta(hours=1) + HIDDEN_FOR,
        )

    def hiding(self, names: Iterable[bytes]) -> "KnockQuerySet":
        """Those that hide a mailbox of one of these names."""
        return self.filter(name__in=list(names))

    def in_force(self, at: datetime) -> "KnockQuerySet":
        """Their day is not over, whether the broom came or not."""
        return self.filter(forget_after__gt=at)

    def unanswered(self, at: datetime) -> "KnockQuerySet":
        return self.filter(answer_after__lte=at)

    def forgettable(self, at: datetime) -> "KnockQuerySet":
        return self.filter(forget_after__lte=at)


class Knock(DueRow):
    """One code that was typed. That of a right one stays for a day, and then is not told from another's."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    # Random, but where a mailbox is hidden: then that one's name.
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

    def answered(self) -> None:
        """What follows was done: what it was is gone."""
        type(self).objects.filter(pk=self.pk).update(errand=None, answer_after=None)

    def forget(self, at: datetime | None = None) -> None:
        """As if nobody had knocked."""
        self.delete()

    def renewed(self) -> dict[str, Any]:
        """What a new root of the secrets changes. Raises Unreadable where no root made this row."""
        if self.errand is None:
            return {}
        return {"errand": instance.service_renewed(bytes(self.errand), _in_knock(self.id))}


def _in_mailbox(mailbox_id: uuid.UUID) -> bytes:
    return crypto.context("mailbox", "errand", mailbox_id)


def _in_knock(knock_id: uuid.UUID) -> bytes:
    return crypto.context("knock", "errand", knock_id)
