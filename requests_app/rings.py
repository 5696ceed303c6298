"""Who is asked, in what order, how often at most: ring after ring of the best, then the desk, then a partner.

How far it has got is one number, Task.ring: how many rings of its kind were asked; one more when the desk was
told, and one more when a partner was asked.

An ask of each volunteer is reserved first (volunteers/asks.py), under their lock and no other. Then, under
the need's lock, it is proposed, if all is as it was seen. Whoever claims takes the locks of volunteer and
need in this order as well, so nobody waits in a circle. What was reserved and not used is given back; a
process that dies in between has counted one ask too many, never one too few.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import transaction

from notify import outbox
from organisation import kinds
from privacy import clock
from requests_app import matching
from requests_app.matching import Match
from requests_app.models import Event, Need, NeverMatch, Proposal, Reveal, Task
from requests_app.models.asking_on import PARTNER_ASKED
from volunteers import asks
from volunteers.models import Volunteer

# How many partner organisations are asked at once.
MOST_PARTNERS = 3


@dataclass
class Look:
    """One task whose turn it is, as it was seen, and who is to be asked about it."""

    task: Task
    full: bool
    best: list[Match] = field(default_factory=list)
    partners: list[Match] = field(default_factory=list)
    more: int = 0

    def is_as_seen(self) -> bool:
        """Under the need's lock: nobody has taken the task, or asked about it, since it was looked at."""
        task, seen = self.task, (self.task.ring, self.task.escalate_after)
        task.refresh_from_db(fields=["status", "ring", "escalate_after", "urgent"])
        return task.is_open and (task.ring, task.escalate_after) == seen


class Asking:
    """One moment at which people are asked about one need: each once, about whichever of its tasks."""

    def __init__(self, at: datetime) -> None:
        self.at, self.most = at, asks.most_per_day()
        self.reserved: set[UUID] = set()
        self.had_enough: set[UUID] = set()

    def look(self, tasks: list[Task]) -> list[Look]:
        """Find whose turn it is, and reserve an ask of each."""
        looks = [self._find(task) for task in tasks]
        # All are found before anybody is reserved: who has one ask left is asked about both ways.
        for look in looks:
            look.best = self._reserve(look.task, look.best)
            look.partners = self._reserve(look.task, look.partners, partners=True)
            look.more = self._more(look)
        return looks

    def _find(self, task: Task) -> Look:
        rings = kinds.get(task.need.kind).rings
        last, most = len(rings), rings[min(task.ring, len(rings) - 1)]
        # Where the last ring was full, more people fit than are to be asked: the desk takes over.
        look = Look(task, full=task.ring == last and task.proposals.filter(ring=last - 1).count() >= most)
        if task.urgent:
            # Whoever was on the way cannot go on: all the rings at once, until somebody takes it.
            most, look.full = sum(rings), False
        left_out = barred(task)
        if not look.full:
            look.best = matching.best(task, self.at, most, left_out)
        if task.ring > last and task.need.partner_ok:
            look.partners = matching.best(task, self.at, MOST_PARTNERS, left_out, partners=True)
        return look

    def _reserve(self, task: Task, found: list[Match], partners: bool = False) -> list[Match]:
        """Those of them who may be asked; the next best in the place of whoever had enough meanwhile."""
        wanted, held, tried = len(found), list[Match](), barred(task)
        while found:
            held += [match for match in found if self._is_reserved(match.volunteer_id)]
            tried |= {match.volunteer_id for match in found}
            missing = wanted - len(held)
            found = matching.best(task, self.at, missing, tried, partners=partners) if missing else []
        return held

    def _is_reserved(self, volunteer_id: UUID) -> bool:
        """Whether they may be asked: about two tasks of one need they are asked once."""
        if volunteer_id in self.reserved:
            return True
        if volunteer_id in self.had_enough or not asks.reserve(volunteer_id, self.most, self.at):
            self.had_enough.add(volunteer_id)
            return False
        self.reserved.add(volunteer_id)
        return True

    def _more(self, look: Look) -> int:
        """How many more the rings to come would ask, as it is now."""
        found = {match.volunteer_id for match in look.best}
        rings = kinds.get(look.task.need.kind).rings
        count = 0 if look.task.urgent else sum(rings[look.task.ring + 1 :])
        left_out = barred(look.task) | found
        return len(matching.best(look.task, self.at, count, left_out)) if count and found else 0


