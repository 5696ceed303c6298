"""What a start finishes before anything is served: endings a crash interrupted, and keys without a row."""

from datetime import datetime, timedelta

from privacy.keyring import keyring
from privacy.models import Heartbeat
from requests_app.models import Claim, Need

# A worker beats every few seconds: a heartbeat younger than this means that something else runs.
RUNS_ELSEWHERE = timedelta(seconds=15)


def finish_endings(at: datetime) -> None:
    """Destroy what was to be destroyed when the machine went down."""
    for claim in Claim.objects.ending():
        claim.finish_ending(at)
    for need in Need.objects.ending():
        need.finish_ending(at)


def free_slots_without_a_row(at: datetime) -> int:
    """Destroy keys whose row was never stored, or is gone. How many there were.

    A key is written before its row is, so this only happens while nothing else runs.
    """
    if Heartbeat.objects.filter(beat_at__gt=at - RUNS_ELSEWHERE).exists():
        return 0
    owners = [need.slot_owner for need in Need.objects.only("pk")]
    owners += [claim.slot_owner for claim in Claim.objects.only("pk")]
    return keyring().reclaim(keyring().unowned(owners))
