"""Somebody outside the desk whom the organisation named: what concerns the desk is sealed to them.

No account: the private half of the key is only in the words on a sheet, as of a return code.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.db.models import Q

from notify import outbox
from notify.models import Channel
from privacy import instance
from privacy.compartments import Reader
from privacy.crypto import KeyPair, Unreadable
from privacy.derivation import Derived, derive_all
from privacy.fields import FieldClasses
from privacy.models import Grant
from requests_app.models.mailbox import new_epoch
from requests_app.readers import Unlocked

MAC_PURPOSE = "outside contact public key"
LABEL_LENGTH = 40


class OutsideContactQuerySet(models.QuerySet["OutsideContact"]):
    def current(self) -> OutsideContact | None:
        """Who is named now, with a key that is the one first stored; None where nobody is."""
        found = self.filter(current=True).first()
        return found if found is not None and found.is_genuine() else None

    def behind(self, secret: bytes) -> tuple[OutsideContact, bytes] | None:
        """Whose sheet the 10-byte `secret` is on, and the seed of their key; None if nobody's.

        One Argon2id and one query, whether the words are known or not.
        """
        seeds = {derived.lookup: derived.seed for derived in derive_all(secret)}
        found = self.filter(lookup__in=list(seeds)).first()
        return (found, seeds[bytes(found.lookup)]) if found is not None else None

    def visited(self, pk: str, epoch: str) -> OutsideContact | None:
        """Who has a session open; None where they are named no more and nothing is left for them."""
        return self.filter(pk=pk, epoch=epoch).first()

    def appoint(
        self, label: str, derived: Derived, email: str, language: str, at: datetime
    ) -> OutsideContact:
        """From now on reports go to this one. Whoever was named before still opens what was sealed to them,
        and gets nothing new."""
        contact = self.model(
            id=uuid.uuid4(),
            label=label,
            lookup=derived.lookup,
            pepper_version=derived.version,
            public_key=KeyPair.from_seed(derived.seed).public,
        )
        contact.public_key_mac = instance.mac(*contact._mac_parts())
        with transaction.atomic():
            self.appoint_nobody()
            contact.save(force_insert=True)
            if email:
                Channel.objects.add(
                    recipient=contact.id, transport="email", address=email, language=language, at=at
                )
        return contact

    def appoint_nobody(self) -> None:
        """Nobody outside the desk is named any more; what was sealed to them stays theirs to read."""
        with transaction.atomic():
            self.filter(current=True).update(current=False)
            self.forget_former()

    def forget_former(self) -> None:
        """Whoever was replaced goes with the last report that was sealed to them."""
        for former in self.filter(current=False):
            if not Grant.objects.of_reader("outside", former.pk).exists():
                outbox.drop(former.pk)
                former.delete()


class OutsideContact(models.Model):
    """One of them; at most one is `current`. Its label is what those who report read."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    label = models.CharField(max_length=LABEL_LENGTH)
    lookup = models.BinaryField(max_length=32, unique=True)
    pepper_version = models.PositiveSmallIntegerField()
    public_key = models.BinaryField(max_length=32)
    public_key_mac = models.BinaryField(max_length=32)
    epoch = models.CharField(max_length=32, default=new_epoch)
    current = models.BooleanField(default=True)

    objects = OutsideContactQuerySet.as_manager()

    privacy = FieldClasses(
        clear=("id", "label", "pepper_version", "epoch", "current"),
        derived=("lookup", "public_key", "public_key_mac"),
        lives="until somebody else is named, and the last report sealed to them is over",
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("current",), condition=Q(current=True), name="one_current_outside_contact"
            ),
        )

    def is_genuine(self) -> bool:
        """Whether the key in the row is the one that was stored."""
        return instance.check_mac(bytes(self.public_key_mac), *self._mac_parts())

    def reader(self) -> Reader:
        """Whom to grant to. Raises Unreadable where the public key is not the one first stored."""
        if not self.is_genuine():
            raise Unreadable
        return Reader("outside", self.id, bytes(self.public_key))

    def unlocked(self, seed: bytes) -> Unlocked:
        """The contact with the private key that the words on their sheet give."""
        return Unlocked(self.reader(), KeyPair.from_seed(seed).private)

    def renewed(self) -> dict[str, Any]:
        """What a new root of the secrets changes. Raises Unreadable where no root made this row.

        Not what comes from the sheet: that stays under its pepper until another sheet is made.
        """
        return {"public_key_mac": instance.renewed_mac(bytes(self.public_key_mac), *self._mac_parts())}

    def _mac_parts(self) -> tuple[str, bytes, bytes]:
        return MAC_PURPOSE, self.id.bytes, bytes(self.public_key)