def ask_next(task: Task, at: datetime) -> None:
    """Ask the next ring about an open task, and about others of its need that are due as well; at the end the
    desk is told, once for each time it was lost, and then, where she said yes to that, partners are asked.
    What is over is asked for no more.

    Where nobody fits who was not asked, nobody waits for the other rings: the desk is told at once. Who fits
    newly afterwards (somebody who joins, or comes back from a break) is asked at the same pace. Of two who do
    it at the same moment, from what they both saw, one does it.
    """
    due = _due_and_not_over(task, at)
    if not due:
        return
    asking, asked = Asking(at), set[UUID]()
    try:
        looks = asking.look(due)
        with transaction.atomic():
            need = Need.objects.lock(task.need_id)
            if need.lives(at) and not need.is_held_back():
                asked = _ask(need, looks, at)
    finally:
        asks.give_back(asking.reserved - asked, at)
    for volunteer in Volunteer.objects.in_bulk(list(asked)).values():
        volunteer.mark_asked(at)


def _due_and_not_over(task: Task, at: datetime) -> list[Task]:
    """This one, and what else of its need is due. What is over is asked for no more, nor are nights that
    nobody took in time."""
    with transaction.atomic():
        need = Need.objects.lock(task.need_id)
        if not need.lives(at) or need.is_held_back():
            return []
        is_left = need.drop_past_nights(at)
        # Its dates may be others now; how far the asking had got stays as its caller saw it.
        task.need = need
        task.refresh_from_db(fields=["parts", "covers", "any_bits", "all_bits", "last_hour"])
        due = Task.objects.due_with(task, at)
        over = [one for one in due if not is_left or not one.has_time_left(at)]
        for one in over:
            one.escalate(one.ring, None)
    return [one for one in due if one not in over]


def barred(task: Task) -> set[UUID]:
    """Who is not asked about it: whoever was, whoever has another part where each needs a person of its own,
    and who is not brought together with her."""
    need = task.need
    found = set(task.proposals.values_list("volunteer_id", flat=True))
    if kinds.get(need.kind).one_person_each:
        found |= set(need.claims.live().values_list("volunteer_id", flat=True))
    declined = Proposal.objects.filter(task__need=need, outcome=Proposal.DECLINED)
    found |= set(declined.values_list("volunteer_id", flat=True))
    return found | set(
        NeverMatch.objects.filter(mailbox=need.mailbox_id).values_list("volunteer_id", flat=True)
    )


def _ask(need: Need, looks: list[Look], at: datetime) -> set[UUID]:
    """Under the need's lock: propose what was found, tell each once that there is news. Who was asked.

    All of it or, where somebody was faster at one of the tasks, nothing: the next look sees how it is. Else
    they would fall out of step, and be asked about at two moments of one ring.
    """
    if not all(look.is_as_seen() for look in looks):
        return set()
    proposals = [proposal for look in looks for proposal in _propose(need, look, at)]
    told: dict[UUID, Proposal] = {}
    for proposal in proposals:
        told.setdefault(proposal.volunteer_id, proposal)
    for volunteer_id, proposal in told.items():
        outbox.queue(volunteer_id, proposal.news_key, at, pace="now")
    if told:
        Reveal.objects.on_board(need, len(told), at)
    return set(told)


def _propose(need: Need, look: Look, at: datetime) -> list[Proposal]:
    """The proposals about one task, and how far its asking has got."""
    task = look.task
    # Somebody may have taken it and left again since they were found.
    left_out = barred(task)
    best = [match for match in look.best if match.volunteer_id not in left_out]
    partners = [match for match in look.partners if match.volunteer_id not in left_out]
    proposals = Proposal.objects.make(task, [*best, *partners], at)
    _note_how_far(need, look, len(best), len(partners), at)
    return proposals


def _note_how_far(need: Need, look: Look, best: int, partners: int, at: datetime) -> None:
    task, kind = look.task, kinds.get(need.kind)
    last, was = len(kind.rings), task.ring
    # The moment is rounded, as holds are: it would say to the second when she asked.
    after = clock.quarter_up(at + kind.pace(task.begins_at(), at))
    if task.urgent:
        after = clock.quarter_down(at) + clock.QUARTER
        reached = last if was == 0 and best else max(was, last + 1)
        ring, look_again = last + 2 if partners else reached, True
    elif was < last and best:
        ring, look_again = was + 1, True
    else:
        ring = max(was, last + 1) if not partners else last + 2
        look_again = was < last or (not look.full and best < kind.rings[-1])
    is_last_look = not task.has_time_left(after)
    if is_last_look:
        # Who can still do something hears of it now.
        ring = max(ring, last + 1)
    if ring > last >= was:
        task.tell_desk(at)
    if ring == last + 2 > was:
        Event.objects.note(task, PARTNER_ASKED, at)
    look_again = not is_last_look and (look_again or (need.partner_ok and ring < last + 2))
    task.escalate(ring, after if look_again else None, look.more)
