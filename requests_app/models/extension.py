"""More nights: asked for by either side while she is there, and booked once all three said yes.

The three are whoever asked for help, the host and the desk. Anybody's no ends it, without a reason, and whose
no it was is stored nowhere. What was agreed before goes on in any case.
"""

import uuid
from collections.abc import Iterable
from datetime import datetime

from django.db import models, transaction
from django.db.models import Q

from notify import outbox
from organisation.models import Organisation
from privacy import clock
from privacy.fields import FieldClasses
from privacy.states import SomebodyWasFaster, Stateful
from requests_app.models.bed_night import BedNight
from requests_app.models.claim import Claim
from requests_app.models.claim_queryset import APPROVED
from requests_app.models.event import Event
from requests_app.models.tap import Tap
from volunteers import desk
from volunteers.models import Volunteer

ASKED, AGREED, REFUSED, DROPPED = "asked", "agreed", "refused", "dropped"
# Whose yes it takes, as the columns have it.
ASKER, HOST, AT_DESK = "asker_yes", "host_yes", "desk_yes"
SIDES = (ASKER, HOST, AT_DESK)
# So often it can be asked for during one stay: whoever said no is left in peace.
MOST_TIMES = 5


class TooLong(Exception):
    """It would be longer than the organisation allows, or was asked for too often."""


class ExtensionQuerySet(models.QuerySet["Extension"]):
    def asked(self) -> "ExtensionQuerySet":
        return self.filter(status=ASKED)

    def waiting(self, at: datetime) -> "ExtensionQuerySet":
        """Those that wait for a yes: the stay goes on, and its last morning is not over."""
        live = self.asked().filter(over_after__gt=at, claim__status=APPROVED)
        return live.filter(claim__need__status="open", claim__need__expires_at__gt=at)

    def wait_for_desk(self, at: datetime) -> set[uuid.UUID]:
        """The ids of the tasks for which more nights wait for a yes of the desk. One query."""
        return set(self.waiting(at).filter(desk_yes=False).values_list("claim__task", flat=True))

    def of(self, claims: Iterable[Claim]) -> "dict[uuid.UUID, Extension]":
        """claim id → the latest of each. One query."""
        rows = self.filter(claim__in=list(claims)).order_by("number")
        return {row.claim_id: row for row in rows}

    def on_need(self, need_id: uuid.UUID) -> "ExtensionQuerySet":
        """Those of one need, with what their verbs look at: any other is a 404."""
        related = ("claim", "claim__need", "claim__task", "claim__volunteer", "claim__offer")
        return self.filter(claim__need=need_id).select_related(*related)

    def for_desk(self, coordinator: Volunteer) -> "ExtensionQuerySet":
        """Those that one person can answer for the desk: not of their home, unless they are alone."""
        others = Volunteer.objects.coordinators().exclude(pk=coordinator.pk)
        return self.exclude(claim__volunteer=coordinator) if others.exists() else self

    def end_with_claim(self, at: datetime) -> None:
        """The claim these belong to ends, and with it what is asked for. Inside that transaction."""
        for extension in self:
            if extension.status == ASKED:
                extension._end(DROPPED, at)
            extension._take_back_news(ASKED, AGREED, REFUSED)

    def ask(self, claim: Claim, nights: int, side: str, at: datetime) -> "Extension":
        """`side` asks for so many more nights, and has said yes to them. What waits already is given back.

        Raises SomebodyWasFaster where the stay is over, TooLong.
        """
        with transaction.atomic():
            claim._see(at)
            if not claim.is_approved or not claim.need.nights or at >= claim.need.over_at():
                raise SomebodyWasFaster
            before = list(self.filter(claim=claim).order_by("number"))
            if before and before[-1].status == ASKED:
                return before[-1]
            if (
                not 1 <= nights <= most_more(claim, Organisation.objects.current())
                or len(before) >= MOST_TIMES
            ):
                raise TooLong
            extension = self.model(claim=claim, nights=nights, number=len(before) + 1)
            extension.over_after = claim.need.over_at()
            setattr(extension, side, True)
            extension.save(force_insert=True)
            extension.tell(ASKED, SIDES, at, pace="now", but=side)
        return extension


