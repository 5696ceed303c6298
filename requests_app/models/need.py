"""A need: what the asker asked, in clear only where matching must read it, sealed elsewhere."""

import json
import uuid
from collections.abc import Iterable
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.db.models import Q

from notify import outbox
from notify.models import Channel
from organisation import kinds
from organisation.models import Area, Organisation
from privacy import clock
from privacy.compartments import Reader
from privacy.crypto import SealingImpossible, Unreadable
from privacy.due import DueRow
from privacy.fields import FieldClasses
from privacy.keyring import keyring
from privacy.models import Compartment, Counter
from privacy.states import SomebodyWasFaster, Stateful
from requests_app.models.asked import DESK, FIRST, SHE, Asked, Tell
from requests_app.models.call_words import ClosedByWords
from requests_app.models.event import Event
from requests_app.models.linked import ComesWith
from requests_app.models.mailbox import Mailbox
from requests_app.models.need_queryset import (
    ENDED,
    ERASED,
    EXPIRED,
    KEYED,
    MET,
    NOT_ENDED,
    OPEN,
    WITHDRAWN,
    NeedQuerySet,
)
from requests_app.models.nights import HasNights
from requests_app.models.paused import PAUSED, CanBePaused
from requests_app.models.plan import HasPlan
from requests_app.models.proposal import NeverMatch, Proposal
from requests_app.models.reveal import ASKED, Reveal
from requests_app.models.trusted import CanBringTogether
from requests_app.models.unreadable import UNREADABLE, CanLoseItsKey
from requests_app.readers import Unlocked
from volunteers import desk
from volunteers.models import Volunteer

if TYPE_CHECKING:
    from requests_app.models.claim import Claim
    from requests_app.models.task import Task

# How long the page says "Closed" before the row itself is deleted.
SHOWN_AFTER_END = timedelta(hours=24)


