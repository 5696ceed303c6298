"""What happened to a need: ids and verbs, never values. Dies with its need."""

from datetime import datetime
from uuid import UUID

from django.db import models
from django.db.models import Max

from privacy.fields import FieldClasses, random_key


class EventQuerySet(models.QuerySet["Event"]):
    def last_moves(self, to: str, at: datetime) -> dict[UUID, datetime]:
        """task id → the hour in which it last became `to`, of the tasks of needs that live. One query."""
        live = self.filter(verb=to, need__status="open", need__expires_at__gt=at)
        rows = live.filter(task__isnull=False).values_list("task_id").annotate(Max("happened_at"))
        return dict(rows)


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
