"""A state machine is data: a table of allowed moves beside the model, and one compare-and-set."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

ANY = Q()


# State → the states it may become, each with the names of the verbs that lead there.
Moves = Mapping[str, Mapping[str, str]]


def before(moves: Moves) -> dict[str, list[str]]:
    """For each state, those it may follow: for a QuerySet that moves many rows in one statement."""
    return {to: [state for state, after in moves.items() if to in after] for to in moves}


class MoveRefused(Exception):
    """The table has no such move from the state the row was seen in."""


class SomebodyWasFaster(Exception):
    """The row had left the state it was seen in before this move could be made."""


class Stateful(models.Model):
    """A row with a `status` that changes only along `MOVES`."""

    MOVES: ClassVar[Moves] = {}

    status = models.CharField(max_length=16)

    class Meta:
        abstract = True

    def _move(self, to: str, at: datetime, *, only: Q = ANY, **changes: Any) -> None:
        """Compare-and-set this row to the state `to`, with further column `changes`.

        Raises MoveRefused where the table has no such move, SomebodyWasFaster where the row
        is no longer in the state this object was read in, or not as `only` says. Call inside
        a transaction: the event and the notices the move causes commit with it.
        """
        if to not in self.MOVES[self.status]:
            raise MoveRefused(f"{type(self).__name__}: {self.status} → {to}")
        rows = type(self)._default_manager.filter(only, pk=self.pk, status=self.status)
        if not rows.update(status=to, **changes):
            raise SomebodyWasFaster
        self.status = to
        for name, value in changes.items():
            setattr(self, name, value)
        self._moved(to, at)

    def _moved(self, to: str, at: datetime) -> None:
        """Write down that the move happened; each model says where."""
