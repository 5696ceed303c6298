"""What the desk reads where a promise is not kept: which, since when, and what to do about it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b

from django.utils import timezone
from django.utils.translation import gettext

from privacy import clock, health
from privacy.health import DutyHealth, Health
from requests_app import facts

# Nobody needs it more exactly, and the oldest row is somebody's.
ROUNDED = timedelta(minutes=5)


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong, since when ("" where nobody knows), and what to do ("" where that is said)."""

    what: str
    since: str
    do: str


@dataclass(frozen=True)
class Troubles:
    """All of it, worst first. `doubted`: what the clock says that was set; None while all are right."""

    found: list[Trouble]
    doubted: datetime | None

    @property
    def seen(self) -> str:
        """Names what it says: whoever has seen it already is not told again."""
        minute = self.doubted and self.doubted.replace(second=0, microsecond=0)
        return blake2b(repr((self.found, minute)).encode(), digest_size=8).hexdigest()


def look() -> Troubles:
    """As it is now."""
    clocks = clock.read()
    found = health.look(clocks)
    doubted = None if found.is_clock_trusted else timezone.localtime(clock.in_question(clocks))
    return Troubles(list(_troubles(found)), doubted)


def _troubles(found: Health) -> list[Trouble]:
    troubles = []
    if not found.is_worker_alive:
        troubles.append(_stopped(found))
    if found.is_disk_full:
        troubles.append(_full())
    for duty in found.duties:
        # Where nobody is at work, that is said once. Where the clock is doubted, some have to wait.
        silent = found.is_worker_alive and not duty.is_looked_after
        waits = duty.duty.destroys and not found.is_clock_trusted
        if not waits and (silent or not duty.is_in_time):
            # Why everything is late where nobody is at work has been said.
            troubles.append(_late(duty, str(duty.duty.do) if found.is_worker_alive else ""))
    return troubles


def _stopped(found: Health) -> Trouble:
    return Trouble(
        gettext("The background work has stopped. No message leaves."),
        _since(found.heart_at, found.at),
        gettext("Call people instead. Tell whoever runs the machine to start it again."),
    )


def _full() -> Trouble:
    return Trouble(
        gettext("The disk is full. Nobody can ask. Erasing still works."),
        "",
        gettext("Tell whoever runs the machine to make room on it."),
    )


def _late(found: DutyHealth, do: str) -> Trouble:
    what = [str(found.duty.says)]
    if found.duty.ways and (ways := found.duty.ways(found.at)):
        what.append(gettext("By: %(ways)s.") % {"ways": ", ".join(map(str, ways))})
    return Trouble(" ".join(what), _since(found.since, found.at), do)


def _since(moment: datetime | None, at: datetime) -> str:
    if moment is None:
        return ""
    local = timezone.localtime(moment)
    rounded = local - (local - datetime.min.replace(tzinfo=local.tzinfo)) % ROUNDED
    return gettext("Since about %(moment)s.") % {"moment": facts.past(rounded, at)}
