"""What of hers became readable, for whom by role, until when. Written in the transaction that reveals it.

Her page shows it (requests_app/reveals.py). It names nobody: who holds the database learns nothing from it
that grants, claims and proposals do not say.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import models

from organisation import kinds
from privacy import clock, instance
from privacy.fields import FieldClasses, random_key

if TYPE_CHECKING:
    from requests_app.models.claim import Claim
    from requests_app.models.need import Need
    from volunteers.models import Volunteer

# To whom, by role: whoever comes, the same from a partner organisation, the desk, those who were asked.
COMES, PARTNER, DESK, ASKED = "comes", "partner", "desk", "asked"
# What. FACTS are those in clear, on the board.
NOTE, LEG, PLAN, PLACE, MESSAGES, FACTS = "note", "leg", "plan", "place", "messages", "facts"
# What a compartment of that purpose is to her, by the first word of its name.
OF_PURPOSE = {"note": NOTE, "leg": LEG, "plan": PLAN, "place": PLACE, "thread": MESSAGES}


def of_purpose(purpose: str) -> str:
    """What a compartment is to her: "leg 1" is what she wrote for one part alone."""
    return OF_PURPOSE[purpose.partition(" ")[0]]


class RevealQuerySet(models.QuerySet["Reveal"]):
    def to_claim(self, claim: Claim, purpose: str, at: datetime) -> None:
        """Whoever has this claim can open a compartment of that purpose from now on.

        Nothing where it is the place of a host: that was never hers.
        """
        if purpose == "place" and kinds.get(claim.need.kind).host_seals_place:
            return
        reader = PARTNER if claim.volunteer.is_partner else COMES
        self._note(claim.need_id, reader, of_purpose(purpose), at, claim=claim, part=claim.task.role)

    def to_desk(self, need: Need, purpose: str, at: datetime, claim: Claim | None = None) -> None:
        """The desk can, whoever works there."""
        self._note(need.pk, DESK, of_purpose(purpose), at, claim=claim)

    def on_board(self, need: Need, people: int, at: datetime) -> None:
        """So many people were asked, and see the facts in clear."""
        self._note(need.pk, ASKED, FACTS, at, people=people)

    def opened_at_desk(self, need: Need, by: Volunteer, purposes: Iterable[str], at: datetime) -> None:
        """Somebody at the desk opened it: the first time in this hour is written down, and not who it was."""
        hour = clock.hour(at)
        rows = [
            Reveal(
                id=_once_an_hour(need, by, purpose, hour),
                need=need,
                reader=DESK,
                what=of_purpose(purpose),
                opened=True,
                at=hour,
            )
            for purpose in purposes
        ]
        self.bulk_create(rows, ignore_conflicts=True)

    def of_claim(self, claim: Claim) -> RevealQuerySet:
        return self.filter(claim=claim.pk)

    def end(self, at: datetime) -> None:
        """Nobody can open these any more."""
        self.filter(opened=False, ended_at__isnull=True).update(ended_at=clock.hour(at))

    def _note(self, need_id: uuid.UUID, reader: str, what: str, at: datetime, **more: Any) -> None:
        self.create(need_id=need_id, reader=reader, what=what, at=clock.hour(at), **more)


class Reveal(models.Model):
    """One thing of hers, readable by one role from an hour on; or opened (`opened`) in that hour.

    part: the role of the task whoever comes has; people: how many were asked. ended_at: nobody of them can
    open it any more. Rows of a claim end with it, all others with their need.
    """

    id = random_key()
    need = models.ForeignKey("requests_app.Need", models.CASCADE, related_name="reveals")
    # NULL also where the one who had it closed their account since: it was readable all the same.
    claim = models.ForeignKey("requests_app.Claim", models.SET_NULL, null=True, related_name="reveals")
    reader = models.CharField(max_length=12)
    part = models.SlugField(max_length=40, default="", blank=True, db_index=False)
    what = models.CharField(max_length=12)
    opened = models.BooleanField(default=False)
    people = models.PositiveSmallIntegerField(default=0)
    at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    objects = RevealQuerySet.as_manager()

    privacy = FieldClasses(
        clear=("id", "need", "claim", "reader", "part", "what", "opened", "people", "at", "ended_at"),
        lives="until its need is purged",
    )


def _once_an_hour(need: Need, by: Volunteer, purpose: str, hour: datetime) -> int:
    """An id that says, without the instance's secrets, nothing about who opened it."""
    parts = (need.id.bytes, by.id.bytes, purpose.encode(), hour.isoformat().encode())
    return int.from_bytes(instance.mac("reveal", *parts)[:8]) >> 1
