"""That somebody was asked, and who is never brought together again."""

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Count

from privacy.fields import FieldClasses, random_key

if TYPE_CHECKING:
    from requests_app.models.need import Need


class ProposalQuerySet(models.QuerySet["Proposal"]):
    def asked_counts(self, at: datetime) -> dict[uuid.UUID, int]:
        """task id → how many were asked about it, of the tasks of needs that live. One query."""
        live = self.filter(task__need__status="open", task__need__expires_at__gt=at)
        return dict(live.filter(asked_at__isnull=False).values_list("task_id").annotate(Count("pk")))

    def about(self, need: "Need") -> "ProposalQuerySet":
        """Who was asked about one need, in the order they were asked."""
        rows = self.filter(task__need=need, asked_at__isnull=False)
        return rows.select_related("task", "volunteer").order_by("task__position", "ring", "-score", "pk")


class Proposal(models.Model):
    """One volunteer was asked about one task: when (hour), how well it fits and why, and what came of it."""

    id = random_key()
    ASKED, CLAIMED, DECLINED = "asked", "claimed", "declined"

    task = models.ForeignKey("requests_app.Task", models.CASCADE, related_name="proposals")
    volunteer = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="proposals")
    asked_at = models.DateTimeField(null=True)
    ring = models.PositiveSmallIntegerField(default=0)
    score = models.IntegerField(default=0)
    reasons = models.JSONField(default=list)
    outcome = models.CharField(max_length=16, default=ASKED)

    objects = ProposalQuerySet.as_manager()

    privacy = FieldClasses(
        clear=(
            "id",
            "task",
            "volunteer",
            "asked_at",
            "ring",
            "score",
            "reasons",
            "outcome",
        ),
        lives="until its need is purged",
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["task", "volunteer"], name="proposal_once_per_task")]


class NeverMatch(models.Model):
    """This mailbox and this volunteer are not brought together. Which side said so is not kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    mailbox = models.ForeignKey("requests_app.Mailbox", models.CASCADE, related_name="never")
    volunteer = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="never")

    privacy = FieldClasses(clear=("id", "mailbox", "volunteer"), lives="until the mailbox ends")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mailbox", "volunteer"], name="never_match_once")]
