"""What was checked about a volunteer: which item, by whom, on which day, until when. Never what was seen.

There is no field for a text, a number or a file, on purpose: the desk looks at a paper and gives it back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import models, transaction
from django.db.models import Q

from organisation import checks, kinds
from organisation.checks import CheckItem, label
from organisation.kind import Kind
from organisation.models import Organisation
from privacy import clock
from privacy.due import DueQuerySet, DueRow
from privacy.fields import FieldClasses, random_key
from privacy.states import SomebodyWasFaster, Stateful
from volunteers.account import Volunteer

# Done by one, and somebody else has still to confirm it; done; done, and its time is over.
WAITING, DONE, EXPIRED = "waiting", "done", "expired"
# Both are told so long before it ends.
REMINDED = (timedelta(days=14), timedelta(days=3))
DAY = timedelta(days=1)


class NotThem(Exception):
    """Nobody checks themselves, and nobody is the second person after being the first."""


class TooOld(Exception):
    """What was seen so long ago does not count any more."""


@dataclass(frozen=True)
class Standing:
    """What the checks of one volunteer mean for one kind. `missing`: a required one was never done (or was
    taken back); `until`: the first day on which one of those that were done does not count any more."""

    missing: bool
    until: date | None

    def allows(self, today: date) -> bool:
        """Whether they may be sent on that day."""
        return not self.missing and (self.until is None or self.until > today)


NO_CHECKS = Standing(missing=False, until=None)


class CheckQuerySet(DueQuerySet["Check"]):
    def of(self, volunteer: Volunteer) -> CheckQuerySet:
        """One person's, with who did them."""
        return self.filter(volunteer=volunteer).select_related("done_by", "second_by").order_by("item")

    def counting(self) -> CheckQuerySet:
        """Those that say something: done, whether or not their time is over."""
        return self.filter(status__in=(DONE, EXPIRED))

    def due(self, at: datetime) -> CheckQuerySet:
        """Those of which somebody is to be reminded, or whose time is over."""
        return self.filter(due_after__lte=at).order_by("due_after")

    def soon(self, at: datetime) -> CheckQuerySet:
        """Those that end within two weeks, or did end, the first first: the desk and their owner read it."""
        last = clock.local_day(at) + REMINDED[0]
        return self.counting().filter(expires_on__lte=last).order_by("expires_on", "pk")

    def standings(self, volunteer: Volunteer, of_kinds: Iterable[Kind]) -> dict[str, Standing]:
        """kind → what this person's checks mean for it, of those that list any. Two queries at most."""
        listed = [kind for kind in of_kinds if kind.checks]
        if not listed:
            return {}
        rows = self.counting().filter(volunteer=volunteer).values_list("item", "expires_on")
        done = dict(rows)
        required = frozenset(Organisation.objects.current().required_checks)
        return {kind.slug: _standing(kind, done, required) for kind in listed}

    def keeps_back(self, volunteer: Volunteer, at: datetime) -> list[str]:
        """What keeps them from something they offer: labels of what is missing, or ran out. Three queries."""
        chosen = volunteer.offers.filter(active=True).values_list("kinds", flat=True)
        offered = {slug for slugs in chosen for slug in slugs}
        listed = {item for kind in kinds.all() if kind.slug in offered for item in kind.checks}
        rows = self.counting().filter(volunteer=volunteer).values_list("item", "expires_on")
        done, today = dict(rows), clock.local_day(at)
        missing = {*Organisation.objects.current().required_checks} - done.keys()
        over = {item for item, day in done.items() if day is not None and day <= today}
        return [label(item) for item in checks.ALL if item in listed & (missing | over)]

    def allow(self, volunteer: Volunteer, kind: Kind, at: datetime) -> bool:
        """Whether nothing about this person's checks keeps them from this kind. Two queries at most."""
        if not kind.checks:
            return True
        # Not by the day alone: what the broom has ended already stays so for whoever read the time before.
        ended = self.filter(volunteer=volunteer, status=EXPIRED, item__in=kind.checks)
        found = self.standings(volunteer, [kind])[kind.slug]
        return found.allows(clock.local_day(at)) and not ended.exists()

    def tick(self, volunteer: Volunteer, item: CheckItem, by: Volunteer, day: date, at: datetime) -> Check:
        """`by` did it on that day. It counts at once, or from when somebody else confirms it.

        Done anew it replaces what was there; until it is confirmed, the earlier one goes on counting. Errors:
        NotThem, TooOld, SomebodyWasFaster (somebody else ticked it and waits to be confirmed).
        """
        if by.pk == volunteer.pk:
            raise NotThem
        expires_on = item.expires_on(day)
        if expires_on is not None and expires_on <= clock.local_day(at):
            raise TooOld
        with transaction.atomic():
            volunteer = Volunteer.objects.lock(volunteer.pk)
            same = self.filter(volunteer=volunteer, item=item.slug)
            if same.filter(status=WAITING, done_by__isnull=False).exclude(done_by=by).exists():
                raise SomebodyWasFaster
            same.filter(status=WAITING).delete()
            check = Check(volunteer=volunteer, item=item.slug, done_by=by, done_on=day, expires_on=expires_on)
            if item.second:
                check.status = WAITING
                check.save(force_insert=True)
            else:
                same.delete()
                check.status, check.due_after = DONE, check.next_due(at)
                check.save(force_insert=True)
                volunteer.reindex(at)
        return check


