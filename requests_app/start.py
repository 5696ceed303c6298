"""What a start finishes before anything is served: endings a crash interrupted, and keys and rows of which
one is gone."""

from contextlib import suppress
from datetime import datetime, timedelta

from privacy.keyring import keyring
from privacy.models import Heartbeat
from privacy.states import SomebodyWasFaster
from requests_app.models import Claim, Debrief, Need, Plan, Report
from requests_app.models.apart import Apart
from requests_app.models.need_queryset import ENDED, ERASED, KEYED
from requests_app.models.sealed import Sealed, without_key

# A worker beats every few seconds: a heartbeat younger than this means that something else runs.
RUNS_ELSEWHERE = timedelta(seconds=15)
# Sealed apart from every need; and everything that has a slot of the keyring.
APART: tuple[type[Apart], ...] = (Report, Debrief)
KEYED_ROWS: tuple[type[Sealed], ...] = (Need, Claim, Plan, *APART)


def runs_elsewhere(at: datetime) -> bool:
    """Whether a worker of this instance was alive a moment ago."""
    # A beat of times to come was written by a clock that went wrong.
    span = (at - RUNS_ELSEWHERE, at + RUNS_ELSEWHERE)
    return Heartbeat.objects.filter(beat_at__range=span).exists()


def finish_endings(at: datetime) -> None:
    """Destroy what was to be destroyed when the machine went down."""
    for claim in Claim.objects.ending():
        claim.finish_ending(at)
    for need in Need.objects.ending():
        need.finish_ending(at)
    for plan in Plan.objects.filter(ending=True):
        plan.finish_ending(at)
    for need in Need.objects.filter(status=ERASED):
        need.purge(at)
    for apart in APART:
        for row in apart._default_manager.filter(ending=True):
            row.finish_ending(at)


def close_what_has_no_key(at: datetime) -> int:
    """End whatever lost its key: this database is older than its keyring. How many needs, claims, reports.

    A key is destroyed only after its end was stored, so only a restored backup says that they live.
    """
    needs = without_key(Need.objects.filter(status__in=KEYED))
    for need in needs:
        need.close_without_key(at)
    claims = without_key(Claim.objects.live().select_related("task", "need", "volunteer"))
    for claim in claims:
        # Its need's time is over: expiring it ends the claim as well.
        with suppress(SomebodyWasFaster):
            claim.release(at)
    apart = [row for model in APART for row in without_key(_readable(model))]
    for row in apart:
        row.forget(at)
    for plan in without_key(Plan.objects.all()):
        plan.without_key()
    return len(needs) + len(claims) + len(apart)


def free_slots_without_a_row(at: datetime) -> int:
    """Destroy keys whose row was never stored, or is gone. How many there were.

    A key is written before its row is, so this only happens while nothing else runs.
    """
    if runs_elsewhere(at):
        return 0
    owners = [row.slot_owner for model in KEYED_ROWS for row in model._default_manager.only("pk")]
    return keyring().reclaim(keyring().unowned(owners))


def lose_every_key(at: datetime) -> int:
    """The keyring was lost: open needs keep their clear facts, and wait until their askers write again.

    How many. Do this before there is a new keyring: afterwards they would look as if they had ended.
    """
    needs = list(Need.objects.filter(status__in=KEYED))
    for need in needs:
        need.lose_key(at)
    for model in APART:
        for row in _readable(model):
            row.lose_key(at)
    return len(needs)


def forget_what_ended(at: datetime) -> None:
    """After a restore: nothing that ended comes back, not even as a closed row."""
    for need in Need.objects.overdue(at):
        need.expire(at)
    for need in Need.objects.filter(status__in=ENDED):
        need.finish_ending(at)
        need.purge(at)
    for model in APART:
        for row in model._default_manager.filter(forget_after__lte=at):
            row.forget(at)


def _readable(model: type[Apart]) -> list[Apart]:
    """Those whose key is to be there."""
    return list(model._default_manager.filter(ending=False, said__isnull=False))