class Need(
    ClosedByWords,
    CanBePaused,
    CanBringTogether,
    CanLoseItsKey,
    HasNights,
    ComesWith,
    HasPlan,
    Stateful,
    DueRow,
):
    """What one asker asked. It makes the tasks that volunteers take."""

    ENDS = {
        MET: "met",
        WITHDRAWN: "withdraw, close_by_words",
        EXPIRED: "expire, close_without_key",
        ERASED: "erase",
    }
    MOVES = {
        OPEN: {**ENDS, MET: "met, finish", PAUSED: "pause, hide", UNREADABLE: "lose_key"},
        PAUSED: {**ENDS, OPEN: "resume", UNREADABLE: "lose_key"},
        UNREADABLE: {**ENDS, OPEN: "write_again", PAUSED: "write_again"},
        MET: {ERASED: "erase"},
        WITHDRAWN: {ERASED: "erase"},
        EXPIRED: {ERASED: "erase"},
        ERASED: {},
    }

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    mailbox = models.ForeignKey(Mailbox, models.CASCADE, related_name="needs")
    sequence = models.PositiveIntegerField()
    status = models.CharField(max_length=16, default=OPEN)
    ending = models.BooleanField(default=False)
    form_key = models.BinaryField(max_length=32, null=True, unique=True)

    kind = models.SlugField(max_length=40)
    area = models.ForeignKey(Area, models.PROTECT, related_name="+")
    day = models.DateField()
    parts = models.PositiveSmallIntegerField()
    covers = models.PositiveSmallIntegerField(default=0)
    nights = models.PositiveSmallIntegerField(default=0)
    people = models.PositiveSmallIntegerField(default=1)
    languages = models.BigIntegerField(default=0)
    languages_hard = models.BooleanField(default=False)
    conditions = models.BigIntegerField(default=0)
    wishes = models.BigIntegerField(default=0)

    decides = models.CharField(max_length=8, choices=[(SHE, SHE), (DESK, DESK), (FIRST, FIRST)], default=SHE)
    desk_reads = models.BooleanField(default=False)
    # Where nobody here can, a partner organisation may be asked.
    partner_ok = models.BooleanField(default=False)
    looks_again_at = models.DateTimeField(null=True)
    note = models.BinaryField(null=True)
    answers = models.BinaryField(null=True)
    desk_place = models.BinaryField(null=True)

    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    purge_after = models.DateTimeField(null=True)

    objects = NeedQuerySet.as_manager()

    privacy = FieldClasses(
        sealed=("note", "answers", "desk_place"),
        clear=(
            *("id", "mailbox", "sequence", "status", "kept_back", "ending", "slot_number"),
            *("kind", "area", "day", "parts", "covers", "nights", "people"),
            *("languages", "languages_hard", "conditions", "wishes", "decides", "desk_reads"),
            *("broken_off", "belongs_to", "partner_ok"),
            *("looks_again_at", "asked_at", "expires_at", "purge_after"),
            *("lease_token", "lease_until", "attempts", "retry_after"),
        ),
        derived=("form_key",),
        lives="until a day after it ended; erased: at once",
    )

    class Meta:
        indexes = [
            models.Index(
                fields=["expires_at"], condition=Q(purge_after__isnull=True), name="need_due_expire"
            ),
            models.Index(
                fields=["purge_after"], condition=Q(purge_after__isnull=False), name="need_due_purge"
            ),
            models.Index(fields=["ending"], condition=Q(ending=True), name="need_ending"),
            models.Index(fields=["area", "kind"], condition=Q(status=OPEN), name="need_open_area"),
        ]

    def lives(self, at: datetime) -> bool:
        """Open, and its time is not over."""
        return self.status == OPEN and self.expires_at > at

    def can_be_read(self, at: datetime) -> bool:
        """Open or paused, and its time is not over: her key opens what she wrote."""
        return self.status in KEYED and self.expires_at > at

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED

    def last_day(self) -> date:
        return kinds.get(self.kind).last_day(self.day, self.nights)

    def place_seen_until(self, organisation: Organisation | None = None) -> datetime:
        """Until when the place of an approved claim can be read. A page with many passes the organisation."""
        organisation = organisation or Organisation.objects.current()
        return organisation.place_seen_until(kinds.get(self.kind), self.last_day())

    # What is sealed

    def _seal(self, asked: Asked, mailbox: Reader, at: datetime) -> None:
        """Seal note and answers to her (and the desk, where she lets it read), a place to the desk.

        Raises SealingImpossible where the desk has no key that may be granted anything.
        """
        note_readers = self._note_readers(asked, mailbox)
        _, note = Compartment.objects.make("note", self.slot_owner, self.slot_number, note_readers, at)
        self.note = note.seal_text(asked.note, "need", "note", self.id)
        answers = json.dumps(kinds.get(self.kind).answers_of("", asked.answers), ensure_ascii=False)
        self.answers = note.seal_text(answers, "need", "answers", self.id)
        if asked.desk_reads:
            Reveal.objects.to_desk(self, "note", at)
        if asked.place:
            readers = [mailbox, desk.lock_for_granting()]
            _, place = Compartment.objects.make("place", self.slot_owner, self.slot_number, readers, at)
            Reveal.objects.to_desk(self, "place", at)
            self.desk_place = place.seal_text(asked.place, "need", "desk_place", self.id)

    def seal_legs(self, tasks: "Iterable[Task]", asked: Asked, at: datetime) -> None:
        """Seal the answers that are for one of its tasks alone, as the note is. The caller stores them."""
        readers = self._note_readers(asked, self.mailbox.reader())
        for task in tasks:
            task.seal_answers(asked.answers, readers, at)
            if asked.desk_reads and task.answers is not None:
                Reveal.objects.to_desk(self, task.purpose, at)

    def _note_readers(self, asked: Asked, mailbox: Reader) -> list[Reader]:
        return [mailbox, desk.lock_for_granting()] if asked.desk_reads else [mailbox]

    def _remember_how_to_tell(self, tell: Tell, at: datetime) -> None:
        """Her address, sealed, for as long as the need lives; one test message says whether it works, also
        for what was asked at the same moment."""
        channel = Channel.objects.add(
            recipient=self.id,
            transport=tell.transport,
            address=tell.address,
            language=tell.language,
            from_hour=tell.from_hour,
            until_hour=tell.until_hour,
            at=at,
        )
        if self.belongs_to_id is None:
            channel.test(at)
        else:
            channel.count_as_tested(at)

    def try_telling(self, at: datetime) -> bool:
        """One more message to where she is told, where they came back or none was sent yet; else nothing, and
        nothing where that was done too often."""
        return True in [channel.test(at) for channel in Channel.objects.of(self.id).to_be_tried()]

    def stop_telling(self) -> None:
        """Forget her address."""
        outbox.drop(self.id)

    def read_note(self, unlocked: Unlocked) -> tuple[str, dict[str, Any]]:
        """The note and the further answers, as she wrote them. Raises Unreadable."""
        opened = self.open_compartment("note", unlocked)
        note = opened.open_text(bytes(self.note or b""), "need", "note", self.id)
        answers = opened.open_text(bytes(self.answers or b""), "need", "answers", self.id)
        return note, json.loads(answers)

    def read_desk_place(self, unlocked: Unlocked) -> str:
        """The place she sealed beforehand; "" where there is none. Raises Unreadable."""
        if self.desk_place is None:
            return ""
        opened = self.open_compartment("place", unlocked)
        return opened.open_text(bytes(self.desk_place), "need", "desk_place", self.id)

    def settle(self, unlocked: Unlocked, at: datetime) -> None:
        """Grant what could not be granted while nobody who holds the key was there: the note (and a
        place sealed beforehand) to each volunteer who was approved without her."""
        with transaction.atomic():
            # Under the lock: a claim that ends at this very moment has no key to grant under.
            if self._status_now() != OPEN:
                return
            for claim in self.claims_with_task().filter(status="approved"):
                # One that cannot be opened keeps her from nothing: she is at the door with her code.
                with suppress(Unreadable), transaction.atomic():
                    self._settle_one(claim, unlocked, at)

    def _settle_one(self, claim: "Claim", unlocked: Unlocked, at: datetime) -> None:
        if claim.key_changed():
            # Not before she said yes to the new key (Claim.approve_key).
            return
        claim.grant_note(unlocked, at)
        claim.copy_desk_place(unlocked, at)
        claim.grant_plan(unlocked, at)
        claim.wait_for_her_word(unlocked, at)

    def is_taken_elsewhere_by(self, volunteer: Volunteer, task_id: uuid.UUID, at: datetime) -> bool:
        """Whether they have another part of it, where each part needs somebody of its own."""
        if not kinds.get(self.kind).one_person_each:
            return False
        return self.claims.exclude(task=task_id).offered(at).filter(volunteer=volunteer).exists()

    def claims_with_task(self) -> "models.QuerySet[Claim]":
        return self.claims.select_related("task", "need", "volunteer")

    # How it ends

    def withdraw(self, at: datetime) -> None:
        """She does not need it any more."""
        self._end(WITHDRAWN, at)

    def met(self, at: datetime) -> None:
        """It happened: she says so, or every task is done."""
        self._end(MET, at)

    def expire(self, at: datetime) -> None:
        """Its time is over."""
        if self.expires_at <= at:
            self._end(EXPIRED, at)

    def close_without_key(self, at: datetime) -> None:
        """Its key is destroyed, so it ended: a database that says otherwise is older than its keyring."""
        self._end(EXPIRED, at)

    def erase(self, at: datetime) -> None:
        """Destroy the keys, then delete everything, now; also what somebody else began to erase."""
        self._end(ERASED, at)
        # Where the end was another's, their destroying need not be finished, and theirs finds no rows then.
        with suppress(SealingImpossible):
            self.finish_ending()
        self.purge(at)

    def _end(self, to: str, at: datetime) -> None:
        """End it once: a need that ended meanwhile stays as it ended."""
        with transaction.atomic():
            if not self._begin_ending(to, at):
                return
        self.after_ending(to, at)

    def after_ending(self, to: str, at: datetime) -> None:
        """After that commit: the keys, now or by the broom where the keyring does not answer."""
        with suppress(SealingImpossible):
            self.finish_ending()
        Counter.objects.bump(f"{to}.{self.kind}", at)

    def _begin_ending(self, to: str, at: datetime) -> bool:
        """Inside a transaction: from its commit on it is over, whatever becomes of the process."""
        self.status = self._status_now()
        if to not in self.MOVES[self.status]:
            return False
        self._move(to, at, ending=True, purge_after=_purge_after(to, at))
        self.end_claims(at, met=to == MET)
        self.end_plans(at)
        self.tasks.close_all(met=to == MET, at=at)
        return True

    def begin_ending_if_done(self, at: datetime) -> bool:
        """Inside the transaction that did one of its tasks: met, if that was the last one."""
        return not self.tasks.unfinished().to_be_done(self.kind).exists() and self._begin_ending(MET, at)

    def end_claims(self, at: datetime, met: bool = False) -> None:
        """Inside a transaction: whoever has something of it, or stands by, has it no longer."""
        self.tasks.take_back_news()
        for claim in self.claims.live().select_related("volunteer"):
            claim.end_with_need(done=met and claim.is_approved, at=at)

    def refuses(self, volunteer: Volunteer) -> bool:
        """Whether this volunteer is not to be sent: a no for this need, never for this mailbox, or nobody for
        it until the desk has looked."""
        declined = Proposal.objects.filter(task__need=self, volunteer=volunteer, outcome=Proposal.DECLINED)
        return self.is_never_for(volunteer) or declined.exists() or self.is_held_back()

    def is_held_back(self) -> bool:
        """Whether nobody is to be asked for it until the desk has looked, as the database has it."""
        return Mailbox.objects.held_back().filter(pk=self.mailbox_id).exists()

    def is_never_for(self, volunteer: Volunteer) -> bool:
        """Whether one of the two said that they never meet."""
        return NeverMatch.objects.filter(mailbox=self.mailbox_id, volunteer=volunteer).exists()

    def begin_erasing(self, at: datetime) -> None:
        """Inside the transaction that erases all of a mailbox; `erase` follows its commit."""
        if self._begin_ending(ERASED, at):
            transaction.on_commit(lambda: Counter.objects.bump(f"{ERASED}.{self.kind}", at))

    def _status_now(self) -> str:
        """Its state, under the lock; where it was erased meanwhile its row is gone."""
        try:
            return Need.objects.lock(self.pk).status
        except SomebodyWasFaster:
            return ERASED

    def finish_ending(self, at: datetime | None = None) -> None:
        """Destroy the keys, then delete what they opened. Again and again is harmless: a crash in
        between is finished by the next call, at the next start or by the broom."""
        for claim in self.claims.all():
            claim.finish_ending()
        self.finish_plans()
        keyring().destroy(self.slot_number, self.slot_owner)
        with transaction.atomic():
            Compartment.objects.of(self.slot_owner).delete()
            outbox.drop(self.id)
            self.tasks.update(answers=None)
            Need.objects.filter(pk=self.pk).update(ending=False, note=None, answers=None, desk_place=None)
        self.ending, self.note, self.answers, self.desk_place = False, None, None, None

    def purge(self, at: datetime) -> None:
        """Delete the rows of an ended need; the mailbox goes with its last one."""
        if self.status in NOT_ENDED or self.ending:
            return
        slots = [(row.slot_number, row.slot_owner) for row in (self, *self.claims.all(), *self.plans.all())]
        mailbox = self.mailbox
        for number, owner in slots:
            # Destroyed long ago, unless something was forgotten: then now, before nothing names it any more.
            keyring().destroy(number, owner)
        with transaction.atomic():
            Compartment.objects.filter(slot_owner__in=[owner for _number, owner in slots]).delete()
            Need.objects.filter(pk=self.pk).delete()
            mailbox.end_if_empty()
        for number, owner in slots:
            keyring().release(number, owner)

    def _moved(self, to: str, at: datetime) -> None:
        if to == PAUSED:
            self.reveals.filter(reader=ASKED).end(at)
        elif to != OPEN:
            self.reveals.all().end(at)
        Event.objects.create(need_id=self.pk, verb=to, happened_at=clock.hour(at))


def _purge_after(ended: str, at: datetime) -> datetime:
    """When an ended need's row goes, to the hour; of an erased one nothing is shown any more."""
    hour = clock.hour(at)
    return hour if ended == ERASED else hour + timedelta(hours=1) + SHOWN_AFTER_END
