"""A claim: one volunteer's hold on one task, from "I can do this" to done. Holds run out here."""

import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models, transaction
from django.db.models import Max, Q

from notify import outbox
from organisation import kinds
from organisation.models import Organisation
from privacy import clock
from privacy.crypto import SealingImpossible
from privacy.due import DueRow
from privacy.fields import FieldClasses
from privacy.keyring import keyring
from privacy.models import Grant
from privacy.states import MoveRefused, SomebodyWasFaster, Stateful
from requests_app.models.asked import DESK, FIRST
from requests_app.models.backing_up import CanBeBackup
from requests_app.models.bed_night import BedNight
from requests_app.models.cannot_go_on import CanStopHere
from requests_app.models.claim_news import TellsNews
from requests_app.models.claim_queryset import (
    APPROVED,
    BACKUP,
    DECLINED,
    DONE,
    HELD,
    HOLDING,
    LAPSED,
    LIVE,
    RELEASED,
    STANDBY,
    ClaimQuerySet,
)
from requests_app.models.event import Event
from requests_app.models.mailbox import Mailbox
from requests_app.models.message import Message
from requests_app.models.moving_on import CanMoveOn
from requests_app.models.need import Need
from requests_app.models.proposal import NeverMatch, Proposal
from requests_app.models.reveal import Reveal
from requests_app.models.taken import Taken
from requests_app.models.tap import Tap
from requests_app.models.tapping import CanTap
from requests_app.models.trusted import CanBeTrusted, NotNow
from volunteers import rota
from volunteers.models import Offer, Probation, Volunteer

# After the hour she said she would look, she has this long to answer.
TIME_TO_ANSWER = timedelta(hours=1)


class NotForYou(Exception):
    """The answer to them was no, or they have another part of it, and each needs a person of its own."""


