"""Who is asked, in what order: ring after ring of the best, at the end the desk."""

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
    """Ask the next ring about an open task; after the last one, tell the desk. Twice is harmless.

    A ring in which nobody fits is passed over: nobody waits for nobody.
    """
    with transaction.atomic():
        need = Need.objects.lock(task.need_id)
        task.refresh_from_db(fields=["status", "ring", "escalate_after"])
        if task.status != "open" or not need.lives(at) or task.escalate_after is None:
            return
        kind, asked = kinds.get(need.kind), list[UUID]()
        while task.ring < len(kind.rings) and not asked:
            asked = _propose(task, need, at, kind.rings[task.ring])
            # Rounded, as holds are: it would say to the second when she asked.
            task.escalate(clock.quarter_up(at + kind.pace(need.begins_at(), at)))
        if not asked:
            desk.tell(f"task:{task.id}:untaken:{task.ring}", at)
            task.escalate(None)
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
