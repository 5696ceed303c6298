"""Who is asked, in what order: ring after ring of the best, then the desk, then whoever fits newly."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from notify import outbox
from organisation import kinds
from privacy import clock
from requests_app import matching
from requests_app.models import Need, Proposal, Task
from volunteers import desk
from volunteers.models import Volunteer


def ask_next(task: Task, at: datetime) -> None:
    """Ask the next ring about an open task. Twice is harmless.

    Where nobody fits who was not asked, or after the last ring, the desk is told, once; from then on whoever
    fits newly is asked at the same pace: somebody who joins, or comes back from a break.
    """
    with transaction.atomic():
        need = Need.objects.lock(task.need_id)
        task.refresh_from_db(fields=["status", "ring", "escalate_after"])
        if task.status != "open" or not need.lives(at) or task.escalate_after is None:
            return
        kind = kinds.get(need.kind)
        last = len(kind.rings)
        asked = _propose(task, need, at, kind.rings[min(task.ring, last - 1)])
        ring = task.ring + 1 if asked and task.ring < last else last + 1
        if ring > last:
            desk.tell(f"task:{task.id}:untaken", at)
        # Rounded, as holds are: it would say to the second when she asked.
        task.escalate(ring, clock.quarter_up(at + kind.pace(need.begins_at(), at)))
    # Not under the need's lock: whoever claims takes the locks of volunteer and need the other way round.
    for volunteer in Volunteer.objects.in_bulk(asked).values():
        volunteer.mark_asked(at)


def _propose(task: Task, need: Need, at: datetime, count: int) -> list[UUID]:
    """Make proposals to the best who were not asked yet, tell each there is news; who they are."""
    before = set(task.proposals.values_list("volunteer_id", flat=True))
    if kinds.get(need.kind).one_person_each:
        before |= set(need.claims.live().values_list("volunteer_id", flat=True))
    matches = matching.best(task, at, count, but_not=before)
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
            for match in matches
        ],
        ignore_conflicts=True,
    )
    for match in matches:
        outbox.queue(match.volunteer_id, f"task:{task.id}:asked", at, pace="now")
    return [match.volunteer_id for match in matches]
