"""The key pair by which push services know this instance (VAPID, RFC 8292). Browsers are bound to it.

Made once, at set-up. A page needs the public half alone; nothing here loads what signs.
"""

import base64
from importlib import import_module

from django.db import models

from privacy import instance
from privacy.crypto import Unreadable, context
from privacy.fields import FieldClasses

# Knows the curve. Loaded where a pair is made or a message leaves, and nowhere else.
WIRE = "notify.transports.push_wire"


class PushKeyQuerySet(models.QuerySet["PushKey"]):
    def current(self) -> "PushKey | None":
        """The pair that counts; None before set-up made one."""
        return self.order_by("-number").first()

    def make(self, after: int = 0) -> None:
        """The pair after the one of that number. Where somebody made it meanwhile, theirs stays."""
        row = PushKey(number=after + 1)
        row.public_key, private = import_module(WIRE).new_pair()
        row.private_key = instance.service_seal(private, row.sealing_context())
        self.bulk_create([row], ignore_conflicts=True)


class PushKey(models.Model):
    """One pair on P-256: 65 bytes in clear, 32 sealed under the service key."""

    number = models.PositiveSmallIntegerField(primary_key=True)
    public_key = models.BinaryField(max_length=65)
    private_key = models.BinaryField()

    objects = PushKeyQuerySet.as_manager()

    privacy = FieldClasses(
        sealed=("private_key",), clear=("number", "public_key"), lives="as long as the instance"
    )

    def __str__(self) -> str:
        return "push key"

    def sealing_context(self) -> bytes:
        # The public half is part of it: one that was swapped opens nothing.
        return context("push_key", "private_key", f"{self.number}/{bytes(self.public_key).hex()}")

    def private(self) -> bytes:
        """32 bytes. Raises Unreadable when the instance's secrets are not those that sealed it."""
        return instance.service_open(bytes(self.private_key), self.sealing_context())

    def public_text(self) -> str:
        """The public half as browsers take it: base64 for addresses."""
        return base64.urlsafe_b64encode(bytes(self.public_key)).decode().rstrip("=")

    def is_genuine(self) -> bool:
        """Whether these are two halves of one pair, made here."""
        try:
            self.private()
        except Unreadable:
            return False
        return True

    def renewed(self) -> dict[str, bytes]:
        """What a new root of the secrets changes. Raises Unreadable where no root made this row."""
        return {"private_key": instance.service_renewed(bytes(self.private_key), self.sealing_context())}
