"""Who may be sent, and beside whom: checks that ran out, people who are new, slips that are remembered."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast
from uuid import UUID

from django.db import models, transaction
from django.db.models import Q

from notify import outbox
from organisation import kinds
from privacy.states import SomebodyWasFaster
from requests_app.models.claim_queryset import APPROVED, DECLINED, HOLDING, RELEASED
from volunteers.models import Check, Slip, Volunteer
from volunteers.slips import LATE, NO_SHOW

if TYPE_CHECKING:
    from requests_app.models.claim import Claim
    from requests_app.models.need import Need
    from requests_app.models.task import Task


class NotNow(Exception):
    """This volunteer may not take anything at the moment."""


class NotChecked(NotNow):
    """A check of theirs ran out, or is missing: the desk can help."""


class NotAlone(NotNow):
    """They are new, and nobody experienced comes along."""


class NotYet(Exception):
    """Its time has not begun: nobody can have stayed away."""


class CanBeTrusted(models.Model):
    """That part of a claim (requests_app/models/claim.py)."""

    class Meta:
        abstract = True

    if TYPE_CHECKING:
        need: Need
        task: Task
        volunteer: Volunteer
        volunteer_id: UUID
        status: str

        def _see(self, at: datetime) -> None: ...
        def leave_within(self, to: str, at: datetime, passes_on: bool = True) -> str: ...
        def finish_soon(self) -> None: ...
        def _call_off(self, at: datetime) -> None: ...

    # When it is

    def begins_at(self) -> datetime:
        """When what they took may begin at the earliest."""
        return self.task.begins_at()

    def has_begun(self, at: datetime) -> bool:
        """Whether they may be on the way or there already: expected, and the earliest time has come."""
        return self.status == APPROVED and self.begins_at() <= at

    def may_have_stayed_away(self, at: datetime) -> bool:
        """Whether she can say that they did not come."""
        return self.has_begun(at)

    # Who may

    def is_accompanied(self, at: datetime, task: Task | None = None) -> bool:
        """Whether whoever took it may go, to `task` where it is not their own yet: experienced, or beside
        somebody who is."""
        return not self.volunteer.probation or self.need.has_experienced(task or self.task, at)

    def refuse_unless_trusted(self, at: datetime) -> None:
        """Inside the transaction that holds the locks of volunteer and need. Raises NotChecked, NotAlone."""
        if not Check.objects.allow(self.volunteer, kinds.get(self.need.kind), at):
            raise NotChecked
        if not self.is_accompanied(at):
            raise NotAlone

    def is_trusted(self, at: datetime) -> bool:
        """The same question, where no is no error: somebody who stands by is next."""
        try:
            self.refuse_unless_trusted(at)
        except NotNow:
            return False
        return True

    # How it ends

    def free_within(self, at: datetime) -> None:
        """End it in the organisation's name, without blame, inside the caller's transaction: whoever took it
        reads "please do not go" where they were expected. Its keys go after the commit, whoever began it."""
        was_expected = self.leave_within(RELEASED, at) == APPROVED
        outbox.queue(self.volunteer_id, f"claim:{self.pk}:left", at, pace="changed" if was_expected else "")
        if was_expected:
            self._call_off(at)
        transaction.on_commit(self.finish_soon)

    def free_unless_begun(self, at: datetime) -> None:
        """As `free_within`; but whoever may be on the way or there already stays."""
        self._see(at)
        if not self.has_begun(at):
            self.free_within(at)

    def note_if_late(self, was: str, at: datetime) -> None:
        """Inside the transaction in which they said that they cannot come: too late, it is remembered."""
        late = at > self.begins_at() - kinds.get(self.need.kind).late_within
        if was == APPROVED and late:
            Slip.objects.note(self.volunteer, LATE, at)

    def did_not_come(self, at: datetime) -> None:
        """She says that nobody came: it ends, and somebody else is asked at once while there is time.

        Raises NotYet before its time, SomebodyWasFaster and MoveRefused where they are not expected any more.
        """
        with transaction.atomic():
            self._see(at)
            if self.status != APPROVED:
                raise SomebodyWasFaster
            if not self.may_have_stayed_away(at):
                raise NotYet
            self.leave_within(DECLINED, at)
            Slip.objects.note(self.volunteer, NO_SHOW, at)
        self.finish_soon()


class CanBringTogether(models.Model):
    """That part of a need (requests_app/models/need.py)."""

    class Meta:
        abstract = True

    if TYPE_CHECKING:
        claims: models.Manager[Claim]
        kind: str

    def has_experienced(self, task: Task, at: datetime) -> bool:
        """Whether somebody who is not on probation is there beside whoever has this task of it."""
        kind = kinds.get(self.kind)
        backs, apart = kind.backs(task.role), kind.apart_roles()
        if not kind.one_person_each or (task.role in apart and not backs):
            # Whoever takes over comes when the others go.
            return False
        others = cast("Need", self).claims.holding(at).exclude(task=task.pk).exclude(task__role__in=apart)
        # A backup comes instead of one of them: another one is left.
        return others.filter(volunteer__probation=False).count() > (1 if backs else 0)

    def let_newcomers_go(self, at: datetime) -> None:
        """Inside the transaction in which somebody left it: whoever is new and would be alone now is free,
        too, and she hears that it changed. Not somebody whose time has begun: they may be there already. A
        backup is not."""
        new = Q(status__in=HOLDING, volunteer__probation=True)
        need = cast("Need", self)
        for claim in need.claims_with_task().filter(new).order_by("pk"):
            claim.need = need
            # One that was freed took with it whoever relied on it: this may have been one of them.
            claim.refresh_from_db(fields=["status", "task"])
            if claim.holds and not claim.is_accompanied(at) and not claim.has_begun(at):
                claim.free_within(at)
