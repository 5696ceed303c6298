"""Why nobody takes it, as the desk reads it: how many fit, and how many would without one condition."""

from datetime import datetime

from django.utils.translation import gettext, ngettext, ngettext_lazy

from requests_app import matching
from requests_app.models import Claim, Need, Task
from requests_app.models.claim_queryset import STANDBY


def sentences(need: Need, offered: list[Claim], at: datetime) -> list[str]:
    """For the tasks nobody has: how many fit, and how many would without one condition."""
    taken = {claim.task_id for claim in offered if claim.status != STANDBY}
    untaken = Task.objects.live(at).filter(need=need).exclude(pk__in=taken).order_by("position").first()
    if untaken is None:
        return []
    fit = len(matching.best(untaken, at, matching.MOST_ROWS))
    said = [_fit(fit)]
    rows = [row for row in matching.why_nobody(untaken, at) if row.would_fit]
    said += [would_fit(row.condition, row.would_fit) for row in rows]
    if not fit and not rows:
        said.append(gettext("No single condition stands in the way. Perhaps you know somebody."))
    return said


def _fit(count: int) -> str:
    if not count:
        return gettext("Nobody fits now.")
    text = ngettext("%(count)d person fits now.", "%(count)d people fit now.", count)
    return text % {"count": count}


# One sentence for each hard condition (the names of matching.CONDITIONS and what begins its index).
_WOULD_FIT = {
    "let_in": ngettext_lazy(
        "%(count)d more would fit, but is not let in, not active, or lacks a check.",
        "%(count)d more would fit, but are not let in, not active, or lack a check.",
        "count",
    ),
    "reach": ngettext_lazy(
        "%(count)d more would fit, but does not come that far.",
        "%(count)d more would fit, but do not come that far.",
        "count",
    ),
    "kind": ngettext_lazy(
        "%(count)d more would fit, but offers something else.",
        "%(count)d more would fit, but offer something else.",
        "count",
    ),
    "capacity": ngettext_lazy(
        "%(count)d more would fit, but has no room for so many.",
        "%(count)d more would fit, but have no room for so many.",
        "count",
    ),
    "conditions": ngettext_lazy(
        "%(count)d more would fit without the conditions.",
        "%(count)d more would fit without the conditions.",
        "count",
    ),
    "language": ngettext_lazy(
        "%(count)d more would fit without the language.",
        "%(count)d more would fit without the language.",
        "count",
    ),
    "parts": ngettext_lazy(
        "%(count)d more would fit on another day or at another time.",
        "%(count)d more would fit on another day or at another time.",
        "count",
    ),
    "checks": ngettext_lazy(
        "%(count)d more would fit, but a check of theirs ran out.",
        "%(count)d more would fit, but checks of theirs ran out.",
        "count",
    ),
    "probation": ngettext_lazy(
        "%(count)d more would fit beside somebody experienced.",
        "%(count)d more would fit beside somebody experienced.",
        "count",
    ),
    "pause": ngettext_lazy(
        "%(count)d more would fit, but is on a break.",
        "%(count)d more would fit, but are on a break.",
        "count",
    ),
    "nights": ngettext_lazy(
        "%(count)d more would fit, but has no bed free every night.",
        "%(count)d more would fit, but have no bed free every night.",
        "count",
    ),
    "rest": ngettext_lazy(
        "%(count)d more would fit, but rests between two stays.",
        "%(count)d more would fit, but rest between two stays.",
        "count",
    ),
    "most_nights": ngettext_lazy(
        "%(count)d more would fit, but not for so many nights.",
        "%(count)d more would fit, but not for so many nights.",
        "count",
    ),
    "notice": ngettext_lazy(
        "%(count)d more would fit, but needs to know earlier.",
        "%(count)d more would fit, but need to know earlier.",
        "count",
    ),
    "arrival": ngettext_lazy(
        "%(count)d more would fit, but opens the door only at another time.",
        "%(count)d more would fit, but open the door only at another time.",
        "count",
    ),
    "household": ngettext_lazy(
        "%(count)d more would fit, but did not say that all adults there agree.",
        "%(count)d more would fit, but did not say that all adults there agree.",
        "count",
    ),
    "cap": ngettext_lazy(
        "%(count)d more would fit, but has done enough this week.",
        "%(count)d more would fit, but have done enough this week.",
        "count",
    ),
    "asked": ngettext_lazy(
        "%(count)d more would fit, but was asked enough today.",
        "%(count)d more would fit, but were asked enough today.",
        "count",
    ),
    "partner": ngettext_lazy(
        "%(count)d partner organisation would fit.",
        "%(count)d partner organisations would fit.",
        "count",
    ),
    "never": ngettext_lazy(
        "%(count)d more would fit, but the two shall not meet.",
        "%(count)d more would fit, but shall not meet this person.",
        "count",
    ),
    "declined": ngettext_lazy(
        "%(count)d more would fit, but the answer was no.",
        "%(count)d more would fit, but the answer was no.",
        "count",
    ),
}


def would_fit(condition: str, count: int) -> str:
    """How many more would fit without one hard condition."""
    return str(_WOULD_FIT[condition] % {"count": count})
