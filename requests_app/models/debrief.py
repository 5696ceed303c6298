"""That somebody would like to talk about it: sealed to the desk. Who, and about what, only they may say."""

from __future__ import annotations

import uuid
from contextlib import suppress
from datetime import datetime, timedelta

from django.db import IntegrityError

from privacy.fields import FieldClasses
from requests_app.models.apart import Apart, ApartQuerySet
from volunteers import desk


class DebriefQuerySet(ApartQuerySet["Debrief"]):
    def leave(self, once: uuid.UUID, text: str, reach: str, side: str, at: datetime) -> None:
        """Seal it to the desk, which hears that there is news. The same form (`once`) twice leaves one.

        `side` is ASKER or VOLUNTEER (requests_app/models/report.py). Raises SealingImpossible where the desk
        has no key that may be granted anything.
        """
        debrief = self.model(id=self.model.id_of(once))
        if self.filter(pk=debrief.pk).exists():
            return
        with suppress(IntegrityError), debrief.in_a_slot_of_its_own():
            debrief.write({"text": text, "reach": reach, "side": side}, [desk.lock_for_granting()], at)
            desk.tell(f"debrief:{debrief.id}", at)


class Debrief(Apart):
    """One of them. No column says whose it is, nor which need it was."""

    KEPT = timedelta(days=14)

    objects = DebriefQuerySet.as_manager()

    privacy = FieldClasses(
        sealed=("said",),
        clear=(
            *("id", "ending", "forget_after", "slot_number"),
            *("lease_token", "lease_until", "attempts", "retry_after"),
        ),
        lives="until somebody at the desk is done with it, or 14 days",
    )

    class Meta(Apart.Meta):
        pass

    def lose_key(self, at: datetime) -> None:
        """The keyring was lost: nothing is left of it, and nobody is kept back by it."""
        super().lose_key(at)
        self.delete()
