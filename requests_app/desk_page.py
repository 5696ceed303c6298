"""The desk's table: every live task, what burns first, what stands still and what runs out next."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext, ngettext

from organisation import kinds
from requests_app import facts
from requests_app.how_far import HowFar
from requests_app.models import Claim, Event, Extension, Need, Proposal, Tap, Task
from requests_app.models.asked import DESK
from requests_app.models.task import OPEN

YOURS, NOBODY, HELD, COMING = "yours", "nobody", "held", "coming"
STATES = (YOURS, NOBODY, HELD, COMING)
# More rows than anybody reads: the rest is found with the filters.
MOST_SHOWN = 200


@dataclass(frozen=True)
class Row:
    """One task. `runs_out_at`: when the hold on it, or else its need, ends. `fire`: the word for it where
    it begins soon, or should have begun, and nobody comes yet; else "". `longer`: that more nights are asked
    for, and wait for the desk."""

    task: Task
    title: str
    when: str
    state: str
    state_text: str
    waited: str
    asked: str
    runs_out_at: datetime
    runs_out: str
    begins_at: datetime
    fire: str
    longer: str

    @property
    def facets(self) -> dict[str, str]:
        """What the filters compare, as it stands in the address bar."""
        need = self.task.need
        return {
            "kind": need.kind,
            "area": str(need.area_id),
            "state": self.state,
            "day": need.day.isoformat(),
        }


@dataclass(frozen=True)
class Desk:
    """Every live task, and the sentence above the table.

    `unreadable`: needs whose key was lost, a line each: nobody is asked until their askers write again.
    """

    rows: list[Row]
    summary: str
    unreadable: list[str]

    def only(self, chosen: Mapping[str, str]) -> list[Row]:
        """The rows that match every filter in `chosen` (name → value)."""
        return [row for row in self.rows if chosen.items() <= row.facets.items()]


def desk(at: datetime) -> Desk:
    """The whole table. The same number of queries for one row and for fifty."""
    tasks = list(Task.objects.on_the_desk(at))
    table = _Table(tasks, at)
    rows = sorted((table.row(task) for task in tasks), key=_what_burns_first)
    return Desk(rows, _summary(rows, at), _unreadable(at))


def name_of(task: Task) -> str:
    """What it is, with its kind where that is not the same: "A ride: The way there"."""
    kind, role = facts.title(task.need), facts.title(task.need, task)
    return kind if kind == role else gettext("%(kind)s: %(task)s") % {"kind": kind, "task": role}


class _Table:
    """What the rows need besides their tasks, read once for all of them."""

    def __init__(self, tasks: list[Task], at: datetime) -> None:
        self.at = at
        self.asked = Proposal.objects.asked_counts(at)
        self.freed = Event.objects.last_moves(OPEN, at)
        self.longer = Extension.objects.wait_for_desk(at)
        self.silent = set(Tap.objects.for_desk(at).values_list("claim__task_id", flat=True))
        self.how_far = HowFar.of(tasks, at)
        self.claims: dict[UUID, list[Claim]] = {}
        for claim in Claim.objects.offered(at).on_live_needs(at):
            self.claims.setdefault(claim.task_id, []).append(claim)

    def row(self, task: Task) -> Row:
        need, claims = task.need, self.claims.get(task.pk, [])
        state = state_of(need.decides, claims)
        ends = [claim.held_until for claim in claims if claim.held_until]
        runs_out_at = min([*ends, need.expires_at])
        begins_at = task.begins_at()
        return Row(
            task=task,
            title=name_of(task),
            when=f"{facts.day(need.day)}, {facts.parts(task.parts)}",
            state=state,
            state_text=_backup_text(claims) or _state_text(state, runs_out_at if ends else None, self.at),
            waited="" if state == COMING else self._waited(task),
            asked=" ".join([_asked(task, self.asked.get(task.pk, 0)), *self.how_far.done([task])]),
            runs_out_at=runs_out_at,
            runs_out=facts.moment(runs_out_at, self.at),
            begins_at=begins_at,
            fire=self._fire(task) if state in (YOURS, NOBODY) else self._silent(task),
            longer=gettext("More nights wait for your yes") if task.pk in self.longer else "",
        )

    def _fire(self, task: Task) -> str:
        if task.urgent:
            return gettext("Lost on the way")
        needed_by = task.needed_by(self.at)
        if needed_by is None or task.last_chance_at() <= self.at:
            return gettext("Should have begun")
        soon = needed_by - self.at <= kinds.get(task.need.kind).urgent_within
        return gettext("Begins soon") if soon else ""

    def _silent(self, task: Task) -> str:
        return gettext("Somebody is not heard of") if task.pk in self.silent else ""

    def _waited(self, task: Task) -> str:
        since = self.freed.get(task.pk, task.need.asked_at)
        hours = int((self.at - since).total_seconds() // 3600)
        if hours < 1:
            return gettext("under an hour")
        if hours < 48:
            return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
        return ngettext("%(count)d day", "%(count)d days", hours // 24) % {"count": hours // 24}


def state_of(decides: str, claims: list[Claim]) -> str:
    """Where a task stands, from those who hold it or stand by for it now."""
    if any(claim.is_approved or claim.is_backup for claim in claims):
        return COMING
    if decides == DESK and claims:
        return YOURS
    return HELD if any(claim.held_until for claim in claims) else NOBODY


def _backup_text(claims: list[Claim]) -> str:
    return gettext("There is a backup") if any(claim.is_backup for claim in claims) else ""


def _state_text(state: str, held_until: datetime | None, at: datetime) -> str:
    if state == COMING:
        return gettext("Somebody comes")
    if state == NOBODY:
        return gettext("Nobody")
    if held_until is None:
        return gettext("Waits for you")
    until = {"until": facts.moment(held_until, at)}
    if state == YOURS:
        return gettext("Waits for you until %(until)s") % until
    return gettext("Held until %(until)s") % until


def _asked(task: Task, count: int) -> str:
    """How many were asked, and how far the asking has got."""
    rings = len(kinds.get(task.need.kind).rings)
    if not count and task.ring > rings:
        return gettext("Nobody fits now.")
    asked = ngettext("%(count)d person", "%(count)d people", count) % {"count": count}
    if task.ring >= rings:
        return gettext("%(asked)s, all rings.") % {"asked": asked}
    if not task.ring:
        return asked
    return gettext("%(asked)s, ring %(ring)d of %(rings)d") % {
        "asked": asked,
        "ring": task.ring,
        "rings": rings,
    }


def _what_burns_first(row: Row) -> tuple[bool, int, datetime, datetime, str]:
    """Fire first, then what waits for somebody here, then by when it begins; the same order each time."""
    state = YOURS if row.longer else row.state
    return not row.fire, STATES.index(state), row.begins_at, row.runs_out_at, row.task.pk.hex


def _summary(rows: list[Row], at: datetime) -> str:
    if not rows:
        return gettext("Nothing is open.")
    yours = sum(row.state == YOURS or bool(row.longer) for row in rows)
    open_now = sum(row.state != COMING for row in rows)
    first = min(rows, key=lambda row: (row.runs_out_at, row.task.pk.hex))
    sentences = [
        ngettext("%(count)d is open.", "%(count)d are open.", open_now) % {"count": open_now},
        ngettext("%(count)d waits for you.", "%(count)d wait for you.", yours) % {"count": yours},
        gettext("Next to run out: %(title)s, %(area)s, %(moment)s.")
        % {
            "title": first.title,
            "area": first.task.need.area.name,
            "moment": facts.moment(first.runs_out_at, at),
        },
    ]
    return " ".join(sentences)


def _unreadable(at: datetime) -> list[str]:
    needs = Need.objects.cannot_be_read(at).order_by("day", "pk")[:MOST_SHOWN]
    return [f"{facts.title(need)}, {need.area.name}, {facts.day(need.day)}" for need in needs]
