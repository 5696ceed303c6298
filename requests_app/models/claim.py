"""A claim: one volunteer's hold on one task, from "I can do this" to done. Holds run out here."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models, transaction
from django.db.models import Count, Q

from notify import outbox
from organisation import kinds
from organisation.models import Organisation
from privacy import clock
from privacy.due import DueQuerySet, DueRow
from privacy.fields import FieldClasses
from privacy.keyring import keyring
from privacy.models import Compartment, Grant
from privacy.states import SomebodyWasFaster, Stateful
from requests_app.models.asked import DESK, FIRST
from requests_app.models.bed_night import BedNight
from requests_app.models.event import Event
from requests_app.models.mailbox import Mailbox
from requests_app.models.message import Message
from requests_app.models.need import Need
from requests_app.models.proposal import NeverMatch, Proposal
from requests_app.models.shared import THREAD, KeyChanged, Shared
from requests_app.models.taken import Taken
from requests_app.readers import Unlocked
from volunteers.models import Offer, Volunteer

HELD, STANDBY, APPROVED = "held", "standby", "approved"
DONE, RELEASED, DECLINED, LAPSED = "done", "released", "declined", "lapsed"
HOLDING = (HELD, APPROVED)
LIVE = (HELD, STANDBY, APPROVED)
# After the hour she said she would look, she has this long to answer.
TIME_TO_ANSWER = timedelta(hours=1)


class NotNow(Exception):
    """This volunteer may not take anything at the moment."""


class TooLate(Exception):
    """The hold ran out before the answer came."""


class ClaimQuerySet(DueQuerySet["Claim"]):
    def live(self) -> "ClaimQuerySet":
        return self.filter(status__in=LIVE)

    def holding(self, at: datetime) -> "ClaimQuerySet":
        """The claim that keeps others out now: approved, or held and its time is not over."""
        return self.filter(Q(status=APPROVED) | Q(status=HELD, held_until__gt=at))

    def overdue(self, at: datetime) -> "ClaimQuerySet":
        """Holds whose time is over. Every query already treats them as gone."""
        return self.filter(status=HELD, held_until__lte=at).select_related("task", "need")

    def approved(self) -> "ClaimQuerySet":
        return self.filter(status=APPROVED)

    def sealed_to(self, volunteer: Volunteer, at: datetime) -> "ClaimQuerySet":
        """What a volunteer was said yes to: note, place and messages are sealed to their key."""
        return self.of(volunteer, at).filter(status=APPROVED)

    def standing_by(self) -> "ClaimQuerySet":
        return self.filter(status=STANDBY).select_related("volunteer").order_by("place_in_line")

    def ending(self) -> "ClaimQuerySet":
        """Ended, but the destruction of the slot was not yet finished."""
        return self.filter(ending=True)

    def of(self, volunteer: Volunteer, at: datetime) -> "ClaimQuerySet":
        """A volunteer's own live claims on needs that live: what "mine" lists and opens."""
        current = Q(status__in=(STANDBY, APPROVED)) | Q(status=HELD, held_until__gt=at)
        return (
            self.filter(current, volunteer=volunteer, need__status="open", need__expires_at__gt=at)
            .select_related("task", "need", "need__area", "need__mailbox", "volunteer")
            .order_by("need__day", "need_id", "place_in_line")
        )

    def was_over(self, volunteer: Volunteer, need_id: uuid.UUID, task_id: str, at: datetime) -> bool:
        """Whether they had this task (its id as typed) and have it no longer."""
        had = self.filter(volunteer=volunteer, need=need_id).values_list("task_id", flat=True)
        has = self.of(volunteer, at).filter(need=need_id).values_list("task_id", flat=True)
        return task_id in {str(pk) for pk in set(had) - set(has)}

    def on_needs_of(self, mailbox: Mailbox) -> "ClaimQuerySet":
        """The claims on one asker's needs: anybody else's is a 404."""
        related = ("task", "need", "need__mailbox", "volunteer", "offer")
        return self.filter(need__mailbox=mailbox).select_related(*related)

    def on_live_needs(self, at: datetime) -> "ClaimQuerySet":
        """Claims of needs that live: a need whose time is over has none, whether the broom came or not."""
        return self.filter(need__status="open", need__expires_at__gt=at)

    def in_line(self) -> "ClaimQuerySet":
        """Claims of every state in the order they were made, with who made them."""
        return self.select_related("volunteer", "task").order_by("place_in_line")

    def for_desk(self, need_id: uuid.UUID) -> "ClaimQuerySet":
        """The claims the desk decides about: where the asker let it decide. All others are a 404."""
        related = ("task", "need", "need__mailbox", "volunteer", "offer")
        return self.filter(need=need_id, need__decides=DESK).select_related(*related)

    def live_counts(self, at: datetime) -> dict[uuid.UUID, int]:
        """volunteer id → how many things they have taken or stand by for now. One query."""
        current = Q(status__in=(STANDBY, APPROVED)) | Q(status=HELD, held_until__gt=at)
        rows = self.on_live_needs(at).filter(current).values_list("volunteer_id")
        return dict(rows.annotate(Count("pk")))

    def offered(self, at: datetime) -> "ClaimQuerySet":
        """Who the asker (or the desk) can choose from, the one who holds it first."""
        current = Q(status__in=(STANDBY, APPROVED)) | Q(status=HELD, held_until__gt=at)
        return (
            self.filter(current)
            .select_related("volunteer", "task", "need", "need__mailbox")
            .order_by("task__role", "place_in_line")
        )


