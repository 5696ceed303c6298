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
    """Ask the next ring about an open task; then the desk is told, once. Twice is harmless.

    Where nobody fits who was not asked, nobody waits for the other rings: the desk is told at once. Who fits
    newly afterwards (somebody who joins, or comes back from a break) is asked at the same pace.
    """
    asked: list[UUID] = []
    with transaction.atomic():
        need = Need.objects.lock(task.need_id)
        task.refresh_from_db(fields=["status", "ring", "escalate_after", "urgent"])
        if task.status != "open" or not need.lives(at) or task.escalate_after is None:
            return
        if need.drop_past_nights(at):
            asked = _ask(task, need, at)
        else:
            # Every night she asked for is over.
            task.escalate(task.ring, None)
    # Not under the need's lock: whoever claims takes the locks of volunteer and need the other way round.
    for volunteer in Volunteer.objects.in_bulk(asked).values():
        volunteer.mark_asked(at)


def _ask(task: Task, need: Need, at: datetime) -> list[UUID]:
    """Propose it to whose turn it is, and note how far the asking has got. Who was asked."""
    if task.urgent:
        return _ask_everybody(task, need, at)
    kind = kinds.get(need.kind)
    last, after = len(kind.rings), clock.quarter_up(at + kind.pace(task.begins_at(), at))
    # The moment is rounded, as holds are: it would say to the second when she asked.
    if task.ring < last:
        asked = _propose(task, need, at, kind.rings[task.ring])
        ring, look_again = (task.ring + 1 if asked else last + 1), True
    else:
        most = kind.rings[-1]
        # Where the last ring was full, more people fit than are to be asked: the desk takes over.
        full = task.ring == last and task.proposals.filter(ring=last - 1).count() >= most
        asked = [] if full else _propose(task, need, at, most)
        ring, look_again = last + 1, not full and len(asked) < most
    if ring > last and task.ring <= last:
        desk.tell(f"task:{task.id}:untaken", at)
    task.escalate(ring, after if look_again else None)
    return asked


def _ask_everybody(task: Task, need: Need, at: datetime) -> list[UUID]:
    """Whoever was on the way cannot go on: all the rings at once, and again as soon as can be, until somebody
    takes it. The desk heard of it when it happened."""
    circles = kinds.get(need.kind).rings
    asked = _propose(task, need, at, sum(circles))
    first = task.ring == 0 and bool(asked)
    task.escalate(len(circles) + (0 if first else 1), clock.quarter_down(at) + clock.QUARTER)
    return asked


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
