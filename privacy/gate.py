"""A gate before the expensive work: how many derivations run at once on this machine.

One slot per spare core, shared by all processes: each slot is a file that is locked while in use, so a
process that dies gives its slot back. Without the gate, thirty people who guess codes would take every
core from everybody else.
"""

import fcntl
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings

WAIT_SECONDS = 3.0
_POLL_SECONDS = 0.005


class Busy(Exception):
    """No slot came free in time; the caller answers 503 and asks to try again."""


def slots() -> int:
    """How many derivations may run at once: the cores we may use but one, and at least one."""
    return max(1, len(os.sched_getaffinity(0)) - 1)


@contextmanager
def entered(wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold a slot while the block runs; raises Busy after wait_seconds."""
    deadline = time.monotonic() + wait_seconds
    handle = _take()
    while handle is None:
        if time.monotonic() >= deadline:
            raise Busy
        # Not in step with the others who wait.
        time.sleep(_POLL_SECONDS * (0.5 + random.random()))  # noqa: S311 - no secret depends on it
        handle = _take()
    try:
        yield
    finally:
        os.close(handle)


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
