"""What happened to a need: ids and verbs, never values. Dies with its need."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models
from django.db.models import Max

from privacy import clock
from privacy.fields import FieldClasses, random_key

if TYPE_CHECKING:
    from requests_app.models.task import Task


class EventQuerySet(models.QuerySet["Event"]):
    def last_moves(self, to: str, at: datetime) -> dict[UUID, datetime]:
        """task id → the hour in which it last became `to`, of the tasks of needs that live. One query."""
        live = self.filter(verb=to, need__status="open", need__expires_at__gt=at)
        rows = live.filter(task__isnull=False).values_list("task_id").annotate(Max("happened_at"))
        return dict(rows)

    def last_of(self, tasks: "Iterable[Task]", verbs: Iterable[str]) -> dict[tuple[UUID, str], datetime]:
        """(task id, verb) → the last hour in which it happened, of these tasks. One query."""
        rows = self.filter(task__in=[task.pk for task in tasks], verb__in=list(verbs))
        return {
            (pk, verb): last
            for pk, verb, last in rows.values_list("task_id", "verb").annotate(Max("happened_at"))
        }

    def note(self, task: "Task", verb: str, at: datetime) -> None:
        """Something happened to a task that is no move of it."""
        self.create(need_id=task.need_id, task=task, verb=verb, happened_at=clock.hour(at))


class Event(models.Model):
    """One move of a need, a task or a claim, to the hour."""

    id = random_key()
    need = models.ForeignKey("requests_app.Need", models.CASCADE, related_name="events")
    task = models.ForeignKey("requests_app.Task", models.CASCADE, null=True, related_name="events")
    claim = models.ForeignKey("requests_app.Claim", models.CASCADE, null=True, related_name="events")
    verb = models.CharField(max_length=16)
    happened_at = models.DateTimeField()

    objects = EventQuerySet.as_manager()

    privacy = FieldClasses(
        clear=("id", "need", "task", "claim", "verb", "happened_at"),
        lives="until its need is purged",
    )
