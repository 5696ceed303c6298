"""Sealed words that stand apart from every need: with a slot, readers and an end of their own."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self, TypeVar

from django.db import models, transaction
from django.db.models import Q

from privacy import clock, instance
from privacy.compartments import Reader
from privacy.crypto import SealingImpossible
from privacy.due import DueQuerySet, DueRow
from privacy.keyring import keyring
from privacy.models import Compartment, Grant
from requests_app.models.sealed import Sealed
from requests_app.readers import Unlocked

Row = TypeVar("Row", bound="Apart")


class ApartQuerySet(DueQuerySet[Row]):
    def kept(self, at: datetime) -> Self:
        """Not ended, and their time is not over, whether the broom came or not. The newest come last."""
        return self.filter(ending=False, forget_after__gt=at).order_by("forget_after", "pk")

    def forgettable(self, at: datetime) -> Self:
        """Their time is over."""
        return self.filter(ending=False, forget_after__lte=at)

    def ending(self) -> Self:
        """Ended, but the destruction of the key was not yet finished."""
        return self.filter(ending=True)

    def granted(self, kind: str, reader_id: object) -> Self:
        """Those with a grant to that reader: nobody else's are there for them."""
        grants = Grant.objects.of_reader(kind, str(reader_id)).filter(compartment__purpose=self._purpose())
        return self.filter(pk__in=_ids(grants.values_list("compartment__slot_owner", flat=True)))

    def _purpose(self) -> str:
        return str(self.model._meta.model_name)


class Apart(Sealed, DueRow):
    """One text and what was chosen beside it, sealed to a few readers for a number of days (KEPT).

    It names no need: what it is about stands inside the seal, or in a column of the heir that says why.
    `said` is NULL where the key was lost.
    """

    KEPT: ClassVar[timedelta]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    said = models.BinaryField(null=True)
    ending = models.BooleanField(default=False)
    forget_after = models.DateTimeField()

    class Meta:
        abstract = True
        indexes: ClassVar[tuple[models.Index, ...]] = (
            models.Index(fields=["forget_after"], name="%(class)s_due_forget"),
            models.Index(fields=["ending"], condition=Q(ending=True), name="%(class)s_ending"),
        )

    @classmethod
    def id_of(cls, once: uuid.UUID) -> uuid.UUID:
        """The id of what one form sends: sent twice, it is one row. The page does not say which."""
        return uuid.UUID(bytes=instance.mac(f"{cls._meta.model_name} of a form", once.bytes)[:16])

    @property
    def purpose(self) -> str:
        """What its compartment, and its slot's owner, are called."""
        return str(self._meta.model_name)

    @contextmanager
    def in_a_slot_of_its_own(self) -> Iterator[None]:
        """A transaction that stores this row (`write`). Its slot is written before and synced, and destroyed
        again where the row could not be stored. Raises SealingImpossible."""
        slot = keyring().allocate(self.slot_owner)
        self.slot_number = slot.number
        try:
            with transaction.atomic():
                yield
        except BaseException:
            keyring().destroy(slot.number, self.slot_owner)
            keyring().release(slot.number, self.slot_owner)
            raise

    def write(self, said: dict[str, Any], readers: Iterable[Reader], at: datetime) -> None:
        """Seal `said` (ready for JSON) to the readers, and store the row. Inside `in_a_slot_of_its_own`."""
        _, opened = Compartment.objects.make(
            self.purpose, self.slot_owner, self.slot_number, list(readers), at
        )
        self.said = opened.seal_text(json.dumps(said, ensure_ascii=False), self.purpose, "said", self.id)
        self.forget_after = clock.hour(at) + timedelta(hours=1) + self.KEPT
        self.save(force_insert=True)

    def read(self, unlocked: Unlocked) -> dict[str, Any]:
        """What was said, as it was given to `write`. Raises Unreadable for everybody but its readers."""
        opened = self.open_compartment(self.purpose, unlocked)
        said: dict[str, Any] = json.loads(
            opened.open_text(bytes(self.said or b""), self.purpose, "said", self.id)
        )
        return said

    def begin_ending(self) -> bool:
        """From the commit on it is over, whatever becomes of the process. False: somebody was faster."""
        rows = type(self)._default_manager
        return bool(rows.filter(pk=self.pk, ending=False).update(ending=True))

    def finish_ending(self, at: datetime | None = None) -> None:
        """Destroy the key, then delete the row. Again and again is harmless."""
        keyring().destroy(self.slot_number, self.slot_owner)
        with transaction.atomic():
            Compartment.objects.of(self.slot_owner).delete()
            type(self)._default_manager.filter(pk=self.pk, ending=True).delete()
        keyring().release(self.slot_number, self.slot_owner)

    def finish_soon(self) -> None:
        """After the commit that ended it: now, or by the broom where the keyring does not answer."""
        with suppress(SealingImpossible):
            self.finish_ending()

    def forget(self, at: datetime | None = None) -> None:
        """As if it had never been written."""
        self.begin_ending()
        self.finish_soon()

    def lose_key(self, at: datetime) -> None:
        """The keyring was lost: nobody can read it any more. Needs no keyring."""
        with transaction.atomic():
            Compartment.objects.of(self.slot_owner).delete()
            type(self)._default_manager.filter(pk=self.pk).update(said=None)
        self.said = None


def _ids(owners: Iterable[str]) -> list[uuid.UUID]:
    """The rows that own these slots; a row that was damaged keeps nobody from the others."""
    found = []
    for owner in owners:
        with suppress(ValueError):
            found.append(uuid.UUID(owner.partition(":")[2]))
    return found
