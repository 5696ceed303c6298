"""Somebody who has something of a need cannot go on at all: a car that broke down. No blame, all at once."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, cast

from django.db import models, transaction

from notify import outbox
from privacy.states import SomebodyWasFaster
from requests_app.models.claim_queryset import RELEASED
from requests_app.models.need import Need
from volunteers import rota

if TYPE_CHECKING:
    from requests_app.models.claim import Claim


class CanStopHere(models.Model):
    """That part of a claim (requests_app/models/claim.py)."""

    class Meta:
        abstract = True

    if TYPE_CHECKING:
        id: uuid.UUID
        need_id: uuid.UUID
        volunteer_id: uuid.UUID

    def cannot_go_on(self, at: datetime) -> None:
        """Whatever they still have of this need, or stand by for, is given back; what they had is asked of
        everybody at once, and the desk hears of it. What is done stays done.

        Raises SomebodyWasFaster where they have nothing of it any more.
        """
        with transaction.atomic():
            theirs = self._all_they_have(at)
            for claim in theirs:
                if claim.holds:
                    claim.task.ask_everybody()
                claim.leave_within(RELEASED, at)
            # One message for all of it.
            outbox.take_back([(self.need_id, f"claim:{claim.id}:left") for claim in theirs])
            outbox.queue(self.need_id, f"claim:{self.id}:lost", at, pace="changed")
            rota.tell(f"claim:{self.id}:lost", at)
        for claim in theirs:
            claim.finish_soon()

    def _all_they_have(self, at: datetime) -> list[Claim]:
        """Their live claims on this need, under its lock; at least one of them keeps others out."""
        Need.objects.lock(self.need_id)
        claims = type(cast("Claim", self)).objects.on_live_needs(at).offered(at)
        theirs = list(claims.filter(need=self.need_id, volunteer=self.volunteer_id))
        if not any(claim.holds for claim in theirs):
            raise SomebodyWasFaster
        return theirs