class Claim(CanTap, CanBeBackup, CanMoveOn, CanStopHere, CanBeTrusted, TellsNews, Stateful, DueRow):
    """One volunteer and one task. At most one of a task is held or approved: the database says so."""

    MOVES = {
        HELD: {
            APPROVED: "approve, approve_unattended",
            BACKUP: "approve, approve_unattended",
            STANDBY: "approve",
            RELEASED: "release, cannot_go_on, suspend, free, hold_back, end_with_need",
            DECLINED: "decline",
            LAPSED: "lapse",
        },
        STANDBY: {
            HELD: "hold, step_in, approve",
            RELEASED: "release, cannot_go_on, suspend, free, hold_back, end_with_need",
            DECLINED: "decline",
        },
        APPROVED: {
            DONE: "finish, met, move_on",
            RELEASED: "release, cannot_go_on, suspend, free, call_off, end_with_need",
            DECLINED: "decline, did_not_come",
        },
        BACKUP: {
            APPROVED: "promote, promote_unattended",
            RELEASED: "release, cannot_go_on, suspend, free, hold_back, end_with_need",
            DECLINED: "decline",
        },
        DONE: {},
        RELEASED: {},
        DECLINED: {},
        LAPSED: {},
    }

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    need = models.ForeignKey(Need, models.CASCADE, related_name="claims")
    task = models.ForeignKey("requests_app.Task", models.CASCADE, related_name="claims")
    volunteer = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="claims")
    offer = models.ForeignKey(Offer, models.SET_NULL, null=True, related_name="claims")
    status = models.CharField(max_length=16)
    ending = models.BooleanField(default=False)
    place_in_line = models.PositiveIntegerField(default=0)
    held_until = models.DateTimeField(null=True)
    # What a host wrote: where to meet nearby, or the address itself.
    place_is_address = models.BooleanField(default=False)
    claimed_at = models.DateTimeField()

    objects = ClaimQuerySet.as_manager()

    privacy = FieldClasses(
        sealed=("place",),
        derived=("agreed_key",),
        clear=(
            *("id", "need", "task", "volunteer", "offer", "status", "ending", "place_in_line"),
            *("held_until", "slot_number", "claimed_at", "place_is_address"),
            *("lease_token", "lease_until", "attempts", "retry_after"),
        ),
        lives="until its need is purged; what it seals, until it ends",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["task"], condition=Q(status__in=HOLDING), name="claim_one_holds"),
            models.UniqueConstraint(
                fields=["task", "volunteer"], condition=Q(status__in=LIVE), name="claim_live_once"
            ),
        ]
        indexes = [
            models.Index(fields=["held_until"], condition=Q(status=HELD), name="claim_due_lapse"),
            models.Index(fields=["ending"], condition=Q(ending=True), name="claim_ending"),
            models.Index(fields=["volunteer", "status"], name="claim_of_volunteer"),
        ]

    @property
    def is_approved(self) -> bool:
        return self.status == APPROVED

    @property
    def is_standby(self) -> bool:
        return self.status == STANDBY

    @property
    def holds(self) -> bool:
        """Whether this one keeps others out."""
        return self.status in HOLDING

    # Taking. These are called inside the transaction that holds the need's lock.

    def begin(self, standing_by: bool, reasons: Sequence[str], at: datetime) -> None:
        """Store the new claim, held or standing by, and why it fits (reason codes)."""
        self.claimed_at = clock.hour(at)
        last = Claim.objects.filter(task=self.task).aggregate(Max("place_in_line"))["place_in_line__max"]
        # Not how many there are: whoever left for good has left a gap.
        self.place_in_line = (last or 0) + 1
        self.status = STANDBY if standing_by else HELD
        self.held_until = None if standing_by else self.hold_until(at)
        self.save(force_insert=True)
        self._moved(self.status, at)
        Proposal.objects.update_or_create(
            task=self.task,
            volunteer=self.volunteer,
            defaults={"outcome": Proposal.CLAIMED, "reasons": list(reasons)},
        )
        if not standing_by:
            self._held(at)

    def hold(self, at: datetime) -> None:
        """The next in line holds the task."""
        self._move(HELD, at, held_until=self.hold_until(at))
        self._held(at)
        outbox.queue(self.volunteer_id, f"claim:{self.id}:next", at, pace="now")
        if self.need.decides == FIRST:
            self.approve_unattended(at)

    def _held(self, at: datetime) -> None:
        BedNight.objects.book(self)
        Taken.objects.note(self.volunteer, at)
        outbox.queue(self.need_id, f"claim:{self.id}:held", at, pace="now")
        if self.need.decides == DESK:
            rota.tell(f"claim:{self.id}:decide", at)

    def hold_until(self, at: datetime) -> datetime:
        """When a hold that begins `at` ends: at least until whoever decides has had time to look."""
        organisation = Organisation.objects.current()
        until = at + organisation.hold(kinds.get(self.need.kind))
        looks_at = self.need.looks_again_at
        if self.need.decides == DESK:
            on_until = organisation.is_on(at)
            looks_at = None if on_until and on_until >= until else organisation.next_on(at)
        if looks_at:
            until = max(until, looks_at + TIME_TO_ANSWER)
        return min(clock.quarter_up(until), self.need.expires_at)

    def can_be_passed_on(self, at: datetime) -> bool:
        """Whether the one who stands by can hold it now: nobody said no, the offer stands, there is room."""
        return (
            self.volunteer.may_act(at)
            and not Taken.objects.are_enough(self.volunteer, at)
            and not self.need.refuses(self.volunteer)
            and self.offer is not None
            and self.offer.active
            and self.is_trusted(at)
            and BedNight.objects.has_room(self)
        )

    def step_in(self, at: datetime) -> None:
        """Whoever stands by takes it, now that nobody holds it. Raises SomebodyWasFaster, NotNow."""
        self.task.lapse_overdue(at)
        with transaction.atomic():
            self.volunteer = Volunteer.objects.lock(self.volunteer_id)
            self._see(at)
            if self.holds:
                # It was passed on to this one a moment ago.
                return
            if self.status != STANDBY or not self.task.is_open:
                raise SomebodyWasFaster
            if not self.can_be_passed_on(at):
                raise NotNow
            self.task._move("held", at, escalate_after=None)
            self._move(HELD, at, held_until=self.hold_until(at))
            self._held(at)
            if self.need.decides == FIRST:
                self.approve_unattended(at)

    # Ending

    def release(self, at: datetime, never_again: bool = False) -> None:
        """The volunteer cannot come after all. No blame. `never_again`: nor for anything else of this mailbox
        for which they are not expected. Late, it is remembered for a while (volunteers/slips.py); not where
        they never want to be asked for her again."""
        try:
            self._leave(RELEASED, at, never_again, by_volunteer=True)
        finally:
            if never_again:
                # Also as her backup: nobody would send them any more (can_still_back_up).
                self._leave_others(RELEASED, (HELD, STANDBY, BACKUP), at)

    def decline(self, at: datetime, never_again: bool = False) -> None:
        """She (or the desk for her) says no to this volunteer: not asked again for this need, and
        for none of this mailbox where `never_again`; then nothing else of theirs with her goes on either."""
        try:
            self._leave(DECLINED, at, never_again)
        finally:
            # Also where this one was over already: who presses it means all of it.
            if never_again:
                self._leave_others(DECLINED, LIVE, at)

    def lapse(self, at: datetime) -> None:
        """The hold's time is over. `held → lapsed` is the only way, and only after `held_until`."""
        try:
            self._leave(LAPSED, at)
        except SomebodyWasFaster:
            return

    def finish(self, at: datetime, by_her: bool = False) -> None:
        """It was done, and nobody stands by for it any more. The need is met when its last task is."""
        with transaction.atomic():
            self._see(at)
            self._move(DONE, at, ending=True)
            BedNight.objects.free(self)
            self._take_back_news()
            self.task.finish(at)
            for waiting in self.task.claims.live():
                waiting.end_with_need(done=False, at=at)
            self._tell_done(by_her, at)
            met = self.need.begin_ending_if_done(at)
        if met:
            self.need.after_ending("met", at)
        else:
            for ended in self.task.claims.ending():
                ended.finish_soon()
        # Not under the need's lock: whoever claims takes the locks of volunteer and need the other way round.
        self._rest(at)
        self.ending, self.place = False, None

    def end_with_need(self, done: bool, at: datetime) -> None:
        """The need (or its task) ended, and this claim with it. Inside that transaction."""
        was_approved = self.is_approved
        if self.status in (HELD, BACKUP):
            # It never came to anything: it does not count towards what they take in a week.
            Taken.objects.take_back(self.volunteer, self.claimed_at)
        self._move(DONE if done else RELEASED, at, ending=True, held_until=None)
        was_expected = was_approved and not done
        self._take_back_news()
        outbox.queue(self.volunteer_id, f"claim:{self.id}:ended", at, pace="changed" if was_expected else "")
        if was_expected:
            self._call_off(at)
        BedNight.objects.free(self)

    def leave_within(self, to: str, at: datetime, passes_on: bool = True) -> str:
        """End this claim inside the caller's transaction; `finish_soon` follows its commit. What it was. Not
        `passes_on`: the caller has somebody for the task."""
        seen = self.status
        self._see(at)
        if to == DECLINED and self.status != seen:
            raise SomebodyWasFaster
        if to == LAPSED and (self.held_until is None or self.held_until > at):
            raise SomebodyWasFaster
        was = self.status
        self._move(to, at, ending=True, held_until=None)
        if was in HOLDING:
            self._give_up_hold(at)
        if to == DECLINED:
            Proposal.objects.update_or_create(
                task=self.task, volunteer=self.volunteer, defaults={"outcome": Proposal.DECLINED}
            )
        self._take_back_news()
        self._tell_left(was, to, at)
        if was in HOLDING and (was != APPROVED or self.need.went_on_without(self, at)):
            self.task.free_again(at, passes_on)
        if was in HOLDING and passes_on:
            self.need.let_newcomers_go(at)
        return was

    def finish_ending(self, at: datetime | None = None) -> None:
        """Destroy the slot, then delete what it opened. Harmless when done before."""
        if not self.ending:
            return
        keyring().destroy(self.slot_number, self.slot_owner)
        with transaction.atomic():
            self._own().delete()
            Grant.objects.under(self.slot_owner).delete()
            Message.objects.filter(claim=self).delete()
            Tap.objects.filter(claim=self).delete()
            Claim.objects.filter(pk=self.pk).update(ending=False, place=None)
        self.ending, self.place = False, None

    def finish_soon(self) -> None:
        """After the commit that ended it: now, or by the broom where the keyring does not answer."""
        with suppress(SealingImpossible):
            self.finish_ending()

    def _leave(self, to: str, at: datetime, never_again: bool = False, by_volunteer: bool = False) -> None:
        with transaction.atomic():
            if never_again:
                # Before anything that may be refused: who presses it twice means it all the more.
                Need.objects.lock(self.need_id)
                Mailbox.objects.hold(self.need.mailbox_id)
                NeverMatch.objects.get_or_create(mailbox_id=self.need.mailbox_id, volunteer=self.volunteer)
        with transaction.atomic():
            was = self.leave_within(to, at)
            if by_volunteer and not never_again:
                self.note_if_late(was, at)
        self.finish_soon()

    def _leave_others(self, to: str, states: Sequence[str], at: datetime) -> None:
        """End what else this volunteer has of this mailbox; one that ended meanwhile keeps no other back."""
        theirs = Claim.objects.filter(
            volunteer=self.volunteer, need__mailbox=self.need.mailbox_id, status__in=states
        )
        for other in theirs.select_related("task", "need", "volunteer").order_by("need_id"):
            with suppress(SomebodyWasFaster, MoveRefused):
                other._leave(to, at)

    def _see(self, at: datetime) -> None:
        """Lock the need, then read this claim and its task as they are now."""
        self.need = Need.objects.lock(self.need_id)
        if not self.need.lives(at):
            raise SomebodyWasFaster
        task = self.task
        self.refresh_from_db(fields=["status", "held_until", "ending", "place", "agreed_key", "task"])
        # Whoever was the backup may have another one now.
        self.task = task if self.task_id == task.pk else self.task
        self.task.refresh_from_db(fields=["status", "escalate_after", "ring"])
        self.look_again()

    def _rest(self, at: datetime) -> None:
        """The rest days this volunteer wants after helping are a pause like any other."""
        until = clock.local_day(at) + timedelta(days=self.volunteer.rest_days)
        paused = self.volunteer.paused_until
        if self.volunteer.rest_days and (paused is None or paused < until):
            self.volunteer.pause(until, at)

    def _give_up_hold(self, at: datetime) -> None:
        BedNight.objects.free(self)
        Taken.objects.take_back(self.volunteer, self.claimed_at)

    def _moved(self, to: str, at: datetime) -> None:
        if to == DONE:
            Probation.objects.went_along(self.volunteer_id)
        if to not in LIVE:
            self.extensions.end_with_claim(at)
            Reveal.objects.of_claim(self).end(at)
        Event.objects.create(
            need_id=self.need_id,
            task_id=self.task_id,
            claim=self,
            verb=to,
            happened_at=clock.hour(at),
        )