def _standing(kind: Kind, done: Mapping[str, date | None], required: frozenset[str]) -> Standing:
    ends = [done[item] for item in kind.checks if item in done]
    return Standing(
        missing=any(item in required and item not in done for item in kind.checks),
        until=min((day for day in ends if day is not None), default=None),
    )


class Check(Stateful, DueRow):
    """That one thing about one volunteer was checked."""

    MOVES = {WAITING: {DONE: "confirm"}, DONE: {EXPIRED: "expire"}, EXPIRED: {}}

    id = random_key()
    volunteer = models.ForeignKey(Volunteer, on_delete=models.CASCADE, related_name="checks")
    item = models.SlugField(max_length=30)
    status = models.CharField(max_length=16)
    done_by = models.ForeignKey(Volunteer, null=True, on_delete=models.SET_NULL, related_name="+")
    second_by = models.ForeignKey(Volunteer, null=True, on_delete=models.SET_NULL, related_name="+")
    done_on = models.DateField()
    expires_on = models.DateField(null=True)
    # When somebody is reminded next, or it ends; NULL once nothing follows.
    due_after = models.DateTimeField(null=True)

    objects = CheckQuerySet.as_manager()

    privacy = FieldClasses(
        clear=(
            *("id", "volunteer", "item", "status", "done_by", "second_by", "done_on", "expires_on"),
            *("due_after", "lease_token", "lease_until", "attempts", "retry_after"),
        ),
        lives="until it is done anew or taken back, or the volunteer leaves",
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("volunteer", "item"), condition=Q(status=WAITING), name="check_waits_once"
            ),
            models.UniqueConstraint(
                fields=("volunteer", "item"), condition=~Q(status=WAITING), name="check_counts_once"
            ),
            # Nobody is both; which of the two is the person themselves is refused by the verbs, too.
            models.CheckConstraint(condition=~Q(done_by=models.F("second_by")), name="check_by_two"),
            models.CheckConstraint(
                condition=~Q(done_by=models.F("volunteer")) & ~Q(second_by=models.F("volunteer")),
                name="check_by_others",
            ),
        )
        indexes = (
            models.Index(fields=("due_after",), condition=Q(due_after__isnull=False), name="check_due"),
        )

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def label(self) -> str:
        """What was checked, for people to read."""
        return label(self.item)

    @property
    def waits(self) -> bool:
        """For somebody else to confirm it."""
        return self.status == WAITING

    def is_over(self, at: datetime) -> bool:
        """Whether its time is over, whether or not the broom came."""
        return self.expires_on is not None and self.expires_on <= clock.local_day(at)

    def ends_soon(self, at: datetime) -> bool:
        """Whether it ends within two weeks."""
        return self.expires_on is not None and self.expires_on <= clock.local_day(at) + REMINDED[0]

    def next_due(self, at: datetime) -> datetime | None:
        """The next moment at which somebody is reminded, or its end: 05:00 of that day."""
        if self.expires_on is None:
            return None
        days = (*(self.expires_on - before for before in REMINDED), self.expires_on)
        return next((moment for moment in map(_morning, days) if moment > at), _morning(self.expires_on))

    def confirm(self, by: Volunteer, at: datetime) -> None:
        """Somebody else at the desk says so, too: it counts from now on, and what was there before is gone.

        Errors: NotThem, TooOld, SomebodyWasFaster (confirmed or taken back meanwhile).
        """
        if by.pk in (self.volunteer_id, self.done_by_id):
            raise NotThem
        if self.is_over(at):
            raise TooOld
        with transaction.atomic():
            volunteer = Volunteer.objects.lock(self.volunteer_id)
            same = Check.objects.filter(volunteer=volunteer, item=self.item).exclude(pk=self.pk)
            same.exclude(status=WAITING).delete()
            # Who did it may have left meanwhile: then one person is all there is, and it is done anew.
            still = Q(done_by=self.done_by_id) if self.done_by_id else Q(pk__isnull=True)
            self._move(DONE, at, only=still, second_by=by, due_after=self.next_due(at))
            volunteer.reindex(at)

    def expire(self, at: datetime) -> None:
        """Its time is over: inside a transaction that holds its owner's lock."""
        self._move(EXPIRED, at, due_after=None)

    def remind_again(self, at: datetime) -> None:
        """Both were reminded: the next time, or its end."""
        after = self.next_due(at)
        Check.objects.filter(pk=self.pk, status=DONE, due_after=self.due_after).update(due_after=after)

    def take_back(self) -> None:
        """It does not count any more: as if it had never been done. Inside a transaction that holds its
        owner's lock."""
        self.delete()

    def concerns(self) -> list[str]:
        """The slugs of the kinds that list it."""
        return [kind.slug for kind in kinds.all() if self.item in kind.checks]


def _morning(day: date) -> datetime:
    """05:00 of a local date."""
    return clock.day_end(day - DAY)
