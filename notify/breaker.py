"""A transport that is down is asked again every few seconds, by one message, not by all that wait."""

from datetime import datetime, timedelta

PROBE_EVERY = timedelta(seconds=3)


class Breaker:
    """Of one transport in one worker. Nothing is stored: another worker finds out by itself."""

    def __init__(self) -> None:
        self.down_at: datetime | None = None

    def allows(self, at: datetime, batch: int) -> int:
        """How many may be sent now: a batch, one as a probe, or none.

        A clock set back is no reason to wait longer.
        """
        if self.down_at is None:
            return batch
        waited = at - self.down_at
        return 0 if timedelta(0) <= waited < PROBE_EVERY else 1

    def failed(self, at: datetime) -> None:
        self.down_at = at

    def worked(self) -> None:
        self.down_at = None
