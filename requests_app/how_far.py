"""How far the asking has got, in words: for the asker and for the desk, from the same rows."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext, ngettext

from requests_app import facts
from requests_app.models import Event, Task
from requests_app.models.asking_on import DESK_TOLD, PARTNER_ASKED


@dataclass(frozen=True)
class HowFar:
    """When the desk was told of a task, and when a partner was asked, to the hour: (task id, verb) → hour."""

    at: datetime
    hours: dict[tuple[UUID, str], datetime] = field(default_factory=dict)

    @classmethod
    def of(cls, tasks: list[Task], at: datetime) -> "HowFar":
        """One query."""
        return cls(at, Event.objects.last_of(tasks, (DESK_TOLD, PARTNER_ASKED)))

    def done(self, tasks: list[Task]) -> list[str]:
        """What was done beyond the rings for all of these tasks, a sentence each, with the latest hour."""
        if not tasks or not all(task.everybody_was_asked for task in tasks):
            return []
        said = [self._said(tasks, DESK_TOLD, gettext("The desk was told at %(moment)s."))]
        if any(task.partner_was_asked for task in tasks):
            said.append(
                self._said(tasks, PARTNER_ASKED, gettext("A partner organisation was asked at %(moment)s."))
            )
        return [sentence for sentence in said if sentence]

    def _said(self, tasks: list[Task], verb: str, sentence: str) -> str:
        hours = [self.hours[task.pk, verb] for task in tasks if (task.pk, verb) in self.hours]
        return sentence % {"moment": facts.past(max(hours), self.at)} if hours else ""

    def next(self, tasks: list[Task], at_desk: bool) -> str:
        """Who is asked next if nobody takes it, and when; "" where nobody can say."""
        waiting = [task for task in tasks if task.is_open and not task.everybody_was_asked]
        looks = [task.escalate_after for task in waiting if task.escalate_after]
        if not looks:
            return ""
        moment = {"moment": facts.moment(max(min(looks), self.at), self.at)}
        more = max(task.more_to_ask for task in waiting)
        if more:
            sentence = ngettext(
                "If nobody takes it by %(moment)s, %(count)d more can be asked.",
                "If nobody takes it by %(moment)s, up to %(count)d more can be asked.",
                more,
            )
            return sentence % {**moment, "count": more}
        if at_desk and all(task.ring for task in waiting):
            return gettext("Nobody more fits now. At %(moment)s the desk is told.") % moment
        return ""
