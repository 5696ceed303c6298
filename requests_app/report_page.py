"""What whoever reads a report sees of it, and what they can press."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.http import Http404
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from privacy.crypto import Unreadable
from requests_app import facts, wrong
from requests_app.models import Claim, Report
from requests_app.models.report import ASKER, KNOW, STOP, TALK, UNSURE, YES
from requests_app.readers import Unlocked

CHOICES = {
    STOP: _("Stop asking this person."),
    TALK: _("They would like somebody to talk to them."),
    KNOW: _("Only so that you know. Nobody writes to them."),
}
CONCERNS = {
    YES: _("They say that it concerns somebody at the desk."),
    UNSURE: _("They are not sure whether it concerns somebody at the desk."),
}
# What each kind of reader may press; the rest is a 404.
DESK = ("call_off", "go_on", "keep", "suspend")
OUTSIDE = ("call_off", "go_on", "keep")
CLOSES = ("go_on", "keep", "suspend")


@dataclass(frozen=True)
class Row:
    """One in the list: whom it is about, where that is in clear, and until when it is kept."""

    report: Report
    about: str
    kept_until: str


@dataclass(frozen=True)
class Opened:
    """One, opened. `coming`: what was promised before, as one line each. `before`: held back before it."""

    report: Report
    about: str
    readable: bool
    by: str = ""
    choice: str = ""
    concerns: str = ""
    text: str = ""
    how: str = ""
    before: bool = False
    coming: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()


def rows(reports: Iterable[Report]) -> list[Row]:
    """The newest first."""
    made = [Row(one, _about(one), facts.hour(one.forget_after, "j F")) for one in reports]
    return made[::-1]


def opened(report: Report, unlocked: Unlocked, verbs: tuple[str, ...], at: datetime) -> Opened:
    """One report for one of its readers, who has read it from now on."""
    coming = tuple(_line(claim) for claim in wrong.to_come(report, at))
    may = tuple(verb for verb in verbs if _applies(verb, report))
    try:
        said = report.read(unlocked)
    except Unreadable:
        return Opened(report, _about(report), readable=False, coming=coming, verbs=may)
    report.mark_read()
    return Opened(
        report,
        said["name"] if said["by"] == ASKER else gettext("Somebody who asked"),
        readable=True,
        by=gettext("Somebody who asked") if said["by"] == ASKER else said["name"],
        choice=str(CHOICES[said["choice"]]),
        concerns=str(CONCERNS.get(said["concerns_desk"], "")),
        text=said["text"],
        how=said["how"],
        before=bool(said["before"]),
        coming=coming,
        verbs=may,
    )


def decide(report: Report, do: str, verbs: tuple[str, ...], at: datetime) -> bool:
    """Do what was pressed. Whether the report is still open. Http404 for what is not theirs to press."""
    if do not in verbs or not _applies(do, report):
        raise Http404
    wrong.VERBS[do](report, at)
    return do not in CLOSES


def _applies(verb: str, report: Report) -> bool:
    return verb != "suspend" or report.about_id is not None


def _about(report: Report) -> str:
    return report.about.handle if report.about is not None else gettext("Somebody who asked")


def _line(claim: Claim) -> str:
    return f"{facts.title(claim.need, claim.task)}, {facts.day(claim.need.day)}: {claim.volunteer.handle}"
