"""The keyring: keys that can be destroyed for good.

Each key lies in a slot of its own in a preallocated file, is overwritten in place and synced, and is in no
database, journal, cache or backup. A slot alone opens nothing; without it, what was sealed under it is gone.
"""

import fcntl
import hashlib
import os
import secrets
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from privacy import crypto, secret_store
from privacy.crypto import SealingImpossible, Unreadable
from privacy.secret_store import SecretsUnusable


class Destroyed(Unreadable):
    """The slot holds no key for this owner (any more)."""


class KeyringMissing(SealingImpossible):
    """There is no keyring where it should be. One that only does not answer is not missing."""


class KeyringForeign(SealingImpossible):
    """The keyring belongs to another instance, or is damaged at its head."""


class KeyringDamaged(KeyringForeign):
    """Nobody can say whose keyring it is, or read a slot of it."""


@dataclass(frozen=True)
class Slot:
    """An allocated slot: its number, to be stored with the row, and its 32-byte key."""

    number: int
    key: bytes = field(repr=False)


@dataclass(frozen=True)
class Orphan:
    """A slot that is in use for an owner nobody named."""

    number: int
    tag: bytes


class Keyring(Protocol):
    """What every implementation does. Owners are opaque: "need:<uuid>", "claim:<uuid>".

    Every method raises SealingImpossible where the keyring is not there. What changes something is
    on the disk when the method returns. Safe in several threads and processes.
    """

    def create(self, anew: bool = False) -> None:
        """Make an empty keyring for this instance; one that is there is left as it is.

        With `anew` a damaged one is overwritten first; another instance's never is.
        """

    def check(self) -> None:
        """Raise SealingImpossible or KeyringForeign unless it is there and this instance's."""

    def allocate(self, owner: str) -> Slot:
        """A new random key in a free slot. Do this before the row that needs it is committed."""

    def read(self, number: int, owner: str) -> bytes:
        """The key. Raises Destroyed."""

    def destroy(self, number: int, owner: str) -> None:
        """Overwrite the key. Twice, or where the slot is somebody else's: nothing happens."""

    def release(self, number: int, owner: str) -> None:
        """Let a destroyed slot be used again; only after the row that names it is gone."""

    def missing(self, slots: Iterable[tuple[int, str]]) -> list[str]:
        """The owners among `slots` (number, owner) whose key is not there: a crash or a restore."""

    def unowned(self, owners: Iterable[str]) -> list[Orphan]:
        """Slots in use (live, destroyed or torn) for none of `owners`."""

    def reclaim(self, orphans: Iterable[Orphan]) -> int:
        """Destroy and free those slots, if they still are what they were. Returns how many.

        A key is there before its row is: between `unowned` and `reclaim` either nothing else runs
        (at the start), or an hour passes and the owners are asked again.
        """


def keyring() -> Keyring:
    """The one that settings.KEYRING names, by default the file at settings.KEYRING_PATH."""
    made = import_string(settings.KEYRING)
    found: Keyring = made()
    return found


BLOCK = 4096
INITIAL_SLOTS = 2048
PROBES = 32

_MAGIC = b"mutualaid keys 1"
_HEADER = struct.Struct("16s16s32s")  # magic, instance id, a key for tags and checksums
_RECORD = struct.Struct("8s32s32s")  # state, tag of the owner, key
_CHECKSUM_BYTES = 32
_NO_KEY = bytes(crypto.KEY_BYTES)
FREE = bytes(8)
LIVE = b"live".ljust(8, b"\0")
DEAD = b"dead".ljust(8, b"\0")
TORN = b"torn".ljust(8, b"\0")  # never written: what a write that was cut short is read as


@dataclass(frozen=True)
class _Record:
    state: bytes
    tag: bytes
    key: bytes = field(repr=False)


