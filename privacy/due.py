"""Rows that fall due: the row is the promise, whoever looks takes it under a lease.

A lease is taken by one UPDATE of what is due and not leased, and given back only by the holder of its token.
A holder that dies loses it when its time is over; then somebody else does the row again.
"""

import logging
import time
import uuid
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.apps import apps
from django.db import models, transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from privacy import holders

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

LEASE = timedelta(seconds=20)
# A sweep stops to let others and the heartbeat through; what is left is due at the next look.
SWEEP_LASTS = timedelta(seconds=5)
# A row its verb left due rests, so that it does not stand before the others in this sweep.
REST = timedelta(seconds=1)
URGENT_PAUSE = timedelta(seconds=5)
# So long at least others go first, after something hung until it was cut.
OTHERS_FIRST = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(minutes=5)
# What a sweep does may be a minute late, also where it could not be done for hours: the keyring was away.
LONGEST_WAIT = timedelta(seconds=30)
# Two minutes of failing every five seconds are a row that waits for something slower.
URGENT_ATTEMPTS = 24

# What a row that nobody holds has in its columns.
FREE: dict[str, None] = {"lease_token": None, "lease_until": None}

RESTART = _("Tell whoever runs the machine to look, and to start it again.")

log = logging.getLogger(__name__)

# What whoever watches the duty of this thread does each time it goes on.
sign_of_life: ContextVar[Callable[[], None]] = ContextVar("sign_of_life", default=lambda: None)


def goes_on() -> None:
    """Let whoever watches this duty know that it has not hung. Taking and giving back rows says so."""
    sign_of_life.get()()


