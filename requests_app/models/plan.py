"""If I do not come out: sealed under a slot of its own, so that it can end before its need does."""

from __future__ import annotations

import uuid
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, cast

from django.db import models, transaction
from django.db.models import Q

from organisation import kinds
from privacy import clock
from privacy.compartments import Reader
from privacy.crypto import SealingImpossible, Unreadable
from privacy.due import DueQuerySet, DueRow
from privacy.fields import FieldClasses
from privacy.keyring import keyring
from privacy.models import Compartment
from privacy.states import SomebodyWasFaster
from requests_app.models.reveal import PLAN, Reveal
from requests_app.models.sealed import Sealed
from requests_app.models.tap import ends_at
from requests_app.readers import Unlocked

if TYPE_CHECKING:
    from requests_app.models.claim import Claim
    from requests_app.models.need import Need
    from requests_app.models.shared import Shared


class PlanQuerySet(DueQuerySet["Plan"]):
    def alive(self, at: datetime) -> PlanQuerySet:
        """What can still be read: one whose time is over is over, whether the broom came or not."""
        return self.filter(ending=False, over_at__gt=at)

    def over(self, at: datetime) -> PlanQuerySet:
        """Its time is over, or it was taken back, and its key is not destroyed yet."""
        return self.filter(Q(over_at__lte=at) | Q(ending=True))

    def begin(self, need: Need, at: datetime) -> Plan:
        """A plan with a slot of its own, not yet stored: `seal` it, or `give_back` the slot.

        Raises SomebodyWasFaster where its time would be over already.
        """
        over_at = plan_over_at(need)
        if over_at is None or over_at <= at:
            raise SomebodyWasFaster
        plan = self.model(id=uuid.uuid4(), need=need, over_at=over_at)
        plan.slot_number = keyring().allocate(plan.slot_owner).number
        return plan


def plan_over_at(need: Need) -> datetime | None:
    """Until when a plan of this need could be read; None where its kind has none."""
    lives = kinds.get(need.kind).plan_lives
    return None if lives is None else clock.quarter_up(ends_at(need) + lives)


class Plan(Sealed, DueRow):
    """What the companions do if she does not come out. Ends by itself, hours after the last part."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    need = models.ForeignKey("requests_app.Need", models.CASCADE, related_name="plans")
    text = models.BinaryField()
    over_at = models.DateTimeField()
    ending = models.BooleanField(default=False)

    objects = PlanQuerySet.as_manager()

    privacy = FieldClasses(
        sealed=("text",),
        clear=(
            *("id", "need", "slot_number", "over_at", "ending"),
            *("lease_token", "lease_until", "attempts", "retry_after"),
        ),
        lives="until hours after the last part asked for; at most as long as its need",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["need"], condition=Q(ending=False), name="plan_one_each")
        ]
        indexes = [models.Index(fields=["over_at"], name="plan_due_end")]

    def seal(self, text: str, mailbox: Reader, at: datetime) -> None:
        """Seal it to her, and store it. Inside the transaction that holds its need's lock."""
        owner = self.slot_owner, self.slot_number
        _, opened = Compartment.objects.make(PLAN, *owner, [mailbox], at)
        self.text = opened.seal_text(text, "plan", "text", self.id)
        self.save(force_insert=True)
        self.look_again()

    def give_back(self) -> None:
        """It was not stored: its key goes."""
        keyring().destroy(self.slot_number, self.slot_owner)
        keyring().release(self.slot_number, self.slot_owner)

    def read(self, unlocked: Unlocked) -> str:
        """What she wrote. Raises Unreadable for everybody it was not granted to."""
        opened = self.open_compartment(PLAN, unlocked)
        return opened.open_text(bytes(self.text), "plan", "text", self.id)

    def grant(self, claim: Shared, unlocked: Unlocked, at: datetime) -> None:
        """Let whoever comes read it, as long as they come. Where `unlocked` cannot, it waits for who can."""
        reader, compartment = claim.volunteer.reader(), self.compartment(PLAN)
        if compartment is None or compartment.can_be_opened_by(reader, claim.slot_owner):
            return
        with suppress(Unreadable):
            opened = self.open_compartment(PLAN, unlocked)
            opened.grant(compartment, reader, at, claim.slot_owner, claim.slot_number)
            Reveal.objects.to_claim(cast("Claim", claim), PLAN, at)

    def end(self, at: datetime) -> None:
        """Its time is over, or it was taken back. Commit that, destroy the slot, then delete the row."""
        with transaction.atomic():
            try:
                type(self.need).objects.lock(self.need_id)
            except SomebodyWasFaster:
                return
            if Plan.objects.over(at).filter(pk=self.pk).update(ending=True):
                Reveal.objects.filter(need=self.need_id, what=PLAN).end(at)
            self.ending = Plan.objects.filter(pk=self.pk, ending=True).exists()
        self.finish_ending()

    def without_key(self) -> None:
        """Its key is destroyed: a database that says otherwise is older than its keyring."""
        self.ending = True
        self.finish_ending()

    def finish_ending(self, at: datetime | None = None) -> None:
        """Destroy the slot, then delete what it opened. Harmless when done before."""
        if not self.ending:
            return
        keyring().destroy(self.slot_number, self.slot_owner)
        with transaction.atomic():
            Compartment.objects.of(self.slot_owner).delete()
            Plan.objects.filter(pk=self.pk).delete()
        keyring().release(self.slot_number, self.slot_owner)


class HasPlan(models.Model):
    """That part of a need (requests_app/models/need.py)."""

    class Meta:
        abstract = True

    def plan_now(self, at: datetime) -> Plan | None:
        """What she wrote in case she does not come out; None where it is over, or nothing was written."""
        return Plan.objects.alive(at).filter(need=self.pk).first()

    def write_plan(self, unlocked: Unlocked, text: str, at: datetime) -> None:
        """A new one in place of the one before, whose key is destroyed; none where nothing was written.

        Raises SomebodyWasFaster where its time is over.
        """
        need = cast("Need", self)
        plan = Plan.objects.begin(need, at) if text else None
        try:
            with transaction.atomic():
                now = type(need).objects.lock(need.pk)
                if not now.can_be_read(at):
                    raise SomebodyWasFaster
                now.end_plans(at)
                if plan is not None:
                    plan.need = now
                    plan.seal(text, now.mailbox.reader(), at)
                    now._grant_plan(plan, unlocked, at)
        except BaseException:
            if plan is not None:
                plan.give_back()
            raise
        now.finish_plans_soon()

    def _grant_plan(self, plan: Plan, unlocked: Unlocked, at: datetime) -> None:
        for claim in cast("Need", self).claims_with_task().filter(status="approved"):
            if not claim.key_changed():
                plan.grant(claim, unlocked, at)

    def end_plans(self, at: datetime) -> None:
        """Inside a transaction: nobody reads it any more. `finish_plans` follows its commit."""
        Plan.objects.filter(need=self.pk).update(ending=True)
        Reveal.objects.filter(need=self.pk, what=PLAN).end(at)

    def finish_plans(self) -> None:
        """Destroy what ended."""
        for plan in Plan.objects.filter(need=self.pk, ending=True):
            plan.finish_ending()

    def finish_plans_soon(self) -> None:
        """Now, or by the broom where the keyring does not answer."""
        with suppress(SealingImpossible):
            self.finish_plans()

    def lose_plans(self) -> None:
        """The keyring was lost, and with it what opened them."""
        for plan in Plan.objects.filter(need=self.pk):
            Compartment.objects.of(plan.slot_owner).delete()
            plan.delete()