class Extension(Stateful):
    """So many more nights of one claim, and who has said yes to them."""

    MOVES = {
        ASKED: {AGREED: "agree", REFUSED: "refuse, agree", DROPPED: "end_with_claim"},
        AGREED: {},
        REFUSED: {},
        DROPPED: {},
    }

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    claim = models.ForeignKey(Claim, models.CASCADE, related_name="extensions")
    status = models.CharField(max_length=16, default=ASKED)
    number = models.PositiveSmallIntegerField()
    nights = models.PositiveSmallIntegerField()
    asker_yes = models.BooleanField(default=False)
    host_yes = models.BooleanField(default=False)
    desk_yes = models.BooleanField(default=False)
    # All three said yes, and no bed was left.
    no_bed = models.BooleanField(default=False)
    over_after = models.DateTimeField()

    objects = ExtensionQuerySet.as_manager()

    privacy = FieldClasses(
        clear=(
            *("id", "claim", "status", "number", "nights", "no_bed", "over_after"),
            *("asker_yes", "host_yes", "desk_yes"),
        ),
        lives="until its need is purged",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["claim", "number"], name="extension_number_once"),
            models.UniqueConstraint(
                fields=["claim"], condition=Q(status=ASKED), name="extension_one_is_asked"
            ),
        ]

    def is_waiting(self, at: datetime) -> bool:
        """It can still be answered. Of a claim that lives."""
        return self.status == ASKED and self.over_after > at

    def agree(self, side: str, at: datetime) -> None:
        """A yes. The last one books the beds, or refuses where none is left. Twice is harmless.

        Raises SomebodyWasFaster where it was answered, or the stay is over.
        """
        with transaction.atomic():
            self._see(at)
            if not type(self).objects.asked().filter(pk=self.pk).update(**{side: True}):
                raise SomebodyWasFaster
            setattr(self, side, True)
            if all(getattr(self, one) for one in SIDES):
                self._book(at)

    def refuse(self, at: datetime) -> None:
        """A no of any of the three. Raises SomebodyWasFaster as `agree`."""
        with transaction.atomic():
            self._see(at)
            self._end(REFUSED, at)

    def _see(self, at: datetime) -> None:
        """Lock the need, then read this as it is now."""
        self.claim._see(at)
        self.refresh_from_db(fields=["status", *SIDES])
        if not self.claim.is_approved or not self.is_waiting(at):
            raise SomebodyWasFaster

    def _book(self, at: datetime) -> None:
        """The beds of the further nights, the dates and the end of the need: all of it, or nothing."""
        need = self.claim.need
        try:
            if self.nights > most_more(self.claim, Organisation.objects.current()):
                raise SomebodyWasFaster
            BedNight.objects.take(self.claim, need.nights_after(self.nights))
        except SomebodyWasFaster:
            self._end(REFUSED, at, no_bed=True)
            return
        need.add_nights(self.nights, at)
        Tap.objects.plan(self.claim, at)
        self._end(AGREED, at)

    def _moved(self, to: str, at: datetime) -> None:
        claim = self.claim
        Event.objects.create(
            need_id=claim.need_id,
            task_id=claim.task_id,
            claim=claim,
            verb=f"longer_{to}",
            happened_at=clock.hour(at),
        )

    def _end(self, to: str, at: datetime, no_bed: bool = False) -> None:
        # Who had said yes would say who had not.
        self._move(to, at, no_bed=no_bed, asker_yes=False, host_yes=False, desk_yes=False)
        self._take_back_news(ASKED)
        if to != DROPPED:
            self.tell(to, (ASKER, HOST), at, pace="now" if to == AGREED else "")

    def tell(self, what: str, sides: Iterable[str], at: datetime, pace: str, but: str = "") -> None:
        """There is news for these sides, without the one whose news it is."""
        key = f"extension:{self.pk}:{what}"
        for side in sides:
            if side == AT_DESK and side != but:
                desk.tell(key, at)
            elif side != but:
                to = self.claim.need_id if side == ASKER else self.claim.volunteer_id
                outbox.queue(to, key, at, pace=pace)

    def _take_back_news(self, *of: str) -> None:
        """What was said of it, and has not left yet, is no news any more."""
        told = (self.claim.need_id, self.claim.volunteer_id, *desk.who_is_told())
        outbox.take_back([(one, f"extension:{self.pk}:{what}") for one in told for what in of])


def most_more(claim: Claim, organisation: Organisation) -> int:
    """How many more nights the organisation allows."""
    return max(0, organisation.max_nights - claim.need.nights)
