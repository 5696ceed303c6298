"""Whether every promise about the future is kept, judged in one place: /healthz and the desk say it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils.module_loading import import_string

from privacy import ballast, clock
from privacy.due import Duty
from privacy.models import HEART, Heartbeat

# A worker beats every three seconds, and each time for every duty that got on since.
LONGEST_SILENCE = timedelta(seconds=9)
LONGEST_SWEEP = timedelta(seconds=9)


@dataclass(frozen=True)
class DutyHealth:
    """One duty: how late its oldest row is, and when a worker last said that it gets on with it."""

    duty: Duty
    late: timedelta
    swept_at: datetime | None
    at: datetime

    @property
    def is_in_time(self) -> bool:
        return self.late <= self.duty.late_after

    @property
    def is_looked_after(self) -> bool:
        return _is_recent(self.swept_at, self.at, LONGEST_SWEEP)

    @property
    def is_good(self) -> bool:
        return self.is_in_time and self.is_looked_after

    @property
    def since(self) -> datetime | None:
        """Since when it is not good; None where nobody knows."""
        return self.swept_at if self.is_in_time else self.at - self.late


@dataclass(frozen=True)
class Health:
    """`at`: by the steady clock. `heart_at`: when a worker was last alive, None if never."""

    at: datetime
    heart_at: datetime | None
    is_clock_trusted: bool
    is_disk_full: bool
    duties: list[DutyHealth]

    @property
    def is_worker_alive(self) -> bool:
        return _is_recent(self.heart_at, self.at, LONGEST_SILENCE)

    @property
    def is_good(self) -> bool:
        whole = self.is_worker_alive and self.is_clock_trusted and not self.is_disk_full
        return whole and all(duty.is_good for duty in self.duties)


def duties() -> tuple[Duty, ...]:
    """All that this system promised, wherever they are listed."""
    found: tuple[Duty, ...] = import_string(settings.DUTIES)
    return found


def look(clocks: clock.Reading) -> Health:
    """Two queries, and one for each duty."""
    at = clocks.steady
    seen = {row.name: row for row in Heartbeat.objects.all()}
    return Health(
        at=at,
        heart_at=seen[HEART].beat_at if HEART in seen else None,
        is_clock_trusted=not Heartbeat.objects.clock_is_doubted(clocks.raw),
        is_disk_full=ballast.is_full(),
        duties=list(_duties(seen, at)),
    )


def _duties(seen: dict[str, Heartbeat], at: datetime) -> Iterable[DutyHealth]:
    for duty in duties():
        swept_at = seen[duty.name].swept_at if duty.name in seen else None
        yield DutyHealth(duty, duty.oldest_late(at), swept_at, at)


def _is_recent(moment: datetime | None, at: datetime, within: timedelta) -> bool:
    """A moment of times to come was written by a clock that went wrong, and says nothing."""
    return moment is not None and abs(at - moment) <= within
