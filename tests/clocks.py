"""The clocks of a test: this machine's and the database's can be set, the one nobody can set goes on."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from privacy import clock

HOUR = 3600.0


class Clocks:
    """`wall`, `database`: how many seconds each was set forward."""

    def __init__(self) -> None:
        self.wall = self.database = 0.0

    def set(self, seconds: float) -> None:
        """Both of one machine, as where the database is a file."""
        self.wall = self.database = seconds


@contextmanager
def can_be_set(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clocks]:
    """All right when the test begins, and afterwards."""
    moved, wall, ask = Clocks(), time.time, clock._ask_the_database
    monkeypatch.setattr("privacy.clock.time.time", lambda: wall() + moved.wall)
    monkeypatch.setattr("privacy.clock._ask_the_database", lambda: ask() + timedelta(seconds=moved.database))
    clock._begin()
    yield moved
    moved.set(0)
    clock._begin()
