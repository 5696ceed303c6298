"""Nobody sees a paused need: not yet, or not just now. Its asker says when."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast

from django.db import models, transaction

from privacy.states import SomebodyWasFaster

if TYPE_CHECKING:
    from requests_app.models.need import Need

OPEN, PAUSED, UNREADABLE = "open", "paused", "unreadable"


class CanBePaused(models.Model):
    """That half of a need (requests_app/models/need.py).

    As a state of its own, it is left out of whatever asks for open needs: board, matching, rings, desk.
    `kept_back` says the same, and goes on saying so where the need's key was lost meanwhile.
    """

    kept_back = models.BooleanField(default=False)

    class Meta:
        abstract = True

    def is_paused(self, at: datetime) -> bool:
        """Nobody sees it, and its time is not over."""
        need = cast("Need", self)
        return need.status == PAUSED and need.expires_at > at

    def pause(self, at: datetime) -> None:
        """From now on nobody sees it and nobody comes; whoever was on the way hears that it changed.
        Twice is harmless, and so is a need that ended."""
        with transaction.atomic():
            need = self._lock_if(OPEN, UNREADABLE)
            if need is None:
                return
            if need.status == UNREADABLE:
                # It stays so until she writes again, and is paused then.
                type(need).objects.filter(pk=need.pk).update(kept_back=True)
                return
            need._move(PAUSED, at, kept_back=True)
            need.end_claims(at)
            need.tasks.let_go(at)
        for claim in need.claims.ending():
            claim.finish_soon()

    def resume(self, at: datetime) -> None:
        """People may see it now, and are asked from the first ring on; those who were asked before as well.

        Raises SomebodyWasFaster where it is not paused any more.
        """
        with transaction.atomic():
            need = self._lock_if(PAUSED)
            if need is None or need.expires_at <= at:
                raise SomebodyWasFaster
            need._move(OPEN, at, kept_back=False)
            need.drop_past_nights(at)
            need.tasks.ask_again(at)

    def _lock_if(self, *states: str) -> Need | None:
        """The need as it is now, locked; None where it is in another state, or gone."""
        try:
            need = type(cast("Need", self)).objects.lock(self.pk)
        except SomebodyWasFaster:
            return None
        return need if need.status in states else None
