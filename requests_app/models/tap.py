"""What is expected of the two of a claim, by when, and whether it came: one row for each thing waited for."""

from __future__ import annotations

import uuid
from collections.abc import Container, Iterator
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from notify import outbox
from organisation import conditions, kinds
from organisation.presets import Preset
from organisation.tap import ASKER, END, EVENING, MOMENTS, SIDES, START
from organisation.tap import Tap as Line
from privacy import clock
from privacy.due import DueQuerySet, DueRow
from privacy.fields import FieldClasses
from privacy.states import SomebodyWasFaster, Stateful
from requests_app.models.need_day import chances
from volunteers import desk, rota

if TYPE_CHECKING:
    from requests_app.models.claim import Claim
    from requests_app.models.need import Need
    from requests_app.models.task import Task

EXPECTED, TAPPED, MISSED, DROPPED = "expected", "tapped", "missed", "dropped"
LIVE = (EXPECTED, MISSED)
EVENING_OF_A_NIGHT = time(23)


def begins_by(task: Task) -> datetime:
    """By when somebody is there, where nobody said when they meet: within the first part that must be
    covered, or within the last of those that would do."""
    parts = chances(task.need.day, task.parts)
    return parts[0][1] if task.covers else parts[-1][1]


def ends_at(need: Need, parts: int = 0) -> datetime:
    """When the last part asked for ends: of the need, or (parts) of one of its tasks."""
    if need.nights:
        return clock.day_end(need.last_day())
    return chances(need.day, parts or need.parts)[-1][1]


def evening_of(night: date) -> datetime:
    """When it is asked whether a night is OK, of the night that begins on this date."""
    local = datetime.combine(night, EVENING_OF_A_NIGHT, timezone.get_default_timezone())
    return local.astimezone(clock.UTC)


def first_evening(need: Need) -> datetime:
    """When it is asked of the first night: at the end of it, where she may still arrive after midnight."""
    kind = kinds.get(need.kind)
    late = bool(kind.after_midnight) and need.conditions & conditions.bits([kind.after_midnight])
    if late or need.parts == clock.Part.NIGHT:
        # The last quarter that is still this night, and no word about the next.
        return clock.day_end(need.day) - clock.QUARTER
    return evening_of(need.day)


def _end_of_part(task: Task, moment: datetime) -> datetime:
    """When the part of its day ends in which this moment lies; outside them, when the last does."""
    parts = chances(task.need.day, task.parts)
    return next((end for begins, end in parts if begins <= moment < end), parts[-1][1])


class TapQuerySet(DueQuerySet["Tap"]):
    def live(self) -> TapQuerySet:
        """Still waited for: it can come, in time or late."""
        return self.filter(status__in=LIVE)

    def overdue(self, at: datetime) -> TapQuerySet:
        """Not said in time, by somebody of whom it is still expected. What ended waits for nothing."""
        comes = Q(claim__status="approved", claim__need__status="open", claim__need__expires_at__gt=at)
        return self.filter(comes, status=EXPECTED, missed_after__lte=at).select_related("claim")

    def not_said_by(self, claim: Claim | None, at: datetime) -> TapQuerySet:
        """What this volunteer was expected to say, and has not said in time."""
        return self.live().filter(claim=claim, missed_after__lte=at).exclude(side=ASKER)

    def for_desk(self, at: datetime) -> TapQuerySet:
        """What did not come, of claims that go on; with who was to say it."""
        comes = Q(claim__status="approved", claim__need__status="open", claim__need__expires_at__gt=at)
        late = self.live().filter(comes, missed_after__lte=at)
        return late.select_related("claim__volunteer").order_by("missed_after", "slug", "side")

    def plan(self, claim: Claim, at: datetime) -> None:
        """Write down what is expected of a claim from now on. Twice is harmless: what is there stays."""
        for line in _lines(claim):
            if line.after in MOMENTS:
                for moment in _moments(claim, line.after):
                    self._expect(claim, line, moment, at)

    def begin(self, claim: Claim, moment: datetime, at: datetime) -> list[Tap]:
        """They meet at this moment: whatever is expected then, and not before. Those rows. Where nobody knew
        the hour before, what is expected at the end is of that part of the day."""
        made = self._expect_instead(claim, START, moment, at)
        spec = kinds.get(claim.need.kind).task(claim.task.role)
        if spec and spec.may_be_at_any_hour:
            self._expect_instead(claim, END, _end_of_part(claim.task, moment), at)
        return made

    def _expect_instead(self, claim: Claim, after: str, moment: datetime, at: datetime) -> list[Tap]:
        """Whatever follows START or END, at this moment in place of another. What was said stays said."""
        lines = [line for line in _lines(claim) if line.after == after]
        slugs = [line.slug for line in lines]
        for row in claim.taps.live().filter(slug__in=slugs):
            row._move(DROPPED, at)
        said = set(claim.taps.filter(status=TAPPED).values_list("side", "slug"))
        return [row for line in lines for row in self._expect(claim, line, moment, at, but_not=said)]

    def unplan_start(self, claim: Claim, at: datetime) -> None:
        """Nobody is expected by the end of what was asked for. When she said that they meet stands."""
        planned = begins_by(claim.task)
        for line in _lines(claim):
            if line.after == START:
                due_at = clock.quarter_up(planned + line.within)
                for row in claim.taps.live().filter(slug=line.slug, due_at=due_at):
                    row._move(DROPPED, at)

    def tick(self, claim: Claim, side: str, preset: Preset, at: datetime) -> None:
        """`side` said it: it is not waited for any more, nor what comes before it; what follows it is."""
        lines = _lines(claim)
        said = [line for line in lines if line.slug == preset.slug]
        sides = SIDES if any(line.together for line in said) else frozenset({side})
        rows = claim.taps.live().filter(side__in=sides)
        if preset.puts_off:
            own = rows.filter(status=EXPECTED, side=side)
            own.update(missed_after=F("missed_after") + preset.puts_off)
        for row in rows:
            row._answered(lines, preset.slug, at)
        for line in lines:
            if said and line.after == preset.slug:
                self._replace(claim, line, sides, at)

    def _replace(self, claim: Claim, line: Line, sides: frozenset[str], at: datetime) -> None:
        """What a tap makes expected, in place of the same where it was expected at another time."""
        for row in claim.taps.live().filter(slug=line.slug, side__in=line.by):
            row._move(DROPPED, at)
        self._expect(claim, line, at, at)

    def _expect(
        self,
        claim: Claim,
        line: Line,
        moment: datetime,
        at: datetime,
        but_not: Container[tuple[str, str]] = (),
    ) -> list[Tap]:
        due_at = clock.quarter_up(moment + line.within)
        missed_after = clock.quarter_up(due_at + line.grace)
        made: list[Tap] = []
        if missed_after <= at:
            return made
        for side in line.by:
            there = claim.taps.filter(side=side, slug=line.slug, due_at=due_at).exclude(status=DROPPED)
            if (side, line.slug) not in but_not and not there.exists():
                row = self.create(
                    claim=claim, side=side, slug=line.slug, due_at=due_at, missed_after=missed_after
                )
                made.append(row)
        return made

    def of_claims(self, claims: list[Claim]) -> TapQuerySet:
        """What is waited for of any of these, the first to be missed first. One query."""
        return self.live().filter(claim__in=claims).order_by("missed_after", "slug", "side")


