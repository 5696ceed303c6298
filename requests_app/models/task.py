"""A task: the unit one volunteer takes."""

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from django.db import IntegrityError, models, transaction
from django.db.models import Exists, OuterRef, Q

from notify import outbox
from organisation import kinds, legs
from privacy import clock
from privacy.crypto import SealingImpossible, Unreadable
from privacy.due import DueQuerySet, DueRow
from privacy.fields import FieldClasses
from privacy.keyring import keyring
from privacy.states import SomebodyWasFaster, Stateful
from requests_app.models import claim as claims
from requests_app.models.asked import FIRST, Asked
from requests_app.models.asking_on import IsAskedFor
from requests_app.models.event import Event
from requests_app.models.mailbox import Mailbox
from requests_app.models.need import Need
from requests_app.models.need_day import NeedDay
from requests_app.models.proposal import Proposal
from requests_app.models.taken import Taken
from requests_app.models.trusted import NotNow
from volunteers import desk
from volunteers.models import Offer, Volunteer

if TYPE_CHECKING:
    from requests_app.models.claim import Claim

OPEN, HELD, APPROVED, DONE, CLOSED = "open", "held", "approved", "done", "closed"
LIVE = (OPEN, HELD, APPROVED)


class TaskQuerySet(DueQuerySet["Task"]):
    def live(self, at: datetime) -> "TaskQuerySet":
        """Tasks of needs that live."""
        return self.filter(status__in=LIVE, need__status="open", need__expires_at__gt=at)

    def free(self, at: datetime) -> "TaskQuerySet":
        """Tasks somebody can take now: open, or held by a hold whose time is over."""
        held = claims.Claim.objects.filter(task=OuterRef("pk")).holding(at)
        return self.live(at).exclude(Exists(held))

    def to_escalate(self, at: datetime) -> "TaskQuerySet":
        lives = self.filter(need__status="open", need__expires_at__gt=at, need__mailbox__held_back=False)
        return lives.filter(status=OPEN, escalate_after__lte=at)

    def due_with(self, task: "Task", at: datetime) -> "list[Task]":
        """This task as its caller sees it, and the others of its need that are due: who is asked about
        several at once is asked once."""
        others = self.to_escalate(at).filter(need=task.need_id).exclude(pk=task.pk).order_by("position")
        return [task, *others.select_related("need")]

    def on_the_desk(self, at: datetime) -> "TaskQuerySet":
        """What the desk looks at: every task of a need that lives, the oldest first."""
        return (
            self.live(at)
            .select_related("need", "need__area")
            .order_by("need__asked_at", "need_id", "position")
        )

    def of_need(self, need_id: uuid.UUID) -> "TaskQuerySet":
        """The tasks of one need, with it: anybody else's is a 404."""
        return self.filter(need=need_id).select_related("need")

    def for_board(self) -> "TaskQuerySet":
        """With what a row of the board shows."""
        return self.select_related("need", "need__area", "need__mailbox")

    def make(self, need: Need, asked: Asked, at: datetime) -> list["Task"]:
        """The tasks of a new need, with their days; the broom asks the first volunteers when it next looks,
        or (paused) not."""
        after, kind = None if asked.paused else clock.quarter_down(at), kinds.get(need.kind)
        tasks = [
            Task(id=uuid.uuid4(), need=need, role=spec.role, position=position, escalate_after=after)
            for position, spec in enumerate(kind.tasks)
            if spec.role in kind.roles(asked.answers)
        ]
        first = kind.tasks[0].role
        parts = legs.windows(kind, asked.answers, {**asked.parts_of, first: need.parts})
        for task in tasks:
            own = 0 if task.role == first else parts[task.role]
            task.set_times(own, kind.is_at_any_hour(task.role, asked.answers))
        need.seal_legs(tasks, asked, at)
        self.bulk_create(tasks)
        NeedDay.objects.make(tasks)
        return tasks

    def follow_the_dates(self, need: Need) -> None:
        """The dates of their need changed: those that are not over follow."""
        tasks = list(self.unfinished())
        for task in tasks:
            task.need = need
            task.set_times()
        self.bulk_update(tasks, ["parts", "covers", "any_bits", "all_bits", "last_hour"])
        NeedDay.objects.make(tasks)

    def write_again(self, need: Need, asked: Asked, at: datetime) -> None:
        """Her answers once more, under a new key, for what is not done yet."""
        tasks = list(self.unfinished())
        for task in tasks:
            task.need = need
        need.seal_legs(tasks, asked, at)
        self.bulk_update(tasks, ["answers"])

    def let_go(self, at: datetime) -> None:
        """The need lost its key, or is paused: whoever has one of these is free again, nobody is asked."""
        for task in self.unfinished().exclude(status=OPEN):
            task._move(OPEN, at)
        self.filter(status=OPEN).update(escalate_after=None)

    def ask_on(self, at: datetime) -> None:
        """The desk has looked: whoever is asked next is asked from now on."""
        self.filter(status=OPEN).update(escalate_after=clock.quarter_down(at))

    def take_back_news(self) -> None:
        """Nobody is asked about these any more: whoever was, and has not heard of it yet, does not."""
        tasks = list(self)
        Proposal.objects.take_back([task.pk for task in tasks])
        left = claims.Claim.objects.filter(task__in=tasks).values_list("pk", flat=True)
        keys = [task.untaken_key() for task in tasks] + [f"claim:{pk}:broken-off" for pk in left]
        outbox.take_back([(who, key) for who in desk.who_is_told() for key in keys])

    def ask_again(self, at: datetime) -> None:
        """She wrote it again, or lets people see it again: ask from the first ring on, also those who were
        asked before."""
        Proposal.objects.filter(task__in=self.filter(status=OPEN)).exclude(outcome=Proposal.DECLINED).delete()
        self.filter(status=OPEN).update(ring=0, escalate_after=clock.quarter_down(at))

    def not_closed(self) -> "TaskQuerySet":
        """Whatever was asked and not given up, in order: what is done as well."""
        return self.exclude(status=CLOSED).order_by("position")

    def unfinished(self) -> "TaskQuerySet":
        """Neither done nor closed."""
        return self.filter(status__in=LIVE)

    def to_be_done(self, kind: str) -> "TaskQuerySet":
        """Those of a need of this kind without which it is not done: not its backups."""
        return self.exclude(role__in=kinds.get(kind).backup_roles())

    def close_all(self, met: bool, at: datetime) -> None:
        """The need ended: what was not done closes with it."""
        for task in self.unfinished():
            task._move(DONE if met and task.status == APPROVED else CLOSED, at)


