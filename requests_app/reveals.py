"""Who could read what of hers, and when: the reveal log (requests_app/models/reveal.py) as she reads it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from django.utils.translation import gettext, ngettext

from organisation import kinds
from organisation.models import Organisation
from requests_app import facts
from requests_app.models import Need, Reveal
from requests_app.models.reveal import ASKED, COMES, DESK, FACTS, LEG, MESSAGES, NOTE, PARTNER, PLACE, PLAN

READERS = (ASKED, COMES, PARTNER, DESK)
THINGS = (FACTS, NOTE, LEG, PLAN, PLACE, MESSAGES)


@dataclass(frozen=True)
class Shown:
    """One line: who, by role; what; from when until when, in hours."""

    who: str
    what: str
    when: str


class Reveals:
    """The log of all the needs of one page. One query."""

    def __init__(self, needs: Iterable[Need], organisation: Organisation, at: datetime) -> None:
        self.at, self.organisation = at, organisation
        self.rows: defaultdict[UUID, list[Reveal]] = defaultdict(list)
        for row in Reveal.objects.filter(need__in=[need.pk for need in needs]):
            self.rows[row.need_id].append(row)

    def of(self, need: Need) -> list[Shown]:
        """Oldest first; what one role could read from the same hour to the same hour is one line."""
        ends = {row.pk: self._ends(row, need) for row in self.rows[need.pk]}

        def line(row: Reveal) -> tuple[object, ...]:
            end = ends[row.pk]
            key = str(row.claim_id or "")
            return row.at, READERS.index(row.reader), row.part, key, row.opened, end is None, end or row.at

        rows = sorted(self.rows[need.pk], key=lambda row: (line(row), THINGS.index(row.what), row.pk))
        groups = [list(group) for _key, group in groupby(rows, line)]
        return [self._shown(group, need, ends[group[0].pk]) for group in groups]

    def _ends(self, row: Reveal, need: Need) -> datetime | None:
        """When nobody could open it any more: a place closes before the rest does."""
        if row.what != PLACE or row.claim_id is None:
            return row.ended_at
        closes = need.place_seen_until(self.organisation)
        if row.ended_at is not None:
            return min(row.ended_at, closes)
        return closes if closes <= self.at else None

    def _shown(self, rows: list[Reveal], need: Need, end: datetime | None) -> Shown:
        first = rows[0]
        things = ", ".join(_thing(what) for what in dict.fromkeys(row.what for row in rows))
        what = gettext("opened: %(things)s") if first.opened else gettext("could open: %(things)s")
        if first.reader == ASKED:
            what = gettext("on the board: %(things)s")
        since = facts.past(first.at, self.at)
        when = since
        if end is not None and not first.opened:
            when = gettext("%(since)s until %(until)s") % {"since": since, "until": facts.past(end, self.at)}
        return Shown(_who(rows, need), what % {"things": things}, when)


def _who(rows: list[Reveal], need: Need) -> str:
    first = rows[0]
    if first.reader == ASKED:
        people = sum(row.people for row in rows)
        asked = ngettext("%(count)d person who was asked", "%(count)d people who were asked", people)
        return asked % {"count": people}
    if first.reader == DESK:
        return gettext("The desk")
    kind = kinds.get(need.kind)
    comes = gettext("The person who comes")
    if first.reader == PARTNER:
        comes = gettext("The person who comes, from a partner organisation")
    if len(kind.tasks) == 1:
        return comes
    return gettext("%(who)s (%(part)s)") % {"who": comes, "part": kind.role_name(first.part)}


def _thing(what: str) -> str:
    return {
        FACTS: gettext("the ticks, area and day"),
        NOTE: gettext("your note"),
        LEG: gettext("what you wrote for this part"),
        PLAN: gettext("what to do if you do not come out"),
        PLACE: gettext("the place"),
        MESSAGES: gettext("the messages"),
    }[what]
