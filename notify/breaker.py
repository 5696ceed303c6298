"""A gateway that is down is asked again every few seconds, by one message, not by all that wait."""

import threading
from datetime import datetime, timedelta

PROBE_EVERY = timedelta(seconds=3)
# Further ahead than any post lasts: written by a clock that was set back since.
AHEAD = timedelta(minutes=1)


class Breaker:
    """Of one gateway in one worker. Nothing is stored: another worker finds out by itself."""

    def __init__(self) -> None:
        self.down_at: datetime | None = None
        self.rests = PROBE_EVERY
        self.worked_at: datetime | None = None
        # Held by whoever tries what may last until it is cut; when that was, by the monotonic clock.
        self.risk = threading.BoundedSemaphore(1)
        self.risked_at = float("-inf")

    @property
    def is_down(self) -> bool:
        return self.down_at is not None

    @property
    def is_known(self) -> bool:
        """Whether anything ever went through."""
        return self.worked_at is not None

    @property
    def works(self) -> bool:
        """Whether what is sent now will not last, as far as anybody knows."""
        return self.is_known and not self.is_down

    def may_probe(self, at: datetime) -> bool:
        """Whether one may be sent now, to see. A clock set back is no reason to wait longer."""
        return self.down_at is None or not timedelta(0) <= at - self.down_at < self.rests

    def is_to_blame(self, began: datetime, failed_before: bool) -> bool:
        """Whether a try that began then, and failed, says that the gateway is down.

        Where others went through meanwhile, or where it failed before and others did not, only its own
        address is bad.
        """
        if self.down_at is not None or self.worked_at is None or self.worked_at - began > AHEAD:
            return True
        return not failed_before and self.worked_at <= began

    def failed(self, at: datetime, after: timedelta | None = None) -> None:
        """It is down: nothing for a moment, or for as long as it asked for."""
        self.down_at, self.rests = at, max(PROBE_EVERY, after or PROBE_EVERY)

    def worked(self, at: datetime) -> None:
        self.down_at, self.worked_at = None, at