class FileKeyring:
    """One preallocated file on one machine: a head of 4,096 bytes, then slots of 4,096 bytes each.

    A record lies within the first 512 bytes of its slot, one sector, and has a checksum. Nothing of the
    file is kept between calls, neither descriptor nor bytes, so that forks and threads share nothing.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = Path(path or settings.KEYRING_PATH)

    def create(self, anew: bool = False) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            if self.path.exists():
                return self.check()
        except KeyringDamaged:
            if not anew:
                raise
            self._overwrite_all()
        new = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, BLOCK * (1 + INITIAL_SLOTS))
            head = _HEADER.pack(_MAGIC, _instance_id(), crypto.new_key())
            os.pwrite(descriptor, (head + _public_checksum(head)).ljust(BLOCK, b"\0"), 0)
            os.fsync(descriptor)
            # A link, not a rename: it never takes the place of a keyring made at the same moment.
            os.link(new, self.path)
        except FileExistsError:
            self.check()
        finally:
            os.close(descriptor)
            new.unlink()
        secret_store.sync_directory(self.path.parent)
        return None

    def check(self) -> None:
        with self._opened():
            pass

    def _overwrite_all(self) -> None:
        """A damaged keyring still holds keys: none of them may be found later."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            for place in range(0, os.fstat(descriptor).st_size, BLOCK):
                os.pwrite(descriptor, bytes(BLOCK), place)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self.path.unlink()

    def allocate(self, owner: str) -> Slot:
        with self._locked() as file:
            number = file.free_slot()
            slot = Slot(number, crypto.new_key())
            file.write(number, _Record(LIVE, file.tag(owner), slot.key))
        return slot

    def read(self, number: int, owner: str) -> bytes:
        with self._opened() as file:
            record = file.record(number)
            if record.state == TORN:
                # Perhaps only half written yet: look again when nobody writes.
                with file.locked():
                    record = file.record(number)
            if record.state != LIVE or record.tag != file.tag(owner):
                raise Destroyed
            return record.key

    def destroy(self, number: int, owner: str) -> None:
        with self._locked() as file:
            record, tag = file.record(number), file.tag(owner)
            # A torn slot opens for nobody; if it was this owner's, the rest of its key must go as well.
            mine = record.tag == tag and record.state != DEAD
            if mine or record.state == TORN:
                file.write(number, _Record(DEAD, tag, _NO_KEY))

    def release(self, number: int, owner: str) -> None:
        with self._locked() as file:
            record = file.record(number)
            if record.state == DEAD and record.tag == file.tag(owner):
                file.clear(number)

    def missing(self, slots: Iterable[tuple[int, str]]) -> list[str]:
        with self._locked() as file:
            return [
                owner
                for number, owner in slots
                if (found := file.record(number)).state != LIVE or found.tag != file.tag(owner)
            ]

    def unowned(self, owners: Iterable[str]) -> list[Orphan]:
        with self._locked() as file:
            known = {file.tag(owner) for owner in owners}
            records = ((number, file.record(number)) for number in range(file.capacity))
            return [
                Orphan(number, record.tag)
                for number, record in records
                if record.state != FREE and (record.state == TORN or record.tag not in known)
            ]

    def reclaim(self, orphans: Iterable[Orphan]) -> int:
        count = 0
        with self._locked() as file:
            for orphan in orphans:
                record = file.record(orphan.number)
                if record.state != FREE and record.tag == orphan.tag:
                    file.clear(orphan.number)
                    count += 1
        return count

    @contextmanager
    def _opened(self) -> "Iterator[_SlotFile]":
        flags = os.O_RDWR | os.O_DSYNC | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            descriptor = os.open(self.path, flags)
        except FileNotFoundError:
            raise KeyringMissing("The keyring is missing.") from None
        except OSError:
            raise SealingImpossible("The keyring cannot be opened.") from None
        try:
            yield _SlotFile(descriptor)
        finally:
            os.close(descriptor)

    @contextmanager
    def _locked(self) -> "Iterator[_SlotFile]":
        with self._opened() as file, file.locked():
            yield file


class _SlotFile:
    """The open file, for the length of one call. Raises KeyringForeign unless it is this instance's."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        head = os.pread(descriptor, _HEADER.size + _CHECKSUM_BYTES, 0)
        packed, checksum = head[: _HEADER.size], head[_HEADER.size :]
        if len(packed) < _HEADER.size or _public_checksum(packed) != checksum:
            raise KeyringDamaged("The keyring is damaged.")
        magic, instance_id, self.key = _HEADER.unpack(packed)
        if magic != _MAGIC or instance_id != _instance_id():
            raise KeyringForeign("The keyring belongs to another instance.")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One writer at a time on this machine: threads too, since each call opens the file anew."""
        fcntl.flock(self.descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            # Said, not left to close(): a child forked meanwhile has the same open file.
            fcntl.flock(self.descriptor, fcntl.LOCK_UN)

    @property
    def capacity(self) -> int:
        return os.fstat(self.descriptor).st_size // BLOCK - 1

    def tag(self, owner: str) -> bytes:
        return crypto.derive(self.key, "owner", owner.encode())

    def record(self, number: int) -> _Record:
        """What the slot holds; a number outside the file is a free slot."""
        size = _RECORD.size + _CHECKSUM_BYTES
        block = b""
        if number >= 0:
            block = os.pread(self.descriptor, size, BLOCK * (1 + number))
        if not block.strip(b"\0"):
            return _Record(FREE, bytes(crypto.KEY_BYTES), _NO_KEY)
        packed, checksum = block[: _RECORD.size], block[_RECORD.size :]
        state, tag, key = _RECORD.unpack(packed.ljust(_RECORD.size, b"\0"))
        if checksum != self._checksum(number, packed) or state not in (LIVE, DEAD):
            return _Record(TORN, tag, _NO_KEY)
        return _Record(state, tag, key)

    def write(self, number: int, record: _Record) -> None:
        packed = _RECORD.pack(record.state, record.tag, record.key)
        self._overwrite(number, packed + self._checksum(number, packed))

    def clear(self, number: int) -> None:
        self._overwrite(number, b"")

    def free_slot(self) -> int:
        """A free slot near a random place; where it is crowded the file grows to twice its slots."""
        capacity = self.capacity
        start = secrets.randbelow(capacity)
        for step in range(min(PROBES, capacity)):
            number = (start + step) % capacity
            if self.record(number).state == FREE:
                return number
        try:
            os.posix_fallocate(self.descriptor, BLOCK * (1 + capacity), BLOCK * capacity)
            os.fsync(self.descriptor)
        except OSError:
            return self._any_free_slot()
        return capacity + secrets.randbelow(capacity)

    def _any_free_slot(self) -> int:
        for number in range(self.capacity):
            if self.record(number).state == FREE:
                return number
        raise SealingImpossible("The keyring is full, and so is the disk.")

    def _overwrite(self, number: int, content: bytes) -> None:
        """In place and, the file being open with O_DSYNC, on the disk when this returns."""
        block = content.ljust(BLOCK, b"\0")
        try:
            written = os.pwrite(self.descriptor, block, BLOCK * (1 + number))
        except OSError:
            written = 0
        if written != BLOCK:
            raise SealingImpossible("The keyring could not be written.")

    def _checksum(self, number: int, packed: bytes) -> bytes:
        return crypto.derive(self.key, "slot", number.to_bytes(8, "big"), packed)


def _public_checksum(head: bytes) -> bytes:
    return hashlib.blake2b(head, digest_size=_CHECKSUM_BYTES, person=b"keyring head").digest()


def _instance_id() -> bytes:
    try:
        return secret_store.load().id
    except SecretsUnusable as problem:
        raise SealingImpossible(str(problem)) from None
