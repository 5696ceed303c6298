"""/healthz: how late each duty is, and whether the worker's heart beats. Public, and no facts."""

from datetime import datetime, timedelta

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from privacy import clock, health
from privacy.health import DutyHealth

STEP, MINUTE = timedelta(seconds=5), timedelta(minutes=1)


@require_safe
@login_not_required
def healthz(request: HttpRequest) -> JsonResponse:
    """200 while everything is in time; 503, with the same fields, when a duty is late or the heart silent."""
    try:
        report = look_around(clock.read())
    except DatabaseError:
        report = {"healthy": False, "database": False}
    return JsonResponse(report, status=200 if report["healthy"] else 503)


def look_around(clocks: clock.Reading) -> dict[str, object]:
    """{"healthy", "database", "clock", "disk", "heartbeat", "duties"}; of a duty {"late", "swept", "healthy"}

    In seconds. "clock": whether nobody doubts a clock; while somebody does, nothing is destroyed. "disk":
    whether there is room on it.
    """
    found = health.look(clocks)
    return {
        "healthy": found.is_good,
        "database": True,
        "clock": found.is_clock_trusted,
        "disk": not found.is_disk_full,
        "heartbeat": _ago(found.heart_at, found.at),
        "duties": {duty.duty.name: _duty(duty) for duty in found.duties},
    }


def _duty(found: DutyHealth) -> dict[str, object]:
    """How late its oldest row is, and how long ago it last looked through them; both in seconds.

    In steps: this is public, and a row a second old says that somebody asked. What is late for longer than a
    minute is so in minutes: whoever looks afterwards does not read the second.
    """
    late = found.late - found.late % STEP
    if found.late >= MINUTE:
        late = found.late - found.late % MINUTE
    elif not found.is_in_time:
        late += STEP
    return {
        "late": int(late.total_seconds()),
        "swept": _ago(found.swept_at, found.at),
        "healthy": found.is_good,
    }


def _ago(moment: datetime | None, at: datetime) -> int | None:
    return None if moment is None else max(0, int((at - moment).total_seconds()))
