"""The duties of what stands apart from every need: reminded of, forgotten, and its keys destroyed."""

from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from privacy.due import Duty, Swept, sweep
from requests_app.models import Debrief, Report

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def remind_of_reports(at: datetime) -> Swept:
    """Tell the desk, or the one outside, that nobody has read what was wrong for a week."""
    return sweep(Report.objects.to_remind(at), at, Report.remind)


def forget_reports(at: datetime) -> Swept:
    """Forget what nobody closed for 90 days; whom it is about stays held back."""
    return sweep(Report.objects.forgettable(at), at, Report.forget)


def end_reports(at: datetime) -> Swept:
    """Finish what a crash interrupted between closing a report and destroying its key."""
    return sweep(Report.objects.ending(), at, Report.finish_ending)


def forget_debriefs(at: datetime) -> Swept:
    """Forget who wanted to talk two weeks ago."""
    return sweep(Debrief.objects.forgettable(at), at, Debrief.forget)


def end_debriefs(at: datetime) -> Swept:
    """Finish what a crash interrupted between being done with it and destroying its key."""
    return sweep(Debrief.objects.ending(), at, Debrief.finish_ending)


DUTIES = (
    Duty(
        "remind-reports",
        HOUR,
        lambda at: Report.objects.to_remind(at),
        remind_of_reports,
        "remind_after",
        says=_("Nobody is reminded of what was wrong. Look whether something waits for you."),
    ),
    Duty(
        "forget-reports",
        HOUR,
        lambda at: Report.objects.forgettable(at),
        forget_reports,
        "forget_after",
        destroys=True,
        says=_("What was wrong three months ago is not forgotten yet."),
    ),
    Duty(
        "end-reports",
        MINUTE,
        lambda at: Report.objects.ending(),
        end_reports,
        None,
        says=_("What was wrong was closed. Its key is not destroyed yet."),
    ),
    Duty(
        "forget-debriefs",
        HOUR,
        lambda at: Debrief.objects.forgettable(at),
        forget_debriefs,
        "forget_after",
        destroys=True,
        says=_("Who wanted to talk two weeks ago is not forgotten yet."),
    ),
    Duty(
        "end-debriefs",
        MINUTE,
        lambda at: Debrief.objects.ending(),
        end_debriefs,
        None,
        says=_("Somebody talked. What they had written is not destroyed yet."),
    ),
)
