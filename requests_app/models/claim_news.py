"""Who has to know that a claim ended, and what is no news any more when it did."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast

from notify import outbox
from privacy import clock
from requests_app.models.called_off import CalledOff
from requests_app.models.claim_queryset import APPROVED, DECLINED, HOLDING, LAPSED, RELEASED
from requests_app.models.proposal import Proposal
from requests_app.models.shared import PLACE, Shared
from volunteers import desk

if TYPE_CHECKING:
    from requests_app.models.claim import Claim


class TellsNews(Shared):
    """That part of a claim (requests_app/models/claim.py)."""

    class Meta:
        abstract = True

    def _take_back_news(self) -> None:
        """It ends: what was said of it while it went on, and has not left yet, is no news any more."""
        claim = cast("Claim", self)
        told = (self.need_id, self.volunteer_id, *desk.who_is_told())
        keys = [
            f"claim:{self.id}:{what}" for what in ("held", "next", "approved", "back", "decide", "promoted")
        ]
        keys += [f"message:{pk}" for pk in claim.messages.values_list("pk", flat=True)]
        taps = claim.taps.values_list("pk", flat=True)
        keys += [f"tap:{pk}:{what}" for pk in taps for what in ("missed", "when")]
        keys += [f"place:{pk}" for pk in self._own().filter(purpose=PLACE).values_list("pk", flat=True)]
        outbox.take_back([(recipient, key) for recipient in told for key in keys])
        mine = Proposal.objects.filter(task=claim.task_id, volunteer=self.volunteer_id)
        outbox.take_back([(self.volunteer_id, proposal.news_key) for proposal in mine])

    def _tell_left(self, was: str, to: str, at: datetime) -> None:
        """Who has to know: she, when somebody she counted on is gone; the volunteer, when they are."""
        if to == RELEASED and was in HOLDING:
            pace = "changed" if was == APPROVED else ""
            outbox.queue(self.need_id, f"claim:{self.id}:left", at, pace=pace)
        elif to in (DECLINED, LAPSED):
            pace = "changed" if was == APPROVED else ""
            outbox.queue(self.volunteer_id, f"claim:{self.id}:left", at, pace=pace)
            if was == APPROVED:
                self._call_off(at)

    def _call_off(self, at: datetime) -> None:
        """The volunteer was expected, and is not any more; once the days asked for are over, nobody is. After
        a night with them it is over, and nobody was on the way."""
        if at < clock.day_end(self.need.last_day()):
            slept = self.need.nights > 0 and clock.local_day(at) > self.need.day
            CalledOff.objects.tell(self.volunteer, at, is_over=slept)
