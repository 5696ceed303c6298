"""The states of a claim, and the questions about claims; what happens to one is in claim.py."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Count, Exists, OuterRef, Q

from privacy import clock
from privacy.due import DueQuerySet
from requests_app.models.asked import DESK
from requests_app.models.event import Event
from requests_app.models.mailbox import Mailbox
from volunteers.models import Volunteer

if TYPE_CHECKING:
    from requests_app.models.claim import Claim
    from requests_app.models.need import Need

HELD, STANDBY, APPROVED = "held", "standby", "approved"
# The answer was yes, for the case that somebody else cannot come: until then they open nothing.
BACKUP = "backup"
DONE, RELEASED, DECLINED, LAPSED = "done", "released", "declined", "lapsed"
HOLDING = (HELD, APPROVED, BACKUP)
LIVE = (HELD, STANDBY, APPROVED, BACKUP)
# Live without a time at which that ends.
LASTING = (STANDBY, APPROVED, BACKUP)


class ClaimQuerySet(DueQuerySet["Claim"]):
    def live(self) -> "ClaimQuerySet":
        return self.filter(status__in=LIVE)

    def holding(self, at: datetime) -> "ClaimQuerySet":
        """The claim that keeps others out now: it had its yes, or is held and its time is not over."""
        return self.filter(Q(status__in=(APPROVED, BACKUP)) | Q(status=HELD, held_until__gt=at))

    def overdue(self, at: datetime) -> "ClaimQuerySet":
        """Holds whose time is over. Every query already treats them as gone."""
        return self.filter(status=HELD, held_until__lte=at).select_related("task", "need")

    def approved(self) -> "ClaimQuerySet":
        return self.filter(status=APPROVED)

    def sealed_to(self, volunteer: Volunteer, at: datetime) -> "ClaimQuerySet":
        """What a volunteer was said yes to: note, place and messages are sealed to their key."""
        return self.of(volunteer, at).filter(status=APPROVED)

    def standing_by(self) -> "ClaimQuerySet":
        return self.filter(status=STANDBY).select_related("volunteer").order_by("place_in_line")

    def backups(self) -> "ClaimQuerySet":
        """Who comes if somebody else cannot, in the order in which they took it."""
        return self.filter(status=BACKUP).select_related("volunteer", "task").order_by("claimed_at", "pk")

    def ending(self) -> "ClaimQuerySet":
        """Ended, but the destruction of the slot was not yet finished."""
        return self.filter(ending=True)

    def of(self, volunteer: Volunteer, at: datetime) -> "ClaimQuerySet":
        """A volunteer's own live claims on needs that live: what "mine" lists and opens."""
        current = Q(status__in=LASTING) | Q(status=HELD, held_until__gt=at)
        return (
            self.filter(current, volunteer=volunteer, need__status="open", need__expires_at__gt=at)
            .select_related("task", "need", "need__area", "need__mailbox", "volunteer")
            .order_by("need__day", "need_id", "place_in_line")
        )

    def today(self, volunteer: Volunteer, at: datetime) -> "ClaimQuerySet":
        """What they are expected for today, or went to before and it goes on."""
        day = clock.local_day(at)
        return self.of(volunteer, at).filter(status=APPROVED, need__day__lte=day)

    def over_for(self, volunteer: Volunteer) -> "ClaimQuerySet":
        """What they had, or stood by for, of needs that ended since: until the need is purged."""
        return self.filter(status=RELEASED, volunteer=volunteer).exclude(need__status="open")

    def on_need(self, volunteer: Volunteer, need_id: uuid.UUID, at: datetime) -> "Claim | None":
        """Something of one need that they have now, and that keeps others out."""
        return self.holding(at).of(volunteer, at).filter(need=need_id).first()

    def had_something(self, volunteer: Volunteer, need_id: uuid.UUID) -> bool:
        """Whether they ever took anything of it."""
        return self.filter(volunteer=volunteer, need=need_id).exists()

    def ever_on(self, needs: Iterable["Need"]) -> "list[Claim]":
        """The last claim of everybody who has, or had, something of these needs, by name. One query."""
        rows = self.filter(need__in=needs).select_related("volunteer").order_by("claimed_at", "place_in_line")
        last = {(claim.need_id, claim.volunteer_id): claim for claim in rows}
        return sorted(last.values(), key=lambda claim: (claim.volunteer.handle, str(claim.pk)))

    def known_to(self, volunteer: Volunteer, at: datetime) -> "ClaimQuerySet":
        """What they have or had, of needs that were neither erased nor purged: of each, something may have
        been wrong. What is to be purged is gone, whether the broom came or not."""
        kept = Q(need__purge_after__isnull=True) | Q(need__purge_after__gt=at)
        rows = self.filter(kept, volunteer=volunteer).exclude(need__status="erased")
        return rows.select_related("need", "need__area", "task").order_by("need__day", "need_id", "pk")

    def was_yes(self) -> "ClaimQuerySet":
        """Those that somebody said yes to, whatever became of them."""
        return self.filter(Exists(Event.objects.filter(claim=OuterRef("pk"), verb=APPROVED)))

    def was_over(self, volunteer: Volunteer, need_id: uuid.UUID, task_id: str, at: datetime) -> bool:
        """Whether they had this task (its id as typed) and have it no longer."""
        had = self.filter(volunteer=volunteer, need=need_id).values_list("task_id", flat=True)
        has = self.of(volunteer, at).filter(need=need_id).values_list("task_id", flat=True)
        return task_id in {str(pk) for pk in set(had) - set(has)}

    def on_needs_of(self, mailbox: Mailbox) -> "ClaimQuerySet":
        """The claims on one asker's needs: anybody else's is a 404."""
        related = ("task", "need", "need__mailbox", "volunteer", "offer")
        return self.filter(need__mailbox=mailbox).select_related(*related)

    def on_live_needs(self, at: datetime) -> "ClaimQuerySet":
        """Claims of needs that live: a need whose time is over has none, whether the broom came or not."""
        return self.filter(need__status="open", need__expires_at__gt=at)

    def in_line(self) -> "ClaimQuerySet":
        """Claims of every state in the order they were made, with who made them."""
        return self.select_related("volunteer", "task").order_by("place_in_line")

    def for_desk(self, need_id: uuid.UUID) -> "ClaimQuerySet":
        """The claims the desk decides about: where the asker let it decide. All others are a 404."""
        related = ("task", "need", "need__mailbox", "volunteer", "offer")
        return self.filter(need=need_id, need__decides=DESK).select_related(*related)

    def backups_of(self, need_id: uuid.UUID, at: datetime) -> "ClaimQuerySet":
        """The backups of a need that lives, also those that were sent. All others are a 404."""
        related = ("task", "need", "need__mailbox", "volunteer", "offer")
        found = self.on_live_needs(at).filter(need=need_id, agreed_key__isnull=False)
        return found.select_related(*related)

    def live_counts(self, at: datetime) -> dict[uuid.UUID, int]:
        """volunteer id → how many things they have taken or stand by for now. One query."""
        current = Q(status__in=LASTING) | Q(status=HELD, held_until__gt=at)
        rows = self.on_live_needs(at).filter(current).values_list("volunteer_id")
        return dict(rows.annotate(Count("pk")))

    def offered(self, at: datetime) -> "ClaimQuerySet":
        """Who the asker (or the desk) can choose from, the one who holds it first."""
        current = Q(status__in=LASTING) | Q(status=HELD, held_until__gt=at)
        return (
            self.filter(current)
            .select_related("volunteer", "task", "need", "need__mailbox", "offer")
            .order_by("task__position", "place_in_line")
        )
