"""A gate before the expensive work: how many derivations run at once on this machine.

One slot per spare core, shared by all processes: each slot is a file that is locked while in use, so a
process that dies gives its slot back. Without the gate, thirty people who guess codes would take every
core from everybody else.

Who waits, waits in line: the first in a process goes in first, so that nobody who asks once waits behind
somebody who asks again and again. Waiting costs a thread and nothing else, no connection to the database
either, and the web server has more threads than PLACES: a full line keeps no other page from being answered.
"""

import fcntl
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings
from django.db import connection

# With the longest price, less than a process that is replaced may take to finish (mutualaid/run.py: DRAIN).
WAIT_SECONDS = 7.0
# How many threads of one process may wait at once: for a turn, for a price, and for a body that comes
# slowly. Whoever keeps one kind of place full keeps nobody out of the others.
PLACES = 56
BODIES = 160
_POLL_SECONDS = 0.005


class Busy(Exception):
    """No slot came free in time, or too many wait; the caller answers 503 and asks to try again."""


class _Line:
    """The threads of this process that want a slot, in the order they came."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._here: list[object] = []

    @contextmanager
    def first(self, seconds: float) -> Iterator[None]:
        """Be among the first, as many as there are slots, while the block runs; Busy after `seconds`."""
        me = object()
        try:
            with self._changed:
                self._here.append(me)
                if me not in self._here[: slots()]:
                    _hold_no_connection()
                if not self._changed.wait_for(lambda: me in self._here[: slots()], seconds):
                    raise Busy
            yield
        finally:
            with self._changed:
                self._here.remove(me)
                self._changed.notify_all()


_line = _Line()
_turns = threading.BoundedSemaphore(PLACES)
_prices = threading.BoundedSemaphore(PLACES)
_bodies = threading.BoundedSemaphore(BODIES)


def slots() -> int:
    """How many derivations may run at once: the cores we may use but one, and at least one."""
    return max(1, len(os.sched_getaffinity(0)) - 1)


@contextmanager
def entered(wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold a slot while the block runs; raises Busy after wait_seconds, or at once where PLACES wait."""
    deadline = time.monotonic() + wait_seconds
    with _a_place(_turns), _line.first(wait_seconds):
        handle = _slot(deadline)
        try:
            yield
        finally:
            os.close(handle)


def pause(seconds: float) -> None:
    """Keep whoever asked waiting for so long; raises Busy at once where PLACES wait already."""
    with _a_place(_prices):
        _hold_no_connection()
        time.sleep(seconds)


@contextmanager
def reading() -> Iterator[None]:
    """While the block waits for a body that may come slowly, or never; Busy at once where BODIES do."""
    with _a_place(_bodies):
        yield


def load() -> float:
    """The share of slots in use at this moment, 0.0 … 1.0."""
    taken = 0
    for path in _paths():
        handle = _lock(path)
        if handle is None:
            taken += 1
        else:
            os.close(handle)
    return taken / slots()


def _hold_no_connection() -> None:
    """A server has few of them, and others need one. A transaction keeps its own."""
    if not connection.in_atomic_block:
        connection.close()


@contextmanager
def _a_place(places: threading.BoundedSemaphore) -> Iterator[None]:
    if not places.acquire(blocking=False):
        raise Busy
    try:
        yield
    finally:
        places.release()


def _slot(deadline: float) -> int:
    """A slot of this machine; other processes want it, too."""
    handle = _take()
    while handle is None:
        if time.monotonic() >= deadline:
            raise Busy
        # Not in step with the others who wait.
        time.sleep(_POLL_SECONDS * (0.5 + random.random()))  # noqa: S311 - no secret depends on it
        handle = _take()
    return handle


def _take() -> int | None:
    paths = _paths()
    random.shuffle(paths)
    return next((handle for path in paths if (handle := _lock(path)) is not None), None)


def _paths() -> list[Path]:
    folder = Path(settings.RUN_DIR)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return [folder / f"gate-{number}" for number in range(slots())]


def _lock(path: Path) -> int | None:
    """A descriptor that holds the lock until it is closed; None if somebody else holds it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with suppress(BlockingIOError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return handle
    os.close(handle)
    return None
