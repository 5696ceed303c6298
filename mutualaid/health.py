"""/healthz: how late each duty is, and whether the worker's heart beats. Public, and no facts."""

from datetime import datetime, timedelta

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from mutualaid.duties import DUTIES, HEART
from privacy import clock
from privacy.due import Duty
from privacy.models import Heartbeat

LONGEST_SILENCE = timedelta(seconds=10)
# A duty that did not get to its end for so long fails each time.
LONGEST_SWEEP = timedelta(minutes=1)
STEP = timedelta(seconds=5)


@require_safe
@login_not_required
def healthz(request: HttpRequest) -> JsonResponse:
    """200 while everything is in time; 503, with the same fields, when a duty is late or the heart silent."""
    try:
        report = look_around(clock.now())
    except DatabaseError:
        report = {"healthy": False, "database": False}
    return JsonResponse(report, status=200 if report["healthy"] else 503)


def look_around(at: datetime) -> dict[str, object]:
    """{"healthy", "database", "clock", "heartbeat", "duties": {name: {"late", "swept", "healthy"}}}, in s.

    "clock": whether nobody doubts the wall clock; while somebody does, nothing is destroyed.
    """
    seen = {row.name: row for row in Heartbeat.objects.all()}
    heart = seen[HEART].beat_at if HEART in seen else None
    duties = {duty.name: _duty(duty, seen.get(duty.name), at) for duty in DUTIES}
    beats = heart is not None and at - heart <= LONGEST_SILENCE
    trusted = not Heartbeat.objects.clock_is_doubted(at)
    healthy = beats and trusted and all(duty["healthy"] for duty in duties.values())
    return {
        "healthy": healthy,
        "database": True,
        "clock": trusted,
        "heartbeat": _ago(heart, at),
        "duties": duties,
    }


def _duty(duty: Duty, seen: Heartbeat | None, at: datetime) -> dict[str, object]:
    """How late its oldest row is, and how long ago it last looked through them; both in seconds.

    In whole steps while all is well: this is public, and a row a second old says that somebody asked.
    """
    late, swept_at = duty.oldest_late(at), seen.swept_at if seen else None
    in_time = late <= duty.late_after
    if in_time:
        late -= late % STEP
    looked = swept_at is not None and at - swept_at <= LONGEST_SWEEP
    return {
        "late": int(late.total_seconds()),
        "swept": _ago(swept_at, at),
        "healthy": in_time and looked,
    }


def _ago(moment: datetime | None, at: datetime) -> int | None:
    return None if moment is None else max(0, int((at - moment).total_seconds()))
