"""That somebody was asked, and who is never brought together again."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Count

from notify import outbox
from privacy import clock
from privacy.fields import FieldClasses, random_key

if TYPE_CHECKING:
    from requests_app.matching import Match
    from requests_app.models.need import Need
    from requests_app.models.task import Task
    from volunteers.models import Volunteer


class ProposalQuerySet(models.QuerySet["Proposal"]):
    def asked_counts(self, at: datetime) -> dict[uuid.UUID, int]:
        """task id → how many were asked about it, of the tasks of needs that live. One query."""
        live = self.filter(task__need__status="open", task__need__expires_at__gt=at)
        return dict(live.filter(asked_at__isnull=False).values_list("task_id").annotate(Count("pk")))

    def about(self, need: "Need") -> "ProposalQuerySet":
        """Who was asked about one need, in the order they were asked."""
        rows = self.filter(task__need=need, asked_at__isnull=False)
        return rows.select_related("task", "volunteer").order_by("task__position", "ring", "-score", "pk")

    def make(self, task: "Task", matches: "list[Match]", at: datetime) -> "list[Proposal]":
        """These are asked about the task now. Under the need's lock: nobody else asks them."""
        return self.bulk_create(
            [
                Proposal(
                    task=task,
                    volunteer_id=match.volunteer_id,
                    asked_at=clock.hour(at),
                    ring=task.ring,
                    score=match.score,
                    reasons=list(match.reasons),
                )
                for match in matches
            ]
        )

    def take_back(self, tasks: Collection[uuid.UUID]) -> None:
        """Nobody is asked about these tasks any more: whoever has not heard of it yet does not, unless it is
        news of another task of that need. They were not asked, then, and can be when it is free again."""
        needs = self.filter(task__in=tasks).values("task__need")
        asked = list(self.filter(task__need__in=needs, asked_at__isnull=False).select_related("task"))
        elsewhere = {
            (row.task.need_id, row.volunteer_id)
            for row in asked
            if row.task.is_open and row.task_id not in tasks
        }
        self._take_back([row for row in asked if (row.task.need_id, row.volunteer_id) not in elsewhere])

    def take_back_of(self, needs: "Iterable[Need]") -> None:
        """The same of all of these needs."""
        asked = self.filter(task__need__in=[need.pk for need in needs], asked_at__isnull=False)
        self._take_back(asked.select_related("task"))

    def take_back_from(self, volunteer: "Volunteer") -> None:
        """The same of whatever this volunteer was asked."""
        asked = self.filter(volunteer=volunteer, asked_at__isnull=False)
        self._take_back(asked.select_related("task"))

    def _take_back(self, over: "Iterable[Proposal]") -> None:
        """Need by need, since whoever heard of one may not have heard of another."""
        of: defaultdict[uuid.UUID, list[Proposal]] = defaultdict(list)
        for row in over:
            of[row.task.need_id].append(row)
        for rows in of.values():
            unheard = outbox.take_back([(row.volunteer_id, row.news_key) for row in rows])
            never_asked = [row.pk for row in rows if row.volunteer_id in unheard]
            self.filter(pk__in=never_asked, outcome=Proposal.ASKED).delete()


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

    @property
    def news_key(self) -> str:
        """Under which the volunteer is told; of several made for them at one moment, the first."""
        return f"proposal:{self.pk}:asked"


class NeverMatch(models.Model):
    """This mailbox and this volunteer are not brought together. Which side said so is not kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    mailbox = models.ForeignKey("requests_app.Mailbox", models.CASCADE, related_name="never")
    volunteer = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="never")

    privacy = FieldClasses(clear=("id", "mailbox", "volunteer"), lives="until the mailbox ends")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mailbox", "volunteer"], name="never_match_once")]
