"""When the keyring itself was lost: a need comes back as its clear facts, until its asker writes again."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast

from django.db import transaction

from notify import outbox
from privacy.keyring import keyring
from privacy.models import Compartment
from privacy.states import SomebodyWasFaster
from requests_app.models.paused import PAUSED
from requests_app.models.sealed import Sealed

if TYPE_CHECKING:
    from requests_app.models.asked import Asked
    from requests_app.models.need import Need

OPEN, UNREADABLE = "open", "unreadable"


class CanLoseItsKey(Sealed):
    """That half of a need (requests_app/models/need.py).

    As a state of its own, it is left out of whatever asks for open needs: board, matching, rings, claims.
    """

    class Meta:
        abstract = True

    def is_unreadable(self, at: datetime) -> bool:
        """Its key was lost and its time is not over: its facts in clear are all there is."""
        need = cast("Need", self)
        return need.status == UNREADABLE and need.expires_at > at

    def lose_key(self, at: datetime) -> None:
        """The keyring was lost. Whoever had taken it is free again; she, and they, hear that there is news.

        Needs no keyring: the claims' endings are finished once there is a new one.
        """
        with transaction.atomic():
            need = self._locked()
            if need.status not in (OPEN, PAUSED):
                return
            need._move(UNREADABLE, at, note=None, answers=None, desk_place=None)
            need.tasks.update(answers=None)
            need.end_claims(at)
            need.tasks.let_go(at)
            Compartment.objects.of(need.slot_owner).delete()
            need.lose_plans()
            if not need.kept_back:
                # Else somebody else may hold her telephone.
                outbox.queue(need.id, f"need:{need.id}:unreadable", at, pace="changed")

    def write_again(self, asked: Asked, at: datetime) -> None:
        """She wrote it once more, under a key of the new keyring: from now on people are asked again, unless
        she had paused it.

        Raises SomebodyWasFaster where it is no longer waiting for that.
        """
        slot = keyring().allocate(self.slot_owner)
        try:
            with transaction.atomic():
                need = self._locked()
                if not need.is_unreadable(at):
                    raise SomebodyWasFaster
                need.slot_number = slot.number
                need._seal(asked, need.mailbox.reader(), at)
                need.tasks.write_again(need, asked, at)
                sealed = {name: getattr(need, name) for name in ("note", "answers", "desk_place")}
                to = PAUSED if need.kept_back else OPEN
                need._move(to, at, slot_number=slot.number, desk_reads=asked.desk_reads, **sealed)
                if to == OPEN:
                    need.drop_past_nights(at)
                    need.tasks.ask_again(at)
        except BaseException:
            keyring().destroy(slot.number, self.slot_owner)
            keyring().release(slot.number, self.slot_owner)
            raise

    def _locked(self) -> Need:
        need = cast("Need", self)
        return type(need).objects.lock(need.pk)
