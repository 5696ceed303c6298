"""Moving on from a place in the middle: she says so, and nobody asks why."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast

from django.db import models, transaction

from notify import outbox
from privacy.states import SomebodyWasFaster
from requests_app.models.bed_night import BedNight
from requests_app.models.called_off import CalledOff
from requests_app.models.claim_queryset import DONE
from requests_app.models.proposal import Proposal

if TYPE_CHECKING:
    from requests_app.models.claim import Claim


class CanMoveOn(models.Model):
    """That half of a claim (requests_app/models/claim.py)."""

    class Meta:
        abstract = True

    def can_move_on(self, at: datetime) -> bool:
        """She has said yes, and her nights there have begun."""
        claim = cast("Claim", self)
        return claim.is_approved and claim.need.is_under_way(at)

    def move_on(self, at: datetime, elsewhere: bool = False) -> None:
        """Check-out: what they did is done, the beds of further nights are free, the place is closed.

        `elsewhere`: she needs another place for the nights that are left, and they are asked for; this
        volunteer is not proposed for them. The volunteer reads the same in both cases: the stay is over.
        Raises SomebodyWasFaster where it is over, or has not begun.
        """
        claim = cast("Claim", self)
        if not self.can_move_on(at):
            raise SomebodyWasFaster
        if not (elsewhere and self._leave_the_rest(at)):
            claim.finish(at, by_her=True)

    def _leave_the_rest(self, at: datetime) -> bool:
        """Whether a night was left, and is asked for now."""
        claim = cast("Claim", self)
        with transaction.atomic():
            claim._see(at)
            if not self.can_move_on(at):
                raise SomebodyWasFaster
            if not claim.need.only_what_is_left(at):
                return False
            claim._move(DONE, at, ending=True)
            BedNight.objects.free(claim)
            claim._take_back_news()
            theirs = Proposal.objects.filter(task=claim.task_id, volunteer=claim.volunteer_id)
            theirs.update(outcome=Proposal.DECLINED)
            claim.need.is_broken_off(claim, at)
            self._tell_done(True, at)
            claim.task.free_again(at)
        claim.finish_soon()
        # Not under the need's lock: whoever claims takes the locks of volunteer and need the other way round.
        claim._rest(at)
        return True

    def _tell_done(self, by_her: bool, at: datetime) -> None:
        """The other side hears of it. Whoever hosted reads for a day that it is over, and nothing else."""
        claim = cast("Claim", self)
        if not by_her:
            outbox.queue(claim.need_id, f"claim:{claim.id}:done", at)
            return
        outbox.queue(claim.volunteer_id, f"claim:{claim.id}:over", at, pace="changed")
        CalledOff.objects.tell(claim.volunteer, at, is_over=True)