class Task(IsAskedFor, Stateful, DueRow):
    """One unit of a need that one volunteer takes: a stay, a leg, a companion."""

    MOVES = {
        OPEN: {HELD: "claim, step_in, approve, free_again, promote", CLOSED: "close_all"},
        HELD: {
            OPEN: "free_again, let_go",
            APPROVED: "approve, approve_unattended, promote",
            CLOSED: "close_all",
        },
        APPROVED: {OPEN: "free_again, let_go, promote", DONE: "finish, met", CLOSED: "close_all"},
        DONE: {},
        CLOSED: {},
    }

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    need = models.ForeignKey(Need, models.CASCADE, related_name="tasks")
    role = models.SlugField(max_length=40)
    status = models.CharField(max_length=16, default=OPEN)

    objects = TaskQuerySet.as_manager()

    privacy = FieldClasses(
        sealed=("answers",),
        clear=(
            *("id", "need", "role", "position", "status", "ring", "escalate_after", "parts", "covers"),
            *("urgent", "more_to_ask", "lease_token", "lease_until", "attempts", "retry_after"),
        ),
        derived=("any_bits", "all_bits", "last_hour"),
        lives="until its need is purged",
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["need", "role"], name="task_role_once")]
        indexes = [
            models.Index(
                fields=["escalate_after"],
                condition=Q(status=OPEN, escalate_after__isnull=False),
                name="task_due_escalate",
            )
        ]

    @property
    def is_open(self) -> bool:
        """Nobody holds it."""
        return self.status == OPEN

    @property
    def is_backup(self) -> bool:
        """Whoever has it comes only if somebody else cannot."""
        return bool(kinds.get(self.need.kind).backs(self.role))

    # Verbs

    def claim(
        self,
        by: Volunteer,
        offer: Offer,
        at: datetime,
        place: str = "",
        reasons: Sequence[str] = (),
        is_address: bool = False,
    ) -> "Claim":
        """`by` takes this task: a hold until a time, or at once where the first volunteer decides.

        `place` is where a host can be found, `is_address` says that it is no meeting point; `reasons`
        are matching's codes. Raises SomebodyWasFaster where the task is not free, NotNow where
        this volunteer may not act (paused, suspended, took enough this week; NotChecked, NotAlone: see
        trusted.py), claims.NotForYou where the
        answer was no, or where they have the part of somebody else already.
        """
        claim = self._new_claim(by, offer, is_address)
        return self._take(claim, at, place, reasons, standing_by=False)

    def stand_by(
        self,
        by: Volunteer,
        offer: Offer,
        at: datetime,
        place: str = "",
        reasons: Sequence[str] = (),
        is_address: bool = False,
    ) -> "Claim":
        """`by` is there if the one who holds it cannot come; holds it where nobody does. As `claim`."""
        claim = self._new_claim(by, offer, is_address)
        return self._take(claim, at, place, reasons, standing_by=True)

    def _new_claim(self, by: Volunteer, offer: Offer, is_address: bool) -> "Claim":
        return claims.Claim(
            id=uuid.uuid4(), task=self, volunteer=by, offer=offer, place_is_address=is_address
        )

    def _take(
        self, claim: "Claim", at: datetime, place: str, reasons: Sequence[str], standing_by: bool
    ) -> "Claim":
        self.lapse_overdue(at)
        slot = keyring().allocate(claim.slot_owner)
        claim.slot_number = slot.number
        try:
            with transaction.atomic():
                self._store_claim(claim, at, place, reasons, standing_by)
        except BaseException as error:
            keyring().destroy(slot.number, claim.slot_owner)
            keyring().release(slot.number, claim.slot_owner)
            if isinstance(error, IntegrityError):
                raise SomebodyWasFaster from None
            raise
        return claim

    def _store_claim(
        self,
        claim: "Claim",
        at: datetime,
        place: str,
        reasons: Sequence[str],
        standing_by: bool,
    ) -> None:
        volunteer = Volunteer.objects.lock(claim.volunteer_id)
        need = Need.objects.lock(self.need_id)
        Mailbox.objects.hold(need.mailbox_id)
        self.refresh_from_db(fields=["status"])
        claim.task, claim.need = self, need
        if not need.lives(at) or self.status not in (LIVE if standing_by else (OPEN,)):
            raise SomebodyWasFaster
        # Whoever held it left meanwhile: nobody stands by for nobody.
        standing_by = standing_by and not self.is_open
        if need.refuses(volunteer) or need.is_taken_elsewhere_by(volunteer, self.pk, at):
            raise claims.NotForYou
        if not volunteer.may_act(at) or (not standing_by and Taken.objects.are_enough(volunteer, at)):
            raise NotNow
        claim.volunteer = volunteer
        claim.refuse_unless_trusted(at)
        if not standing_by:
            need.drop_past_nights(at)
            self._move(HELD, at, escalate_after=None)
        claim.begin(standing_by, reasons, at)
        if kinds.get(need.kind).host_seals_place:
            claim.seal_place(place, at)
        if need.decides == FIRST and not standing_by:
            claim.approve_unattended(at)

    def lapse_overdue(self, at: datetime) -> None:
        """End a hold on this task whose time is over; the broom need not have come."""
        for claim in self.claims.overdue(at):
            claim.lapse(at)

    def free_again(self, at: datetime, passes_on: bool = True) -> None:
        """The one who had it has it no longer: the next who stands by holds it, or its backup comes, or it is
        open. After a yes it is asked for anew; where nobody was left to ask, the desk hears that it is free.

        Call inside the transaction that ended the claim. Not `passes_on`: the caller has somebody for it.
        """
        if not self.has_time_left(at):
            # What is over is not asked for any more.
            self._move(OPEN, at, escalate_after=None)
            return
        if self.status == APPROVED:
            self.ask_anew(at)
        self._move(OPEN, at, escalate_after=clock.quarter_down(at))
        if passes_on and not self._is_passed_on(at) and self.everybody_was_asked:
            self._tell_desk_again(at)

    def _tell_desk_again(self, at: datetime) -> None:
        """It knew once, and somebody had it since. For whom nobody is asked, it has to look first anyway."""
        if not self.need.is_held_back():
            self.tell_desk(at)

    def _is_passed_on(self, at: datetime) -> bool:
        """Whether somebody who stood by, or the backup, has it now."""
        for claim in self.claims.standing_by():
            if claim.can_be_passed_on(at) and self._pass_to(claim, at, partial(claim.hold, at)):
                return True
        for claim in self._backups():
            if claim.can_still_back_up(self, at) and self._pass_to(
                claim, at, partial(claim.promote_unattended, self, at)
            ):
                return True
        return False

    def _backups(self) -> list["Claim"]:
        """Who is there for the case that nobody has this task any more."""
        found = claims.Claim.objects.filter(need=self.need_id).backups()
        kind = kinds.get(self.need.kind)
        backups = [claim for claim in found if self.role in kind.backs(claim.task.role)]
        for claim in backups:
            claim.need = self.need
        return backups

    def _pass_to(self, claim: "Claim", at: datetime, take: Callable[[], None]) -> bool:
        """Whether this one, who stood by or was the backup, has it now."""
        try:
            with transaction.atomic():
                self._move(HELD, at, escalate_after=None)
                take()
        except (SomebodyWasFaster, Unreadable, SealingImpossible):
            # Their last bed went at this moment, their row is damaged, or no key can be made. Whoever leaves
            # leaves all the same.
            self.refresh_from_db(fields=["status", "escalate_after"])
            return False
        return True

    def finish(self, at: datetime) -> None:
        """It was done. Call inside the transaction that finished the claim."""
        self._move(DONE, at, urgent=False)
        self.forget_answers()
        Task.objects.filter(pk=self.pk).take_back_news()

    def _moved(self, to: str, at: datetime) -> None:
        if to == HELD:
            # Asking stops at this moment, also where a ring is being told of it just now.
            Task.objects.filter(pk=self.pk).take_back_news()
        Event.objects.create(need_id=self.need_id, task=self, verb=to, happened_at=clock.hour(at))
