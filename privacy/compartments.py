"""A compartment is one small sealed thing with a key of its own; a grant lets one reader open it.

The content key derives from the compartment's key and a slot of the keyring: when the slot is destroyed,
no grant opens anything any more, nor does any backup.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

from django.db import models, transaction

from privacy import clock, crypto, instance
from privacy.crypto import Unreadable
from privacy.fields import FieldClasses
from privacy.keyring import keyring

MAC_PURPOSE = "grant"


@dataclass(frozen=True)
class Reader:
    """Somebody a compartment can be granted to. `kind` is "mailbox", "volunteer", "desk" or "outside"."""

    kind: str
    id: UUID | str
    public_key: bytes


@dataclass(frozen=True)
class Opened:
    """A compartment in the hands of one reader, for the length of one HTTP request."""

    compartment_id: UUID
    _key: bytes = field(repr=False)
    _content_key: bytes = field(repr=False)

    def seal_text(self, text: str, model: str, field_name: str, row_id: object) -> bytes:
        """The ciphertext of `text`, bound to that field of that row. Raises TooLong."""
        return crypto.seal(self._content_key, text.encode(), crypto.context(model, field_name, row_id))

    def open_text(self, blob: bytes, model: str, field_name: str, row_id: object) -> str:
        """What was sealed for that field of that row. Raises Unreadable."""
        plaintext = crypto.open_sealed(self._content_key, blob, crypto.context(model, field_name, row_id))
        return plaintext.decode()

    def grant(
        self,
        compartment: "Compartment",
        reader: Reader,
        at: datetime,
        slot_owner: str | None = None,
        slot_number: int | None = None,
    ) -> None:
        """Let `reader` open `compartment` (the one opened here).

        With a slot, the grant ends for good when that slot is destroyed. One grant for each reader and
        slot: it replaces the one before.
        """
        if compartment.id != self.compartment_id:
            raise ValueError("This compartment is not the one that was opened.")
        Grant.objects.put(compartment, reader, self._key, at, slot_owner, slot_number)


class CompartmentQuerySet(models.QuerySet["Compartment"]):
    def of(self, slot_owner: str) -> "CompartmentQuerySet":
        """The compartments that close with the slot of `slot_owner`."""
        return self.filter(slot_owner=slot_owner)

    def with_grants(self) -> "CompartmentQuerySet":
        """For lists: opening each of them then asks the database nothing more."""
        return self.prefetch_related("grants")

    def make(
        self,
        purpose: str,
        slot_owner: str,
        slot_number: int,
        readers: Sequence[Reader],
        at: datetime,
    ) -> tuple["Compartment", Opened]:
        """A new compartment under an allocated slot, granted to `readers`.

        Raises Unreadable when the slot is not live any more, SealingImpossible without a keyring.
        """
        key = crypto.new_key()
        row = Compartment(purpose=purpose, slot_owner=slot_owner, slot_number=slot_number)
        opened = row._opened_with(key)
        with transaction.atomic():
            row.save(force_insert=True)
            for reader in readers:
                opened.grant(row, reader, at)
        return row, opened


class Compartment(models.Model):
    """One sealed text or several: a note, a place, a thread … `slot_owner` is "need:<uuid>", "claim:…"."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    purpose = models.CharField(max_length=16)
    slot_owner = models.CharField(max_length=64, db_index=True)
    slot_number = models.PositiveIntegerField()

    privacy = FieldClasses(
        clear=("id", "purpose", "slot_owner", "slot_number"),
        lives="until the need, claim, report or debrief that owns its slot ends",
    )

    objects = CompartmentQuerySet.as_manager()

    def __str__(self) -> str:
        return str(self.pk)

    def _opened_with(self, key: bytes) -> Opened:
        slot_key = keyring().read(self.slot_number, self.slot_owner)
        content_key = crypto.derive(key, "compartment content", slot_key, self.id.bytes)
        return Opened(self.id, key, content_key)

    def _grants_of(self, reader: Reader) -> "list[Grant]":
        if "grants" in getattr(self, "_prefetched_objects_cache", {}):
            return [g for g in self.grants.all() if g.is_for(reader)]
        return list(self.grants.of_reader(reader.kind, reader.id))

    def can_be_opened_by(self, reader: Reader, slot_owner: str | None = None) -> bool:
        """Whether a genuine grant for this very key of `reader` exists (under the slot of `slot_owner`,
        where one is named). That it opens, only opening it tells."""
        grants = self._grants_of(reader)
        return any(g.is_genuine(reader) for g in grants if slot_owner in (None, g.slot_owner))

    def open(self, reader: Reader, private_key: bytes) -> Opened:
        """The compartment in the hands of `reader`. Raises Unreadable: no grant, another key, a grant
        that was changed or moved, or a slot that is destroyed."""
        for grant in self._grants_of(reader):
            try:
                return self._opened_with(grant.unseal(reader, private_key))
            except Unreadable:
                continue
        raise Unreadable

    @staticmethod
    def open_for(compartment: "Compartment | None", reader: Reader, private_key: bytes) -> Opened:
        """`compartment.open(…)`, where there may be none: that is Unreadable as well."""
        if compartment is None:
            raise Unreadable
        return compartment.open(reader, private_key)


