"""The rows of privacy/: encrypted sessions, compartments, this instance, heartbeats and counters."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import F

from privacy import clock
from privacy.compartments import Compartment, Grant
from privacy.due import DueRow
from privacy.fields import FieldClasses

__all__ = ["Compartment", "Counter", "Grant", "Heartbeat", "Instance", "Session"]


class SessionQuerySet(models.QuerySet["Session"]):
    def expired(self, at: datetime) -> "SessionQuerySet":
        """Sessions nobody used for too long; their cookies open nothing any more."""
        return self.filter(expires_at__lte=at)


class Session(DueRow):
    """One visit. Row id and row key both derive from the cookie: without it the row says nothing."""

    id = models.BinaryField(primary_key=True, max_length=32)
    data = models.BinaryField()
    expires_at = models.DateTimeField(db_index=True)

    objects: ClassVar[models.Manager["Session"]] = SessionQuerySet.as_manager()

    privacy = FieldClasses(
        sealed=("data",),
        clear=("expires_at", "lease_token", "lease_until", "attempts", "retry_after"),
        derived=("id",),
        lives="until it was idle too long, or left",
    )

    def __str__(self) -> str:
        return "session"

    def end(self, at: datetime) -> None:
        """Delete what is left of it."""
        self.delete()


class Instance(models.Model):
    """Which instance secrets this database belongs to. One row; see privacy/instance.py."""

    ONLY_ID = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY_ID)
    # Public, random, for ever: bound into every envelope, and where Argon2id's salt comes from.
    instance_id = models.BinaryField(max_length=16)
    fingerprint = models.BinaryField(max_length=32)
    # While the secrets are being replaced: what they will be. Both are right until the new ones are there.
    next_fingerprint = models.BinaryField(max_length=32, null=True)
    key_sheet_confirmed = models.BooleanField(default=False)

    privacy = FieldClasses(
        clear=("id", "instance_id", "key_sheet_confirmed"),
        derived=("fingerprint", "next_fingerprint"),
        lives="as long as the instance",
    )

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(id=1), name="only_one_instance"),)

    def __str__(self) -> str:
        return "instance"


# The worker's row in Heartbeat, beside one for each duty.
HEART = "ticker"
# Beats of the clock's own: a worker doubts it, the desk said that it is right.
CLOCK_DOUBTED, CLOCK_TRUSTED = "clock doubted", "clock trusted"
DOUBT_LASTS = timedelta(seconds=30)


class HeartbeatQuerySet(models.QuerySet["Heartbeat"]):
    def beat(self, name: str, swept: Iterable[str], at: datetime) -> None:
        """`name` is alive at `at`, and has looked through the due rows of each duty in `swept`.

        All in one beat, whether there was anything to do or not: when a duty last had something to do would
        say to the second when somebody asked.
        """
        rows = [Heartbeat(name=name, beat_at=at)]
        rows += [Heartbeat(name=duty, beat_at=at, swept_at=at) for duty in swept]
        fields = ["beat_at", "swept_at"]
        self.bulk_create(rows, update_conflicts=True, unique_fields=["name"], update_fields=fields)

    def clock_is_doubted(self, raw: datetime) -> bool:
        """Whether a clock is doubted, here or by a worker anywhere. `raw`: as the database's clock is.

        Also hears the desk's word.
        """
        return self.doubts_here() or self._doubted_somewhere(raw)

    def doubts_here(self) -> bool:
        """The same of this machine alone."""
        return clock.waits_for_a_word(self._word() if clock.jumped() else 0.0)

    def _doubted_somewhere(self, raw: datetime) -> bool:
        # Told every few seconds, by the database's clock, which is the same for all.
        span = (raw - DOUBT_LASTS, raw + DOUBT_LASTS)
        return self.filter(name=CLOCK_DOUBTED, beat_at__range=span).exists()

    def _word(self) -> float:
        """When the desk last said that the clock is right, as a number that is another one each time."""
        said = self.filter(name=CLOCK_TRUSTED).values_list("beat_at", flat=True).first()
        return said.timestamp() if said else 0.0

    def tell_doubt(self, doubted: bool, raw: datetime) -> None:
        """Let everybody know whether this worker doubts the clock."""
        if doubted:
            self.beat(CLOCK_DOUBTED, [], raw)
        else:
            self.filter(name=CLOCK_DOUBTED).delete()


class Heartbeat(models.Model):
    """When the ticker or a duty was last seen. /healthz reads it."""

    name = models.CharField(max_length=40, primary_key=True)
    beat_at = models.DateTimeField(null=True)
    swept_at = models.DateTimeField(null=True)

    privacy = FieldClasses(clear=("name", "beat_at", "swept_at"), lives="as long as the instance")

    objects = HeartbeatQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class CounterQuerySet(models.QuerySet["Counter"]):
    def bump(self, name: str, at: datetime, by: int = 1) -> None:
        """Count `name` once more in the local month of `at`. Two statements at most, no lock kept."""
        month = clock.local_day(at).replace(day=1)
        row = self.filter(name=name, month=month)
        if not row.update(value=F("value") + by):
            self.bulk_create([Counter(name=name, month=month, value=0)], ignore_conflicts=True)
            row.update(value=F("value") + by)


class Counter(models.Model):
    """How often something happened in a month: what is left when everything else is forgotten."""

    name = models.CharField(max_length=60)
    month = models.DateField()
    value = models.PositiveBigIntegerField(default=0)

    privacy = FieldClasses(clear=("id", "name", "month", "value"), lives="as long as the instance")

    objects = CounterQuerySet.as_manager()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("name", "month"), name="one_counter_a_month"),)

    def __str__(self) -> str:
        return f"{self.name} {self.month:%Y-%m}"
