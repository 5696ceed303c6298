"""What a task has of its own: its times, and answers that only whoever takes it can open.

Its compartment closes with the need's slot; the grant of whoever was approved, with their claim's slot.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from django.db import models

from organisation import kinds
from organisation.kind import TaskSpec
from privacy import clock
from privacy.compartments import Reader
from privacy.models import Compartment
from requests_app.models.need_day import chances, week_covered
from requests_app.readers import Unlocked
from volunteers.account import hour_number

if TYPE_CHECKING:
    from requests_app.models.need import Need
    from requests_app.models.task import Task


class Leg(models.Model):
    """That half of a task (requests_app/models/task.py). `position`: its place among those of its kind."""

    position = models.PositiveSmallIntegerField(default=0)
    parts = models.PositiveSmallIntegerField()
    covers = models.PositiveSmallIntegerField(default=0)
    # The same in one 28-bit weekly mask each, so that one comparison answers for most offers.
    any_bits = models.PositiveIntegerField()
    all_bits = models.PositiveIntegerField()
    # When the last part that would do begins, see account.hour_number: who wants notice is asked until then.
    last_hour = models.PositiveIntegerField()
    answers = models.BinaryField(null=True)

    class Meta:
        abstract = True

    if TYPE_CHECKING:
        id: uuid.UUID
        need: Need
        role: str

    @property
    def spec(self) -> TaskSpec | None:
        """Its entry, if its kind still has one."""
        return kinds.get(self.need.kind).task(self.role)

    @property
    def purpose(self) -> str:
        """The name of its compartment among those of its need."""
        return f"leg {self.position}"

    def set_times(self, parts: int = 0, at_any_hour: bool = False) -> None:
        """When it takes place on the day of its need: `parts` of its own, or (0) as the need says.

        `at_any_hour`: nobody knows before in which of them: whoever is free in one may come.
        """
        need, kind = self.need, kinds.get(self.need.kind)
        self.parts = parts or need.parts
        self.covers = (parts if kind.covers_parts else 0) if parts else need.covers
        self.covers = 0 if at_any_hour else self.covers
        self.any_bits = clock.weekly_bits(need.day, self.parts)
        self.all_bits = week_covered(need.day, self.parts, self.covers, need.nights)
        self.last_hour = hour_number(self.last_chance_at())

    def begins_at(self) -> datetime:
        """When the earliest part that would do begins."""
        return chances(self.need.day, self.parts)[0][0]

    def last_chance_at(self) -> datetime:
        """When the last part that would do begins."""
        return chances(self.need.day, self.parts)[-1][0]

    def needed_by(self, at: datetime) -> datetime | None:
        """The next moment at which it matters that somebody comes; None where its time is over."""
        parts = chances(self.need.day, self.parts)
        moments = [*(begins for begins, _ends in parts), parts[-1][1]]
        return next((moment for moment in moments if moment > at), None)

    def has_time_left(self, at: datetime) -> bool:
        """Whether it is not over yet: its last day for what goes on for nights, else the time asked for."""
        if self.need.nights:
            return at < clock.day_end(self.need.last_day())
        return self.needed_by(at) is not None

    # What is sealed

    def seal_answers(self, answers: Mapping[str, Any], readers: Iterable[Reader], at: datetime) -> None:
        """Seal what is for whoever takes this task alone, also where that is nothing: whether it was answered
        does not show. Where its kind asks nothing of the sort, there is no compartment."""
        kind, need = kinds.get(self.need.kind), self.need
        if not kind.has_answers_of(self.role):
            return
        own = json.dumps(kind.answers_of(self.role, answers), ensure_ascii=False)
        _, opened = Compartment.objects.make(
            self.purpose, need.slot_owner, need.slot_number, list(readers), at
        )
        self.answers = opened.seal_text(own, "task", "answers", self.id)

    def read_answers(self, unlocked: Unlocked) -> dict[str, Any]:
        """What was written for whoever takes it alone. Raises Unreadable for everybody else."""
        if self.answers is None:
            # Nothing of the sort was asked, or it is over.
            return {}
        opened = self.need.open_compartment(self.purpose, unlocked)
        found: dict[str, Any] = json.loads(
            opened.open_text(bytes(self.answers or b""), "task", "answers", self.id)
        )
        return found

    def forget_answers(self) -> None:
        """It is over: what was written for it goes, though its need lives on. Inside that transaction."""
        Compartment.objects.of(self.need.slot_owner).filter(purpose=self.purpose).delete()
        type(cast("Task", self)).objects.filter(pk=self.id).update(answers=None)
        self.answers = None
        self.need.look_again()
