"""The cache of one machine: a piece of memory that the processes share, and that no file and no table holds.

It is made once, before the processes that use it are forked, and outlives each of them: the process that
serves is replaced every half minute (mutualaid/web.py), and what was counted must not begin anew with it.
Keys are blinded (privacy/cache_keys.py); an entry whose time is over is overwritten, not only passed over.
"""

import fcntl
import hashlib
import math
import mmap
import os
import pickle
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache

SLOT_BYTES = 256
WAYS = 16  # entries that share a bucket: the one that ends first makes room
BUCKET_BYTES = WAYS * SLOT_BYTES  # a page, of which only those in use take memory
BUCKETS = 2048

# Digest of the key, when it ends, length of its value. A slot with length 0 is free.
_HEAD = struct.Struct("<20sdH")
_LENGTH = struct.Struct("<H")
_LENGTH_AT = _HEAD.size - _LENGTH.size
_FREE = bytes(SLOT_BYTES)


@dataclass
class Memory:
    """The slots. One thread of one process has them at a time; whoever dies meanwhile lets go of them."""

    handle: int = field(default_factory=lambda: os.memfd_create("cache", os.MFD_CLOEXEC))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        os.ftruncate(self.handle, BUCKETS * BUCKET_BYTES)
        self.slots = mmap.mmap(self.handle, 0)
        os.register_at_fork(after_in_child=self._after_fork)

    def _after_fork(self) -> None:
        # Another thread may have held it, and is not there any more.
        self.lock = threading.Lock()

    @contextmanager
    def held(self) -> Iterator[None]:
        with self.lock:
            fcntl.lockf(self.handle, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self.handle, fcntl.LOCK_UN)

    def head(self, at: int) -> tuple[bytes, float, int]:
        found: tuple[bytes, float, int] = _HEAD.unpack_from(self.slots, at)
        return found

    def read(self, at: int) -> bytes:
        start = at + _HEAD.size
        return self.slots[start : start + self.head(at)[2]]

    def write(self, at: int, digest: bytes, ends: float, value: bytes) -> None:
        """The length comes last: who dies before leaves a free slot."""
        self.wipe(at)
        _HEAD.pack_into(self.slots, at, digest, ends, 0)
        self.slots[at + _HEAD.size : at + _HEAD.size + len(value)] = value
        _LENGTH.pack_into(self.slots, at + _LENGTH_AT, len(value))

    def wipe(self, at: int) -> None:
        _LENGTH.pack_into(self.slots, at + _LENGTH_AT, 0)
        self.slots[at : at + SLOT_BYTES] = _FREE

    def forget_expired(self) -> None:
        now = time.time()
        for bucket in self.in_use():
            with self.held():
                heads = [(at, *self.head(at)) for at in _ways(bucket)]
                for at, _digest, ends, length in heads:
                    if length and ends <= now:
                        self.wipe(at)
                if not any(length and ends > now for _at, _digest, ends, length in heads):
                    self.give_back(bucket)

    def in_use(self) -> Iterator[int]:
        """The buckets that take memory. Looking into one of the others would make it take some."""
        bucket = 0
        while True:
            try:
                data = os.lseek(self.handle, bucket * BUCKET_BYTES, os.SEEK_DATA)
            except OSError:
                return
            bucket = data // BUCKET_BYTES
            yield bucket
            bucket += 1

    def give_back(self, bucket: int | None = None) -> None:
        """The pages of one bucket, or all, are no longer ours; they are zeros when somebody asks again."""
        if bucket is None:
            self.slots.madvise(mmap.MADV_REMOVE)
        elif mmap.PAGESIZE == BUCKET_BYTES:
            self.slots.madvise(mmap.MADV_REMOVE, bucket * BUCKET_BYTES, BUCKET_BYTES)


_memory: dict[str, Memory] = {}
_making = threading.Lock()


def forget_expired() -> None:
    """Overwrite whatever ended: yesterday's salt, above all, which nobody asks for again."""
    for memory in list(_memory.values()):
        memory.forget_expired()


class SharedMemory(BaseCache):
    """CACHES BACKEND without CACHE_URL. LOCATION names the memory; the first to ask for it makes it.

    A value is at most MAX_VALUE bytes, pickled; more raises ValueError. Where a bucket is full, the entry
    that would end first goes.
    """

    MAX_VALUE = SLOT_BYTES - _HEAD.size

    def __init__(self, name: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        with _making:
            if name not in _memory:
                _memory[name] = Memory()
        self._memory = _memory[name]

    # --- What Django's caches can do

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None) -> bool:
        digest = self._digest(key, version)
        with self._memory.held():
            if self._find(digest) is not None:
                return False
            self._put(digest, value, self._ends(timeout))
            return True

    def get(self, key: Any, default: Any = None, version: Any = None) -> Any:
        digest = self._digest(key, version)
        with self._memory.held():
            at = self._find(digest)
            return default if at is None else pickle.loads(self._memory.read(at))  # noqa: S301 - our own

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None) -> None:
        digest = self._digest(key, version)
        with self._memory.held():
            self._put(digest, value, self._ends(timeout))

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None) -> bool:
        digest = self._digest(key, version)
        with self._memory.held():
            at = self._find(digest)
            if at is not None:
                self._memory.write(at, digest, self._ends(timeout), self._memory.read(at))
            return at is not None

    def incr(self, key: Any, delta: int = 1, version: Any = None) -> int:
        digest = self._digest(key, version)
        with self._memory.held():
            at = self._find(digest)
            if at is None:
                raise ValueError("There is no such key.")
            value = int(pickle.loads(self._memory.read(at))) + delta  # noqa: S301 - our own
            self._put(digest, value, self._memory.head(at)[1])
            return value

    def has_key(self, key: Any, version: Any = None) -> bool:
        with self._memory.held():
            return self._find(self._digest(key, version)) is not None

    def delete(self, key: Any, version: Any = None) -> bool:
        with self._memory.held():
            at = self._find(self._digest(key, version))
            if at is not None:
                self._memory.wipe(at)
            return at is not None

    def clear(self) -> None:
        with self._memory.held():
            self._memory.give_back()

    # --- Slots

    def _digest(self, key: Any, version: Any) -> bytes:
        full = self.make_and_validate_key(key, version=version)
        return hashlib.blake2b(full.encode(), digest_size=20).digest()

    def _ends(self, timeout: Any) -> float:
        ends = self.get_backend_timeout(timeout)
        return math.inf if ends is None else float(ends)

    def _find(self, digest: bytes) -> int | None:
        """Where its slot is; None where there is none, or none whose time is not over."""
        for at in _ways(_bucket(digest)):
            found, ends, length = self._memory.head(at)
            if length and found == digest:
                if ends > time.time():
                    return at
                self._memory.wipe(at)
        return None

    def _put(self, digest: bytes, value: Any, ends: float) -> None:
        pickled = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        if len(pickled) > self.MAX_VALUE:
            raise ValueError("This is more than a slot of the cache takes.")
        at = self._find(digest)
        if at is None:
            at = min(_ways(_bucket(digest)), key=self._worth)
        self._memory.write(at, digest, ends, pickled)

    def _worth(self, at: int) -> float:
        """When its entry ends; less than any moment where it is free."""
        _digest, ends, length = self._memory.head(at)
        return ends if length else -math.inf


def _bucket(digest: bytes) -> int:
    return int.from_bytes(digest[:4]) % BUCKETS


def _ways(bucket: int) -> range:
    return range(bucket * BUCKET_BYTES, (bucket + 1) * BUCKET_BYTES, SLOT_BYTES)
