"""How far the asking about a task has got (`ring`, see requests_app/rings.py), and what begins it anew."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, cast

from django.db import models

from organisation import kinds
from privacy import clock
from requests_app.models.event import Event
from requests_app.models.leg import Leg
from requests_app.models.proposal import Proposal
from volunteers import rota

if TYPE_CHECKING:
    from requests_app.models.task import Task

# What else happens while nobody has it (Event).
DESK_TOLD, PARTNER_ASKED = "desk-told", "partner-asked"
_FREE = "open"


class IsAskedFor(Leg):
    """That part of a task (requests_app/models/task.py)."""

    ring = models.PositiveSmallIntegerField(default=0)
    escalate_after = models.DateTimeField(null=True)
    # Whoever was to do it cannot go on: everybody is asked at once, until somebody comes again.
    urgent = models.BooleanField(default=False)
    # How many more of those who fitted at the last look the rings to come would ask.
    more_to_ask = models.PositiveSmallIntegerField(default=0)

    class Meta:
        abstract = True

    if TYPE_CHECKING:
        need_id: uuid.UUID
        status: str

    @property
    def everybody_was_asked(self) -> bool:
        """Nobody has it, nobody is left to ask, and the desk was told."""
        return self.status == _FREE and self.ring > len(kinds.get(self.need.kind).rings)

    @property
    def partner_was_asked(self) -> bool:
        """And a partner organisation, after the desk."""
        return self.status == _FREE and self.ring > len(kinds.get(self.need.kind).rings) + 1

    def untaken_key(self) -> str:
        """Under which the desk is told that nobody has it: another each time it was lost again."""
        lost = Event.objects.filter(task=self.id, verb=_FREE).count()
        return f"task:{self.id}:untaken:{lost}"

    def tell_desk(self, at: datetime) -> None:
        """Nobody has it, and nobody is left to ask. Inside the transaction that found so."""
        rota.tell(self.untaken_key(), at)
        Event.objects.note(cast("Task", self), DESK_TOLD, at)

    def escalate(self, ring: int, after: datetime | None, more: int = 0) -> None:
        """Somebody looked who could be asked: so far the asking has got, and look again `after`, or not.
        `more`: how many more the rings to come would ask."""
        self.ring, self.escalate_after, self.more_to_ask = ring, after, more
        self._rows().update(ring=ring, escalate_after=after, more_to_ask=more)

    def ask_anew(self, at: datetime | None = None) -> None:
        """From the first ring on, also whoever was asked before and did not take it; with `at`, not those
        whose turn is not over then. Inside the transaction that frees it."""
        asked = Proposal.objects.filter(task=self.id, outcome=Proposal.ASKED)
        if at is not None:
            turn = kinds.get(self.need.kind).pace(self.begins_at(), at)
            # What is stored is the hour in which they were asked: surely longer ago than that.
            asked = asked.filter(asked_at__lt=clock.hour(at - turn))
        asked.delete()
        self.ring = 0
        self._rows().update(ring=0)

    def ask_everybody(self) -> None:
        """Whoever had it cannot go on: from the next look on all the rings are asked at once, also who was
        asked before and did not take it. Inside the transaction that frees it, and before it does."""
        self.ask_anew()
        self.urgent = True
        self._rows().update(urgent=True)

    def _rows(self) -> models.QuerySet[Task]:
        return type(cast("Task", self)).objects.filter(pk=self.id)