class DueRow(models.Model):
    """A row with a moment at which something must happen to it, taken under a lease.

    `retry_after`: not before, after a failure. `attempts`: failures since the last success.
    """

    lease_token = models.UUIDField(null=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    attempts = models.PositiveIntegerField(default=0, editable=False)
    retry_after = models.DateTimeField(null=True, editable=False)

    class Meta:
        abstract = True


Row = TypeVar("Row", bound=DueRow)


def leasable(at: datetime) -> Q:
    """Rows that nobody holds and that do not wait after a failure.

    A moment further ahead than any lease or pause can reach was written by a clock that went wrong: it
    holds nobody back.
    """
    free = Q(lease_until__isnull=True) | Q(lease_until__lte=at) | Q(lease_until__gt=at + 2 * LEASE)
    rested = Q(retry_after__isnull=True) | Q(retry_after__lte=at) | Q(retry_after__gt=at + 2 * LONGEST_PAUSE)
    return free & rested


class DueQuerySet(models.QuerySet[Row]):
    """For the QuerySet of a model of due rows."""

    def leasable(self, at: datetime) -> "DueQuerySet[Row]":
        return self.filter(leasable(at))


@dataclass(frozen=True)
class Swept:
    """How many rows a duty did, and how many failed and will be tried again."""

    done: int = 0
    failed: int = 0

    def __add__(self, other: "Swept") -> "Swept":
        return Swept(self.done + other.done, self.failed + other.failed)


class Watch:
    """The time since a moment that was read from the database's clock, without asking it again."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.began = time.monotonic()

    def elapsed(self) -> timedelta:
        return timedelta(seconds=time.monotonic() - self.began)

    def now(self) -> datetime:
        return self.at + self.elapsed()


@dataclass(frozen=True)
class Lease(Generic[Row]):
    """Rows that are ours until `until`: nobody else takes them before."""

    rows: list[Row]
    token: uuid.UUID
    until: datetime
    model: type[Row]

    @classmethod
    def of_none(cls, model: type[Row], at: datetime) -> "Lease[Row]":
        return cls([], uuid.uuid4(), at, model)

    def __len__(self) -> int:
        return len(self.rows)

    def release(self) -> None:
        """Give back what was not completed. Nothing is counted against it."""
        self.held().update(**FREE)

    def held(self) -> QuerySet[Row]:
        """Those of the rows that are still under this lease; found by their keys, however long the table."""
        return _of(self.model).filter(pk__in=[row.pk for row in self.rows], lease_token=self.token)


def lease(queryset: QuerySet[Row], at: datetime, limit: int, lasts: timedelta = LEASE) -> Lease[Row]:
    """Take up to `limit` rows of `queryset` that are free, in its order, for as long as `lasts`.

    `queryset` says what is due; it is neither sliced nor grouped. Two at once never take the same row:
    PostgreSQL skips the rows another one is taking, SQLite lets one write at a time.
    """
    goes_on()
    token, until = holders.new_token(), at + lasts
    with transaction.atomic():
        # Only the rows themselves are locked, not those that come with them.
        free = queryset.filter(leasable(at)).select_for_update(skip_locked=True, of=("self",))
        rows = list(free[:limit])
        if rows:
            _of(queryset.model).filter(pk__in=[row.pk for row in rows]).update(
                lease_token=token, lease_until=until
            )
    for row in rows:
        row.lease_token, row.lease_until = token, until
    return Lease(rows, token, until, queryset.model)


def inherit() -> None:
    """Give back what the dead of this machine hold, so that nobody waits for the end of their leases.

    Reads through every row that may fall due: for a worker that starts, not for each look.
    """
    for model in apps.get_models():
        if issubclass(model, DueRow):
            leased = _of(model).filter(lease_token__isnull=False).order_by()
            tokens = leased.values_list("lease_token", flat=True).distinct()
            dead = [token for token in tokens if token and holders.is_dead(token)]
            if dead:
                leased.filter(lease_token__in=dead).update(**FREE)


def complete(row: DueRow, retry_after: datetime | None = None) -> bool:
    """Give the row back as done. False, and nothing changes, where its lease went to somebody else."""
    return _give_back(row, attempts=0, retry_after=retry_after)


def back_off(row: DueRow, at: datetime, began: datetime | None = None, wish: timedelta | None = None) -> bool:
    """Give the row back as failed: it is tried again after a pause that grows.

    Where a try may last long, `began` is when it began: what it took counts as part of the pause. `wish`: how
    long the other side asked us to wait; that is the pause, until it has grown longer.
    """
    rests = pause(row.attempts + 1)
    after = at + rests if began is None else max(began + rests, at + min(rests, OTHERS_FIRST))
    if wish is not None:
        after = at + wish if row.attempts < URGENT_ATTEMPTS else max(after, at + wish)
    return _give_back(row, attempts=F("attempts") + 1, retry_after=after)


def wait(row: DueRow, until: datetime) -> bool:
    """Give the row back untried; not its fault, so no failure is counted."""
    return _give_back(row, retry_after=until)


def suspect(row: DueRow, until: datetime, counts: bool = False) -> bool:
    """Give the row back as one that was there when something failed: its pause does not grow by that.

    `counts`: nothing says that it is not its own fault, so that after minutes it makes nothing late.
    """
    attempts = min(row.attempts, URGENT_ATTEMPTS) + 1 if counts else 1
    return _give_back(row, attempts=max(row.attempts, attempts), retry_after=until)


def pause(attempts: int) -> timedelta:
    """The wait after so many failures: 1, 2, 4, 5 s; after two minutes it grows further, to five minutes."""
    if attempts <= URGENT_ATTEMPTS:
        return min(timedelta(seconds=1 << min(attempts - 1, 8)), URGENT_PAUSE)
    return min(URGENT_PAUSE * (1 << min(attempts - URGENT_ATTEMPTS, 8)), LONGEST_PAUSE)


def sweep(
    queryset: QuerySet[Row], at: datetime, verb: Callable[[Row, datetime], object], limit: int = 100
) -> Swept:
    """Lease what is due, `limit` rows at a time, and give each its verb, `verb(row, at)`.

    The verb must bear being called twice. A row whose verb raises is logged by the class of the error alone,
    waits and is tried again; the others go on. Errors of the lease itself (the database is away) are raised.
    """
    watch, swept = Watch(at), Swept()
    while watch.elapsed() < SWEEP_LASTS:
        taken = lease(queryset, watch.now(), limit)
        swept += _give_all(taken, watch, verb, queryset)
        if len(taken.rows) < limit:
            break
    return swept


def _give_all(
    taken: Lease[Row], watch: Watch, verb: Callable[[Row, datetime], object], queryset: QuerySet[Row]
) -> Swept:
    swept = Swept()
    for row in taken.rows:
        if watch.now() > taken.until - LEASE / 2:
            taken.release()
            break
        swept += _give(row, watch, verb, queryset)
    return swept


def _give(row: Row, watch: Watch, verb: Callable[[Row, datetime], object], queryset: QuerySet[Row]) -> Swept:
    try:
        verb(row, watch.at)
    except Exception as problem:
        log.error("%s could not be done: %s", row._meta.label, type(problem).__name__)
        rests = min(pause(row.attempts + 1), LONGEST_WAIT)
        _give_back(row, attempts=F("attempts") + 1, retry_after=watch.now() + rests)
        return Swept(failed=1)
    # Only then: a row that goes on living must not say to the second when it was done.
    left_due = queryset.filter(pk=row.pk).exists()
    complete(row, retry_after=watch.now() + REST if left_due else None)
    return Swept(done=1)


def _give_back(row: DueRow, **changes: Any) -> bool:
    """End the lease, if it is still this holder's. A row that is gone is nobody's."""
    goes_on()
    return bool(_of(type(row)).filter(held(row), pk=row.pk).update(**FREE, **changes))


def held(row: DueRow) -> Q:
    """That the row is still under the lease it was taken with."""
    return Q(lease_token=row.lease_token, lease_token__isnull=False)


def _of(model: type[Row]) -> QuerySet[Row]:
    return QuerySet(model)


@dataclass(frozen=True)
class Duty:
    """A promise about the future: which rows fall due, and what is done with them.

    `due(at)` are the rows whose moment has come, leased or not; `due_field` is that moment (None where being
    among them is all there is to know); `run(at)` does them; `late_after` is how late one may be.
    `rounded`: that moment may be stored so much earlier than it was meant. `destroys`: what it ends cannot be
    had again, so that it waits while the clock cannot be trusted. `lanes`: how many threads of one worker may
    do it at the same time; another one is added each second while there is something nobody has taken.
    `says`: what people notice where it is late or stopped, in a sentence or two; `do`: what to do about it;
    `ways(at)`: which of its ways are late, by name.
    `counted(rows)`: those of the rows that make the duty itself late; rows that failed for minutes, each by
    itself, need not.
    """

    name: str
    late_after: timedelta
    due: Callable[[datetime], QuerySet[Any]]
    run: Callable[[datetime], Swept]
    due_field: str | None
    rounded: timedelta = timedelta(0)
    destroys: bool = False
    lanes: int = 1
    counted: Callable[[Any], QuerySet[Any]] | None = None
    says: "str | _StrPromise" = ""
    do: "str | _StrPromise" = RESTART
    ways: "Callable[[datetime], list[str | _StrPromise]] | None" = None

    def is_due(self, at: datetime) -> bool:
        """Whether there is anything to do now. Read-only, one query."""
        return self.due(at).filter(leasable(at)).exists()

    def oldest_late(self, at: datetime) -> timedelta:
        """How long ago the oldest row was due; zero where none is. One query where none is."""
        if self.due_field is None:
            return timedelta(0)
        rows = self.due(at)
        oldest = self._oldest(rows)
        if oldest and self.counted is not None:
            oldest = self._oldest(self.counted(rows))
        return max(at - oldest - self.rounded, timedelta(0)) if oldest else timedelta(0)

    def _oldest(self, rows: QuerySet[Any]) -> datetime | None:
        assert self.due_field is not None
        found: datetime | None = rows.order_by(self.due_field).values_list(self.due_field, flat=True).first()
        return found

    def keep_due(self, before: datetime, at: datetime) -> None:
        """What was due `before`, by a clock that is not trusted any more, is due `at` at the latest."""
        if self.due_field is not None:
            after = {f"{self.due_field}__gt": at}
            self.due(before).filter(**after).update(**{self.due_field: at - self.rounded})
