"""What a claim's two people share, and nobody else: the note, the place, the messages, two words.

Everything here closes with the claim's slot of the keyring.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from django.db import models, transaction

from notify import outbox
from organisation import kinds
from organisation.models import Organisation
from privacy.codes import words_from
from privacy.compartments import Opened, Reader
from privacy.crypto import Unreadable, fingerprint
from privacy.keyring import keyring
from privacy.models import Compartment
from privacy.states import SomebodyWasFaster
from requests_app.models.message import Message
from requests_app.models.reveal import Reveal
from requests_app.models.sealed import Sealed
from requests_app.readers import Unlocked

if TYPE_CHECKING:
    from requests_app.models.claim import Claim
    from requests_app.models.need import Need
    from requests_app.models.task import Task
    from volunteers.models import Volunteer

THREAD, PLACE, NOTE = "thread", "place", "note"


class KeyChanged(Exception):
    """The volunteer's key is not the one the page showed."""


class Shared(Sealed):
    """The sealed half of a claim (requests_app/models/claim.py)."""

    place = models.BinaryField(null=True)

    class Meta:
        abstract = True

    if TYPE_CHECKING:
        id: uuid.UUID
        need: Need
        need_id: uuid.UUID
        task: Task
        volunteer: Volunteer
        volunteer_id: uuid.UUID

        @property
        def is_approved(self) -> bool: ...

        def _see(self, at: datetime) -> None: ...

    def two_words(self) -> list[str]:
        """The words by which the two recognise each other; gone with the claim's slot."""
        key = keyring().read(self.slot_number, self.slot_owner)
        return words_from(key, 2, self.need.mailbox.language)

    def key_fingerprint(self) -> str:
        """The volunteer's public key, shortened: what the approving page names. Raises Unreadable."""
        return fingerprint(self.volunteer.reader().public_key).hex()

    def key_changed(self) -> bool:
        """Whether the volunteer has another key than the one that was approved: nothing is granted to it
        before she said yes again. The approved key is the one the messages were granted to."""
        thread = self.compartment(THREAD)
        if thread is None:
            return False
        try:
            return not thread.can_be_opened_by(self.volunteer.reader())
        except Unreadable:
            return True

    def has_more_for(self, giver: Reader) -> bool:
        """Whether `giver` can open something that the approved volunteer's new key cannot open yet."""
        if not self.key_changed():
            return False
        of_need = [self.need.compartment(purpose) for purpose in self._theirs_of_need()]
        theirs = (*of_need, self.compartment(PLACE), self.compartment(THREAD))
        to = self.volunteer.reader()
        return any(one and one.can_be_opened_by(giver) and not one.can_be_opened_by(to) for one in theirs)

    def approve_key(self, unlocked: Unlocked, key_fingerprint: str, at: datetime) -> None:
        """Yes to the key this volunteer has now: whatever `unlocked` opens is granted to it.

        Raises KeyChanged, SomebodyWasFaster where nobody comes any more.
        """
        with transaction.atomic():
            self._see(at)
            if not self.is_approved:
                raise SomebodyWasFaster
            if self.key_fingerprint() != key_fingerprint:
                raise KeyChanged
            for purpose in (PLACE, THREAD):
                self._grant(self.compartment(purpose), unlocked, at)
            self.grant_note(unlocked, at)
            self.grant_plan(unlocked, at)
            outbox.queue(self.volunteer_id, f"claim:{self.id}:key:{key_fingerprint}", at, pace="now")

    def _grant(self, compartment: Compartment | None, unlocked: Unlocked, at: datetime) -> None:
        """Grant one of this claim's own compartments to the volunteer's key, where `unlocked` can."""
        reader = self.volunteer.reader()
        if compartment is None or compartment.can_be_opened_by(reader):
            return
        try:
            opened = compartment.open(unlocked.reader, unlocked.private_key)
        except Unreadable:
            return
        opened.grant(compartment, reader, at)
        Reveal.objects.to_claim(cast("Claim", self), compartment.purpose, at)

    def seal_place(self, text: str, at: datetime, *also: Reader) -> None:
        """Where to meet: sealed to the two of them (and `also`), for as long as this claim lives.

        To her alone while the volunteer has a key she has not said yes to.
        """
        readers = [self.need.mailbox.reader(), *also]
        readers += [] if self.key_changed() else [self.volunteer.reader()]
        with transaction.atomic():
            self._own().filter(purpose=PLACE).delete()
            self._reveal_place(readers, at)
            _, opened = Compartment.objects.make(PLACE, self.slot_owner, self.slot_number, readers, at)
            self.place = opened.seal_text(text, "claim", "place", self.id)
            type(self)._default_manager.filter(pk=self.pk).update(place=self.place)
        self.look_again()

    def _reveal_place(self, readers: list[Reader], at: datetime) -> None:
        """Who can open it from now on; the one that was written before is gone."""
        claim = cast("Claim", self)
        Reveal.objects.of_claim(claim).filter(what=PLACE).end(at)
        kinds_of_reader = {reader.kind for reader in readers}
        if "volunteer" in kinds_of_reader:
            Reveal.objects.to_claim(claim, PLACE, at)
        if "desk" in kinds_of_reader:
            Reveal.objects.to_desk(self.need, PLACE, at, claim)

    def read_place(self, unlocked: Unlocked, at: datetime, organisation: Organisation | None = None) -> str:
        """Where to meet; "" before approval, when it is over, and where nobody wrote it.

        Raises Unreadable for everybody but the two.
        """
        if not self.is_approved or self.place is None:
            return ""
        if at >= self.need.place_seen_until(organisation):
            return ""
        opened = self.open_compartment(PLACE, unlocked)
        return opened.open_text(bytes(self.place), "claim", "place", self.id)

    def grant_note(self, unlocked: Unlocked, at: datetime) -> None:
        """Let the approved volunteer read the note, and what was written for this task alone, under this
        claim's slot. Only a reader of these can: where `unlocked` is none (or a row is damaged), it waits."""
        for purpose in self._theirs_of_need():
            self._grant_of_need(purpose, unlocked, at)

    def _theirs_of_need(self) -> tuple[str, str]:
        """The compartments of the need that whoever has this task may open. Never another task's."""
        return NOTE, self.task.purpose

    def _grant_of_need(self, purpose: str, unlocked: Unlocked, at: datetime) -> None:
        compartment, reader = self.need.compartment(purpose), self.volunteer.reader()
        if compartment is None or compartment.can_be_opened_by(reader, self.slot_owner):
            return
        try:
            opened = self.need.open_compartment(purpose, unlocked)
        except Unreadable:
            return
        opened.grant(compartment, reader, at, slot_owner=self.slot_owner, slot_number=self.slot_number)
        Reveal.objects.to_claim(cast("Claim", self), purpose, at)

    def grant_plan(self, unlocked: Unlocked, at: datetime) -> None:
        """Let the approved volunteer read what to do if she does not come out, under this claim's slot."""
        if (plan := self.need.plan_now(at)) is not None and self.is_approved:
            plan.grant(self, unlocked, at)

    def copy_desk_place(self, unlocked: Unlocked, at: datetime) -> None:
        """A place she sealed before anybody was approved goes to the one who now is.

        The desk, which knows it, stays its reader: it can pass it on to a new key of that volunteer.
        """
        place = self.need.compartment(PLACE)
        spec = kinds.get(self.need.kind).task(self.task.role)
        if spec and spec.begins_elsewhere:
            # Where the first of them begins is no business of whoever takes another.
            return
        if self.place is None and place is not None and place.can_be_opened_by(unlocked.reader):
            also = [unlocked.reader] if unlocked.reader.kind == "desk" else []
            self.seal_place(self.need.read_desk_place(unlocked), at, *also)

    def thread(self, unlocked: Unlocked) -> Opened:
        """The messages' compartment in the hands of one of the two. Raises Unreadable."""
        return self.open_compartment(THREAD, unlocked)

    def write(
        self, unlocked: Unlocked, author: str, text: str, at: datetime, once: uuid.UUID | None = None
    ) -> Message:
        """One more message, or the one this form (`once`) has sent before; the other side hears that
        there is news. Raises Unreadable, SomebodyWasFaster."""
        with transaction.atomic():
            self._see(at)
            if not self.is_approved:
                raise SomebodyWasFaster
            thread = self.thread(unlocked)
            message = Message.objects.write(cast("Claim", self), thread, author, text, at, once)
            if author == Message.ASKER:
                told = kinds.get(self.need.kind).begins_when_told(self.task.role, self._answers(unlocked))
                pace = "now" if told else ""
                outbox.queue(self.volunteer_id, f"message:{message.id}", at, pace=pace)
            else:
                outbox.queue(self.need_id, f"message:{message.id}", at)
        return message

    def _answers(self, unlocked: Unlocked) -> dict[str, Any]:
        """What she answered; nothing for whoever cannot read the note."""
        try:
            return self.need.read_note(unlocked)[1]
        except Unreadable:
            return {}

    def _own(self) -> models.QuerySet[Compartment]:
        return Compartment.objects.of(self.slot_owner)