class Tap(Stateful, DueRow):
    """One thing that one side of a claim is expected to say by a moment."""

    MOVES = {
        EXPECTED: {TAPPED: "say", MISSED: "miss", DROPPED: "say, meet_when, wait_for_her_word"},
        # Late, and good all the same.
        MISSED: {TAPPED: "say", DROPPED: "say, meet_when, wait_for_her_word"},
        TAPPED: {},
        DROPPED: {},
    }

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    claim = models.ForeignKey("requests_app.Claim", models.CASCADE, related_name="taps")
    side = models.CharField(max_length=16)
    slug = models.SlugField(max_length=40)
    status = models.CharField(max_length=16, default=EXPECTED)
    due_at = models.DateTimeField()
    missed_after = models.DateTimeField()

    objects = TapQuerySet.as_manager()

    privacy = FieldClasses(
        clear=(
            *("id", "claim", "side", "slug", "status", "due_at", "missed_after"),
            *("lease_token", "lease_until", "attempts", "retry_after"),
        ),
        lives="until its claim ends",
    )

    class Meta:
        indexes = [
            models.Index(fields=["missed_after"], condition=Q(status=EXPECTED), name="tap_due_miss"),
        ]

    @property
    def is_missed(self) -> bool:
        return self.status == MISSED

    def is_late(self, at: datetime) -> bool:
        """Its grace is over, whether the broom came or not."""
        return self.missed_after <= at

    def miss(self, at: datetime) -> None:
        """It did not come: the desk hears it, and the other side. Twice is harmless."""
        need_id = self.claim.need_id
        with transaction.atomic():
            try:
                need = type(self.claim.need).objects.lock(need_id)
                self.refresh_from_db(fields=["status", "missed_after", "claim"])
            except (SomebodyWasFaster, Tap.DoesNotExist):
                return
            waits = self.status == EXPECTED and self.is_late(at)
            if not waits or not self.claim.is_approved or not need.lives(at):
                return
            self._move(MISSED, at)
            other = self.claim.volunteer_id if self.side == ASKER else need_id
            outbox.queue(other, f"tap:{self.id}:missed", at, pace="now")
            rota.tell(f"tap:{self.id}:missed", at)

    def _answered(self, lines: list[Line], slug: str, at: datetime) -> None:
        """`slug` was said by this side: was it this, or is this over by it?"""
        if self.slug == slug:
            night = clock.local_day(self.due_at)
            is_nightly = any(line.slug == slug and line.after == EVENING for line in lines)
            if not is_nightly or night == clock.local_day(at):
                self._move(TAPPED, at)
            elif night < clock.local_day(at):
                self._move(DROPPED, at)
        elif slug in (order := [line.slug for line in lines]):
            # What another tap had made expected, or what comes before, is not waited for any more.
            timed = any(line.slug == self.slug and line.after in MOMENTS for line in lines)
            before = self.slug in order and order.index(self.slug) < order.index(slug)
            if before or not timed:
                self._move(DROPPED, at)

    def _moved(self, to: str, at: datetime) -> None:
        """No event: when somebody taps is nobody's business. That it is missing is no news any more."""
        if to != MISSED:
            recipients = (self.claim.volunteer_id, self.claim.need_id, *desk.who_is_told())
            outbox.take_back((who, f"tap:{self.id}:missed") for who in recipients)


def _lines(claim: Claim) -> list[Line]:
    """The table of its kind, as far as it is about this task."""
    lines = kinds.get(claim.need.kind).taps
    return [line for line in lines if not line.roles or claim.task.role in line.roles]


def _moments(claim: Claim, after: str) -> Iterator[datetime]:
    need = claim.need
    if after == START:
        yield begins_by(claim.task)
    elif after == END:
        yield ends_at(need, claim.task.parts)
    else:
        yield first_evening(need)
        for night in range(1, need.nights):
            yield evening_of(need.day + timedelta(days=night))
