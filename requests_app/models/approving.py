"""Her yes: the moment of reveal. Also the desk's for her, and the first volunteer's where she chose that."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from django.db import transaction

from notify import outbox
from organisation import kinds
from privacy.models import Compartment
from privacy.states import SomebodyWasFaster
from requests_app.models.asked import DESK
from requests_app.models.bed_night import BedNight
from requests_app.models.called_off import CalledOff
from requests_app.models.claim_queryset import APPROVED, HELD, LAPSED, RELEASED, STANDBY
from requests_app.models.reveal import Reveal
from requests_app.models.shared import PLACE, THREAD, KeyChanged, Shared
from requests_app.models.taken import Taken
from requests_app.models.tap import Tap
from requests_app.models.trusted import NotNow
from requests_app.readers import Unlocked

if TYPE_CHECKING:
    from requests_app.models.claim import Claim
    from requests_app.models.task import Task


class TooLate(Exception):
    """The hold ran out before the answer came."""


class CanBeApproved(Shared):
    """That part of a claim (requests_app/models/claim.py)."""

    class Meta:
        abstract = True

    if TYPE_CHECKING:
        task: Task
        status: str

        def _move(self, to: str, at: datetime, **changes: Any) -> None: ...
        def _give_up_hold(self, at: datetime) -> None: ...
        def _agree(self, at: datetime) -> None: ...
        def hold_until(self, at: datetime) -> datetime: ...
        def refuse_unless_trusted(self, at: datetime) -> None: ...
        def leave_within(self, to: str, at: datetime, passes_on: bool = True) -> str: ...
        def finish_soon(self) -> None: ...
        def _call_off(self, at: datetime) -> None: ...
        def wait_for_her_word(self, unlocked: Unlocked, at: datetime) -> None: ...

    def approve_unattended(self, at: datetime) -> None:
        """The first who is let in takes it: nobody who holds a key is there, so note and place wait."""
        self._approve(at)

    # Deciding

    def approve(self, unlocked: Unlocked, key_fingerprint: str, at: datetime, place: str = "") -> None:
        """Yes to this volunteer, with the key the page showed. The moment of reveal.

        `unlocked` is her mailbox, or the desk where she asked it to decide. Raises TooLate after
        the hold, KeyChanged, SomebodyWasFaster, NotNow.
        """
        self.task.lapse_overdue(at)
        with transaction.atomic():
            self._see(at)
            if self.key_fingerprint() != key_fingerprint:
                raise KeyChanged
            if self.status == STANDBY:
                self._take_over(at)
            elif self.status == LAPSED:
                raise TooLate
            if self.need.is_never_for(self.volunteer):
                raise SomebodyWasFaster
            # Also of a hold: what ran out since counts for nothing, whether the broom came or not.
            self.refuse_unless_trusted(at)
            self._approve(at)
            if self.is_approved:
                self._reveal(unlocked, place, at)
            pace = "now" if self.is_approved else ""
            outbox.queue(self.volunteer_id, f"claim:{self.id}:approved", at, pace=pace)
            if self.need.decides == DESK:
                outbox.queue(self.need_id, f"claim:{self.id}:approved", at, pace="now")

    def _reveal(self, unlocked: Unlocked, place: str, at: datetime) -> None:
        # A host's place was sealed when claiming, and is not hers to write over.
        if place and not kinds.get(self.need.kind).host_seals_place:
            self.seal_place(place, at)
        self.grant_note(unlocked, at)
        self.copy_desk_place(unlocked, at)
        self.grant_plan(unlocked, at)
        self.wait_for_her_word(unlocked, at)

    def _take_over(self, at: datetime) -> None:
        """She chose somebody who stands by: whoever holds it stands by instead. Raises NotNow where they
        are on a break or took enough."""
        if not self.volunteer.may_act(at) or Taken.objects.are_enough(self.volunteer, at):
            raise NotNow
        holder = self.task.claims.holding(at).first()
        if holder is None:
            self.task._move("held", at, escalate_after=None)
        elif holder.is_approved or holder.is_backup:
            raise SomebodyWasFaster
        else:
            holder._give_up_hold(at)
            holder._move(STANDBY, at, held_until=None)
            outbox.queue(holder.volunteer_id, f"claim:{holder.id}:back", at, pace="changed")
        self._move(HELD, at, held_until=self.hold_until(at))
        BedNight.objects.book(cast("Claim", self))
        Taken.objects.note(self.volunteer, at)
        # Whoever stands by again may have been the one beside whom somebody new was to come.
        self.need.let_newcomers_go(at)

    def _approve(self, at: datetime) -> None:
        if kinds.get(self.need.kind).backs(self.task.role):
            self._agree(at)
            return
        self._move(APPROVED, at, held_until=None)
        self.task._move("approved", at, urgent=False)
        CalledOff.objects.take_back(self.volunteer)
        self.need.has_somebody_again()
        readers = [self.need.mailbox.reader(), self.volunteer.reader()]
        Compartment.objects.make(THREAD, self.slot_owner, self.slot_number, readers, at)
        Tap.objects.plan(cast("Claim", self), at)
        Reveal.objects.to_claim(cast("Claim", self), THREAD, at)

    def call_off(self, at: datetime) -> None:
        """The desk calls it off: both hear that it changed. Raises SomebodyWasFaster where nobody comes."""
        with transaction.atomic():
            self._see(at)
            if not self.is_approved:
                raise SomebodyWasFaster
            self.leave_within(RELEASED, at)
            outbox.queue(self.volunteer_id, f"claim:{self.id}:left", at, pace="changed")
            self._call_off(at)
        self.finish_soon()

    def meet_at(self, text: str, at: datetime) -> None:
        """She writes, or changes, where to meet. Raises SomebodyWasFaster where nobody comes any more."""
        with transaction.atomic():
            self._see(at)
            if not self.is_approved or kinds.get(self.need.kind).host_seals_place:
                raise SomebodyWasFaster
            changed = self.place is not None
            self.seal_place(text, at)
            pace = "changed" if changed else "now"
            place = self.compartment(PLACE)
            outbox.queue(self.volunteer_id, f"place:{place and place.pk}", at, pace=pace)
