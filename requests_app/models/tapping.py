"""One tap: a message everybody has in their own language, that may also be what was waited for."""

from __future__ import annotations

import uuid
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, cast

from django.db import transaction

from notify import outbox
from organisation import kinds, presets
from organisation.presets import Preset
from privacy.crypto import Unreadable
from privacy.states import SomebodyWasFaster
from requests_app.models.message import Message
from requests_app.models.shared import Shared
from requests_app.models.tap import Tap
from requests_app.readers import Unlocked

if TYPE_CHECKING:
    from requests_app.models.claim import Claim


class CanTap(Shared):
    """That part of a claim (requests_app/models/claim.py)."""

    class Meta:
        abstract = True

    def say(
        self, unlocked: Unlocked, author: str, preset: Preset, at: datetime, once: uuid.UUID | None = None
    ) -> None:
        """Send a preset message; tick what waited for it. Of hers, also to whoever else waits for it.

        Raises Unreadable, SomebodyWasFaster where nobody comes any more.
        """
        with transaction.atomic():
            self._see(at)
            if not self.is_approved:
                raise SomebodyWasFaster
            self._say(unlocked, author, preset, at, once)
            if author == Message.ASKER:
                for other in self._others_who_wait(preset, at):
                    with suppress(Unreadable), transaction.atomic():
                        other._say(unlocked, author, preset, at, once)

    def _say(
        self, unlocked: Unlocked, author: str, preset: Preset, at: datetime, once: uuid.UUID | None
    ) -> None:
        claim = cast("Claim", self)
        before = claim.messages.count()
        message = Message.objects.write(
            claim, self.thread(unlocked), author, presets.stored(preset.slug), at, once
        )
        if claim.messages.count() == before:
            # The same form twice.
            return
        Tap.objects.tick(claim, author, preset, at)
        other = self.volunteer_id if author == Message.ASKER else self.need_id
        outbox.queue(other, f"message:{message.id}", at, pace=preset.pace)

    def _others_who_wait(self, preset: Preset, at: datetime) -> list[Claim]:
        """Whoever else comes and waits for the same word of hers: she says it once."""
        waiting = Tap.objects.live().filter(side=Message.ASKER, slug=preset.slug).values("claim")
        return list(
            self.need.claims_with_task().filter(status="approved", pk__in=waiting).exclude(pk=self.pk)
        )

    def wait_for_her_word(self, unlocked: Unlocked, at: datetime) -> None:
        """Where nobody knows before when it begins, nobody is expected before she says so. Only whoever reads
        what she answered can tell: for everybody else it stays as it is. Twice is harmless."""
        kind, role = kinds.get(self.need.kind), self.task.role
        spec = kind.task(role)
        if spec and spec.may_be_at_any_hour and kind.is_at_any_hour(role, self._answers(unlocked)):
            Tap.objects.unplan_start(cast("Claim", self), at)

    def meet_when(self, moment: datetime, at: datetime) -> None:
        """She says when they meet: from then on, and not before, what follows it is waited for.

        Raises SomebodyWasFaster where nobody comes any more, or the kind waits for nothing then.
        """
        with transaction.atomic():
            self._see(at)
            if not self.is_approved or not kinds.get(self.need.kind).meets_at_a_time:
                raise SomebodyWasFaster
            for row in Tap.objects.begin(cast("Claim", self), moment, at)[:1]:
                outbox.queue(self.volunteer_id, f"tap:{row.id}:when", at, pace="changed")