class Claim(Shared, Stateful, DueRow):
    """One volunteer and one task. At most one of a task is held or approved: the database says so."""

    MOVES = {
        HELD: frozenset({APPROVED, STANDBY, RELEASED, DECLINED, LAPSED}),
        STANDBY: frozenset({HELD, RELEASED, DECLINED}),
        APPROVED: frozenset({DONE, RELEASED, DECLINED}),
        DONE: frozenset(),
        RELEASED: frozenset(),
        DECLINED: frozenset(),
        LAPSED: frozenset(),
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

    # Taking. These are called inside the transaction that holds the need's lock.

    def begin(self, standing_by: bool, reasons: Sequence[str], at: datetime) -> None:
        """Store the new claim, held or standing by, and why it fits (reason codes)."""
        self.claimed_at = clock.hour(at)
        self.place_in_line = Claim.objects.filter(task=self.task).count() + 1
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

    def hold_until(self, at: datetime) -> datetime:
        """When a hold that begins `at` ends: at least until she has had time to look."""
        until = at + Organisation.objects.current().hold(kinds.get(self.need.kind))
        if self.need.looks_again_at:
            until = max(until, self.need.looks_again_at + TIME_TO_ANSWER)
        return min(clock.quarter_up(until), self.need.expires_at)

    def can_be_passed_on(self, at: datetime) -> bool:
        """Whether the one who stands by can hold it now, and the nights it needs are still free there."""
        enough = Taken.objects.are_enough(self.volunteer, at)
        return self.volunteer.may_act(at) and not enough and BedNight.objects.has_room(self)

    def approve_unattended(self, at: datetime) -> None:
        """The first who is let in takes it: nobody who holds a key is there, so note and place wait."""
        self._approve(at)

    # Deciding

    def approve(self, unlocked: Unlocked, key_fingerprint: str, at: datetime, place: str = "") -> None:
        """Yes to this volunteer, with the key the page showed. The moment of reveal.

        `unlocked` is her mailbox, or the desk where she asked it to decide. Raises TooLate after
        the hold, KeyChanged, SomebodyWasFaster.
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
            self._approve(at)
            # A host's place was sealed when claiming, and is not hers to write over.
            if place and not kinds.get(self.need.kind).host_seals_place:
                self.seal_place(place, at)
            self.grant_note(unlocked, at)
            self.copy_desk_place(unlocked, at)
            outbox.queue(self.volunteer_id, f"claim:{self.id}:approved", at, pace="now")
            if self.need.decides == DESK:
                outbox.queue(self.need_id, f"claim:{self.id}:approved", at, pace="now")

    def _take_over(self, at: datetime) -> None:
        """She chose somebody who stands by: whoever holds it stands by instead."""
        holder = self.task.claims.holding(at).first()
        if holder is None:
            self.task._move("held", at, escalate_after=None)
        elif holder.is_approved:
            raise SomebodyWasFaster
        else:
            holder._give_up_hold(at)
            holder._move(STANDBY, at, held_until=None)
        self._move(HELD, at, held_until=self.hold_until(at))
        BedNight.objects.book(self)
        Taken.objects.note(self.volunteer, at)

    def _approve(self, at: datetime) -> None:
        self._move(APPROVED, at, held_until=None)
        self.task._move("approved", at)
        readers = [self.need.mailbox.reader(), self.volunteer.reader()]
        Compartment.objects.make(THREAD, self.slot_owner, self.slot_number, readers, at)

    # Ending

    def release(self, at: datetime) -> None:
        """The volunteer cannot come after all. No blame."""
        self._leave(RELEASED, at)

    def decline(self, at: datetime, never_again: bool = False) -> None:
        """She (or the desk for her) says no to this volunteer: not asked again for this need, and
        for none of this mailbox where `never_again`."""
        self._leave(DECLINED, at)
        if never_again:
            NeverMatch.objects.get_or_create(mailbox=self.need.mailbox, volunteer=self.volunteer)

    def meet_at(self, text: str, at: datetime) -> None:
        """She writes, or changes, where to meet. Raises SomebodyWasFaster where nobody comes any more."""
        with transaction.atomic():
            self._see(at)
            if not self.is_approved or kinds.get(self.need.kind).host_seals_place:
                raise SomebodyWasFaster
            changed = self.place is not None
            self.seal_place(text, at)
            pace = "changed" if changed else "now"
            outbox.queue(self.volunteer_id, f"place:{uuid.uuid4()}", at, pace=pace)

    def lapse(self, at: datetime) -> None:
        """The hold's time is over. `held → lapsed` is the only way, and only after `held_until`."""
        try:
            self._leave(LAPSED, at)
        except SomebodyWasFaster:
            return

    def finish(self, at: datetime) -> None:
        """It was done. The need is met when its last task is."""
        with transaction.atomic():
            self._see(at)
            self._move(DONE, at, ending=True)
            self.task.finish(at)
            outbox.queue(self.need_id, f"claim:{self.id}:done", at)
            all_done = not self.need.tasks.filter(status__in=("open", "held", "approved")).exists()
        self.finish_ending()
        # Not under the need's lock: whoever claims takes the locks of volunteer and need the other way round.
        self._rest(at)
        if all_done:
            self.need.met(at)

    def end_with_need(self, done: bool, at: datetime) -> None:
        """The need ended, and this claim with it. Inside the need's transaction."""
        was_approved = self.is_approved
        self._move(DONE if done else RELEASED, at, ending=True, held_until=None)
        pace = "changed" if was_approved and not done else ""
        outbox.queue(self.volunteer_id, f"claim:{self.id}:ended", at, pace=pace)
        BedNight.objects.free(self)

    def leave_within(self, to: str, at: datetime) -> None:
        """End this claim inside the caller's transaction; `finish_ending` follows its commit."""
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
        self._tell_left(was, to, at)
        if was in HOLDING:
            self.task.free_again(at)

    def finish_ending(self, at: datetime | None = None) -> None:
        """Destroy the slot, then delete what it opened. Harmless when done before."""
        if not self.ending:
            return
        keyring().destroy(self.slot_number, self.slot_owner)
        with transaction.atomic():
            self._own().delete()
            Grant.objects.under(self.slot_owner).delete()
            Message.objects.filter(claim=self).delete()
            Claim.objects.filter(pk=self.pk).update(ending=False, place=None)
        self.ending, self.place = False, None

    def _leave(self, to: str, at: datetime) -> None:
        with transaction.atomic():
            self.leave_within(to, at)
        self.finish_ending()

    def _see(self, at: datetime) -> None:
        """Lock the need, then read this claim and its task as they are now."""
        self.need = Need.objects.lock(self.need_id)
        if not self.need.lives(at):
            raise SomebodyWasFaster
        self.refresh_from_db(fields=["status", "held_until", "ending", "place"])
        self.task.refresh_from_db(fields=["status", "escalate_after"])
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

    def _tell_left(self, was: str, to: str, at: datetime) -> None:
        """Who has to know: she, when somebody she counted on is gone; the volunteer, when they are."""
        if to == RELEASED and was in HOLDING:
            pace = "changed" if was == APPROVED else ""
            outbox.queue(self.need_id, f"claim:{self.id}:left", at, pace=pace)
        elif to in (DECLINED, LAPSED):
            pace = "changed" if was == APPROVED else ""
            outbox.queue(self.volunteer_id, f"claim:{self.id}:left", at, pace=pace)

    def _moved(self, to: str, at: datetime) -> None:
        Event.objects.create(
            need_id=self.need_id,
            task_id=self.task_id,
            claim=self,
            verb=to,
            happened_at=clock.hour(at),
        )
