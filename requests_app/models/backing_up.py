"""A backup: somebody she said yes to, who opens nothing before somebody else cannot come."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast

from django.db import models, transaction
from django.db.models import Max

from notify import outbox
from organisation import kinds
from privacy.compartments import Reader
from privacy.crypto import Unreadable, fingerprint
from privacy.models import Compartment
from privacy.states import SomebodyWasFaster
from requests_app.models.approving import CanBeApproved
from requests_app.models.asked import DESK
from requests_app.models.called_off import CalledOff
from requests_app.models.claim_queryset import APPROVED, BACKUP, DECLINED, STANDBY
from requests_app.models.proposal import Proposal
from requests_app.models.reveal import Reveal
from requests_app.models.shared import NOTE, PLACE, THREAD
from requests_app.models.tap import Tap
from requests_app.models.trusted import NotAlone
from requests_app.readers import Unlocked

if TYPE_CHECKING:
    from requests_app.models.claim import Claim
    from requests_app.models.task import Task


class CanBeBackup(CanBeApproved):
    """That part of a claim (requests_app/models/claim.py)."""

    # Of the key a backup had when the answer was yes: another one is granted nothing before she has seen it.
    agreed_key = models.BinaryField(max_length=16, null=True)

    class Meta:
        abstract = True

    @property
    def is_backup(self) -> bool:
        """Comes if somebody else cannot; opens nothing until then."""
        return self.status == BACKUP

    @property
    def was_backup(self) -> bool:
        """Was the backup, and comes now."""
        return self.is_approved and self.agreed_key is not None

    def can_still_back_up(self, task: Task, at: datetime) -> bool:
        """Whether they can be sent to this task now: nobody said no, their offer stands, they are on no
        break, and not alone where they are new."""
        claim = cast("Claim", self)
        stands = claim.offer is not None and claim.offer.active
        may = stands and self.volunteer.may_act(at) and not self.need.refuses(self.volunteer)
        return may and claim.is_accompanied(at, task)

    def _agree(self, at: datetime) -> None:
        """The yes to a backup. There is no thread, and nothing of hers has one reader more."""
        self._move(BACKUP, at, held_until=None, agreed_key=fingerprint(self.volunteer.reader().public_key))
        self.task._move("approved", at)

    def promote(self, unlocked: Unlocked | None, task: Task, at: datetime) -> None:
        """The backup comes now, for `task`: instead of whoever has it, if anybody does. Twice is harmless.

        What `unlocked` opens is granted at once; without it, at her next visit. Raises SomebodyWasFaster
        where this one is nobody's backup any more, or does not back this task; NotAlone where they are new,
        and nobody experienced would be beside them.
        """
        task.lapse_overdue(at)
        ended: Claim | None = None
        with transaction.atomic():
            self._see(at)
            place = ""
            if self.is_backup:
                holder = self._holder(task, at)
                self.volunteer.refresh_from_db(fields=["probation"])
                if not cast("Claim", self).is_accompanied(at, task):
                    raise NotAlone
                place = self._place_of(holder, unlocked, at)
                ended = self._make_room(holder, at)
                self.promote_unattended(task, at)
            elif not self.was_backup:
                raise SomebodyWasFaster
            if unlocked is not None:
                self._reveal_to_backup(unlocked, place, at)
        if ended is not None:
            ended.finish_soon()

    def waits_for(self, giver: Reader) -> bool:
        """Whether `giver` could pass something on to this one, who was sent with nobody there to do it."""
        if not self.was_backup or self.key_changed():
            return False
        note, place, to = self.need.compartment(NOTE), self.need.compartment(PLACE), self.volunteer.reader()
        note_waits = note is not None and not note.can_be_opened_by(to, self.slot_owner)
        place_waits = place is not None and self.place is None
        return (note_waits and note.can_be_opened_by(giver)) or (  # type: ignore[union-attr]
            place_waits and place.can_be_opened_by(giver)  # type: ignore[union-attr]
        )

    def promote_by_desk(self, unlocked: Unlocked | None, task: Task, at: datetime) -> None:
        """As `promote`, by the desk: instead of somebody who comes only where it decides, or where they did
        not say what was expected. One who was sent with nobody there is passed on what the desk may open.
        Raises SomebodyWasFaster, NotAlone."""
        comes = task.claims.approved().exclude(pk=self.pk).first()
        hers = comes is not None and self.need.decides != DESK
        if hers and not Tap.objects.not_said_by(comes, at).exists():
            raise SomebodyWasFaster
        self.promote(unlocked, task, at)

    def promote_unattended(self, task: Task, at: datetime) -> None:
        """The backup takes `task`, which nobody has any more: nobody who holds a key need be there, so note
        and place may wait. Inside the transaction that holds the need's lock."""
        backed = self.task
        last = task.claims.aggregate(Max("place_in_line"))["place_in_line__max"] or 0
        if task.is_open:
            task._move("held", at, escalate_after=None)
        self._move(APPROVED, at, task=task, place_in_line=last + 1)
        task._move("approved", at, urgent=False)
        Proposal.objects.update_or_create(
            task=task, volunteer=self.volunteer, defaults={"outcome": Proposal.CLAIMED}
        )
        CalledOff.objects.take_back(self.volunteer)
        readers = [self.need.mailbox.reader()]
        readers += [self.volunteer.reader()] if self._has_agreed_key() else []
        Compartment.objects.make(THREAD, self.slot_owner, self.slot_number, readers, at)
        if len(readers) > 1:
            Reveal.objects.to_claim(cast("Claim", self), THREAD, at)
        self.look_again()
        Tap.objects.plan(cast("Claim", self), at)
        for who in (self.volunteer_id, self.need_id):
            outbox.queue(who, f"claim:{self.id}:promoted", at, pace="now")
        # Somebody else may be the backup now.
        backed.free_again(at)
        self.need.let_newcomers_go(at)

    def _holder(self, task: Task, at: datetime) -> Claim | None:
        """Whoever has `task` and makes room. Raises SomebodyWasFaster where it is not to be had."""
        task.refresh_from_db(fields=["status", "escalate_after"])
        backs = kinds.get(self.need.kind).backs(self.task.role)
        if task.need_id != self.need_id or task.role not in backs or task.status not in _TO_BE_TAKEN:
            raise SomebodyWasFaster
        holder = task.claims.holding(at).select_related("volunteer", "need").first()
        if holder is not None:
            holder.task, holder.need = task, self.need
        return holder

    def _make_room(self, holder: Claim | None, at: datetime) -> Claim | None:
        """They have it no longer: expected no more where they were, else standing by again."""
        if holder is None:
            return None
        if holder.is_approved:
            holder.leave_within(DECLINED, at, passes_on=False)
            return holder
        holder._give_up_hold(at)
        holder._move(STANDBY, at, held_until=None)
        outbox.queue(holder.volunteer_id, f"claim:{holder.id}:back", at, pace="changed")
        return None

    def _has_agreed_key(self) -> bool:
        return fingerprint(self.volunteer.reader().public_key) == bytes(self.agreed_key or b"")

    def _reveal_to_backup(self, unlocked: Unlocked, place: str, at: datetime) -> None:
        if place:
            # The desk, where it knows it, stays its reader: it can pass it on to a new key of theirs.
            also = [unlocked.reader] if unlocked.reader.kind == "desk" else []
            self.seal_place(place, at, *also)
        if not self.key_changed():
            # Else not before she said yes to the new key (approve_key).
            self.need._settle_one(cast("Claim", self), unlocked, at)

    def _place_of(self, holder: Claim | None, unlocked: Unlocked | None, at: datetime) -> str:
        """Where she wrote to whoever makes room that they meet: the backup comes there. What she wrote
        to anybody else is for them alone. "" where nothing is known."""
        if holder is None or unlocked is None or kinds.get(self.need.kind).host_seals_place:
            return ""
        try:
            return holder.read_place(unlocked, at)
        except Unreadable:
            return ""


_TO_BE_TAKEN = ("open", "held", "approved")
