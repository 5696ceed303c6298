"""Who is asked, in what order: ring after ring of the best, at the end the desk."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from notify import outbox
from organisation import kinds
from privacy import clock
from requests_app import matching
from requests_app.models import Need, Proposal, Task
from volunteers.models import Volunteer


def ask_next(task: Task, at: datetime) -> None:
    """Ask the next ring about an open task; after the last one, tell the desk. Twice is harmless."""
    with transaction.atomic():
        need = Need.objects.lock(task.need_id)
        task.refresh_from_db(fields=["status", "ring", "escalate_after"])
        if task.status != "open" or not need.lives(at) or task.escalate_after is None:
            return
        kind = kinds.get(need.kind)
        if task.ring < len(kind.rings):
            _propose(task, at, kind.rings[task.ring])
            task.escalate(at + kind.pace(need.begins_at(), at))
        else:
            _tell_desk(task, at)
            task.escalate(None)


def _propose(task: Task, at: datetime, count: int) -> None:
    """Make proposals of the best who were not asked yet, and tell each there is news."""
    asked = set(task.proposals.values_list("volunteer_id", flat=True))
    matches = {m.volunteer_id: m for m in matching.best(task, at, count, but_not=asked)}
    volunteers: dict[UUID, Volunteer] = Volunteer.objects.in_bulk(list(matches))
    Proposal.objects.bulk_create(
        [
            Proposal(
                task=task,
                volunteer_id=match.volunteer_id,
                asked_at=clock.hour(at),
                ring=task.ring,
                score=match.score,
                reasons=list(match.reasons),
            )
            for match in matches.values()
        ],
        ignore_conflicts=True,
    )
    for volunteer_id in matches:
        volunteers[volunteer_id].mark_asked(at)
        outbox.queue(volunteer_id, f"task:{task.id}:asked", at, pace="now")


def _tell_desk(task: Task, at: datetime) -> None:
    for coordinator in Volunteer.objects.coordinators():
        outbox.queue(coordinator.id, f"task:{task.id}:untaken:{task.ring}", at, pace="now")