class GrantQuerySet(models.QuerySet["Grant"]):
    def of_reader(self, kind: str, reader_id: UUID | str) -> "GrantQuerySet":
        """Every grant to that reader."""
        return self.filter(reader_kind=kind, reader_id=str(reader_id))

    def under(self, slot_owner: str) -> "GrantQuerySet":
        """The grants that end with the slot of `slot_owner`, whatever compartment they open."""
        return self.filter(slot_owner=slot_owner)

    def put(
        self,
        compartment: Compartment,
        reader: Reader,
        key: bytes,
        at: datetime,
        slot_owner: str | None,
        slot_number: int | None,
    ) -> None:
        """Seal `key`, the key of `compartment`, to `reader`; in place of the one under the same slot."""
        if (not slot_owner) != (slot_number is None):
            raise ValueError("A slot has an owner and a number.")
        row = Grant(
            compartment=compartment,
            reader_kind=reader.kind,
            reader_id=str(reader.id),
            key_fingerprint=crypto.fingerprint(reader.public_key),
            slot_owner=slot_owner or "",
            slot_number=slot_number,
            granted_at=clock.hour(at),
        )
        row.sealed = crypto.seal_to(reader.public_key, key, row._context())
        wrapping_key = row._wrapping_key()
        if wrapping_key is not None:
            row.sealed = crypto.seal(wrapping_key, row.sealed, row._context())
        row.mac = instance.mac(MAC_PURPOSE, *row._mac_parts())
        self.bulk_create(
            [row],
            update_conflicts=True,
            unique_fields=["compartment", "reader_kind", "reader_id", "slot_owner"],
            update_fields=["key_fingerprint", "sealed", "slot_number", "granted_at", "mac"],
        )


class Grant(models.Model):
    """A compartment's key, sealed to one reader's public key; with a slot, wrapped under that as well."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    compartment = models.ForeignKey(Compartment, models.CASCADE, related_name="grants")
    reader_kind = models.CharField(max_length=16)
    reader_id = models.CharField(max_length=40)
    key_fingerprint = models.BinaryField(max_length=16)
    sealed = models.BinaryField()
    slot_owner = models.CharField(max_length=64, default="", db_index=True)
    slot_number = models.PositiveIntegerField(null=True)
    granted_at = models.DateTimeField()
    mac = models.BinaryField(max_length=32)

    privacy = FieldClasses(
        sealed=("sealed",),
        clear=(
            "id",
            "compartment",
            "reader_kind",
            "reader_id",
            "slot_owner",
            "slot_number",
            "granted_at",
        ),
        derived=("key_fingerprint", "mac"),
        lives="until its compartment, or the claim that owns its slot, ends",
    )

    objects = GrantQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("compartment", "reader_kind", "reader_id", "slot_owner"),
                name="one_grant_per_reader_and_slot",
            ),
        )
        indexes = (models.Index(fields=("reader_kind", "reader_id"), name="grants_of_reader"),)

    def __str__(self) -> str:
        return str(self.pk)

    def is_for(self, reader: Reader) -> bool:
        return (self.reader_kind, self.reader_id) == (reader.kind, str(reader.id))

    def is_genuine(self, reader: Reader) -> bool:
        """Sealed by us, unchanged since, to the key that `reader` has now."""
        if bytes(self.key_fingerprint) != crypto.fingerprint(reader.public_key):
            return False
        return instance.check_mac(bytes(self.mac), MAC_PURPOSE, *self._mac_parts())

    def unseal(self, reader: Reader, private_key: bytes) -> bytes:
        """The compartment's key. Raises Unreadable."""
        if not self.is_genuine(reader):
            raise Unreadable
        box, wrapping_key = bytes(self.sealed), self._wrapping_key()
        if wrapping_key is not None:
            box = crypto.open_sealed(wrapping_key, box, self._context())
        return crypto.open_with(private_key, box, self._context())

    def renewed(self) -> dict[str, bytes]:
        """What a new root of the secrets changes. Raises Unreadable where no root made this row."""
        return {"mac": instance.renewed_mac(bytes(self.mac), MAC_PURPOSE, *self._mac_parts())}

    def _context(self) -> bytes:
        # Not the row's own id: a grant that replaces another keeps the row.
        row = f"{self.compartment_id}/{self.reader_kind}/{self.reader_id}"
        return crypto.context("grant", "sealed", row)

    def _wrapping_key(self) -> bytes | None:
        if not self.slot_owner or self.slot_number is None:
            return None
        slot_key = keyring().read(self.slot_number, self.slot_owner)
        return crypto.derive(slot_key, "grant", self.compartment_id.bytes)

    def _mac_parts(self) -> tuple[bytes, ...]:
        slot = f"{self.slot_number} {self.slot_owner}"
        return (
            self.compartment_id.bytes,
            # What it opens: whoever was granted a place is not granted messages by calling it a thread.
            self.compartment.purpose.encode(),
            self.reader_kind.encode(),
            self.reader_id.encode(),
            bytes(self.key_fingerprint),
            bytes(self.sealed),
            slot.encode(),
            self.granted_at.astimezone(UTC).isoformat().encode(),
        )
