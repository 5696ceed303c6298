"""The duties of this room: each looks for due rows and gives every one its verb."""

from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from privacy import clock
from privacy.due import Duty, Swept, sweep
from requests_app import rings, standing
from requests_app.models import CalledOff, Claim, Knock, Mailbox, Need, Plan, Taken, Tap, Task
from volunteers.models import Check, Slip

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def lapse(at: datetime) -> Swept:
    """End the holds whose time is over."""
    return sweep(Claim.objects.overdue(at), at, Claim.lapse)


def escalate(at: datetime) -> Swept:
    """Ask the next ring about every task nobody took in time."""
    return sweep(Task.objects.to_escalate(at), at, rings.ask_next)


def expire(at: datetime) -> Swept:
    """End the needs whose time is over: their keys are destroyed."""
    return sweep(Need.objects.overdue(at), at, Need.expire)


def end_claims(at: datetime) -> Swept:
    """Finish what a crash interrupted between ending a claim and destroying its key."""
    return sweep(Claim.objects.ending(), at, Claim.finish_ending)


def end_needs(at: datetime) -> Swept:
    """Finish what a crash interrupted between ending a need and destroying its keys."""
    return sweep(Need.objects.ending(), at, Need.finish_ending)


def purge(at: datetime) -> Swept:
    """Delete the rows of needs that ended a day ago; only counters stay."""
    return sweep(Need.objects.purgeable(at), at, Need.purge)


def forget_taken(at: datetime) -> Swept:
    """Forget what volunteers took more than a week ago."""
    return sweep(Taken.objects.forgettable(at), at, Taken.forget)


def answer(at: datetime) -> Swept:
    """Do what follows from the codes that were typed: for most of them, nothing."""
    return sweep(Knock.objects.unanswered(at), at, Mailbox.objects.answer)


def forget_knocks(at: datetime) -> Swept:
    """Forget that somebody came back yesterday; what was hidden since then is not hidden any more."""
    return sweep(Knock.objects.forgettable(at), at, Knock.forget)


def forget_called_off(at: datetime) -> Swept:
    """Forget who was told yesterday not to go."""
    return sweep(CalledOff.objects.forgettable(at), at, CalledOff.forget)


def miss(at: datetime) -> Swept:
    """Say that what was expected did not come."""
    return sweep(Tap.objects.overdue(at), at, Tap.miss)


def end_plans(at: datetime) -> Swept:
    """Destroy the plans whose time is over."""
    return sweep(Plan.objects.over(at), at, Plan.end)


def look_at_checks(at: datetime) -> Swept:
    """Remind of checks that end soon; where one ended, what depends on it is free again."""
    return sweep(Check.objects.due(at), at, standing.look_at_check)


def forget_slips(at: datetime) -> Swept:
    """Forget who said late, three months ago, that they cannot come."""
    return sweep(Slip.objects.forgettable(at), at, Slip.forget)


CALL = _("Call people instead. Tell whoever runs the machine to look, and to start it again.")

DUTIES = (
    Duty(
        "answer",
        MINUTE,
        lambda at: Knock.objects.unanswered(at),
        answer,
        "answer_after",
        rounded=clock.QUARTER,
        says=_("Codes were typed, and what follows from them waits."),
    ),
    Duty(
        "lapse",
        MINUTE,
        lambda at: Claim.objects.overdue(at),
        lapse,
        "held_until",
        says=_("Holds ran out, and nobody else is asked yet."),
        do=CALL,
    ),
    Duty(
        "escalate",
        MINUTE,
        lambda at: Task.objects.to_escalate(at),
        escalate,
        "escalate_after",
        rounded=clock.QUARTER,
        says=_("Nobody new is asked."),
        do=CALL,
    ),
    Duty(
        "expire",
        MINUTE,
        lambda at: Need.objects.overdue(at),
        expire,
        "expires_at",
        destroys=True,
        says=_("The time of some needs is over. They are not destroyed yet."),
    ),
    Duty(
        "miss",
        MINUTE,
        lambda at: Tap.objects.overdue(at),
        miss,
        "missed_after",
        rounded=clock.QUARTER,
        says=_("Somebody has not said that all is well, and nobody was told."),
        do=CALL,
    ),
    Duty(
        "end-plans",
        MINUTE,
        lambda at: Plan.objects.over(at),
        end_plans,
        "over_at",
        destroys=True,
        says=_("The time of some plans is over. They are not destroyed yet."),
    ),
    Duty(
        "end-claims",
        MINUTE,
        lambda at: Claim.objects.ending(),
        end_claims,
        None,
        says=_("Some offers ended. Their keys are not destroyed yet."),
    ),
    Duty(
        "end-needs",
        MINUTE,
        lambda at: Need.objects.ending(),
        end_needs,
        None,
        says=_("Some needs ended. Their keys are not destroyed yet."),
    ),
    Duty(
        "purge",
        HOUR,
        lambda at: Need.objects.purgeable(at),
        purge,
        "purge_after",
        destroys=True,
        says=_("What is left of ended needs is not deleted yet."),
    ),
    Duty(
        "forget",
        HOUR,
        lambda at: Taken.objects.forgettable(at),
        forget_taken,
        "forget_after",
        says=_("What volunteers took last week is not forgotten yet."),
    ),
    Duty(
        "forget-knocks",
        HOUR,
        lambda at: Knock.objects.forgettable(at),
        forget_knocks,
        "forget_after",
        destroys=True,
        says=_("That codes were typed yesterday is not forgotten yet."),
    ),
    Duty(
        "forget-called-off",
        HOUR,
        lambda at: CalledOff.objects.forgettable(at),
        forget_called_off,
        "forget_after",
        says=_("Who was told yesterday not to go is not forgotten yet."),
    ),
    Duty(
        "checks",
        MINUTE,
        lambda at: Check.objects.due(at),
        look_at_checks,
        "due_after",
        # A yes that is taken back cannot be had again.
        destroys=True,
        says=_("Checks of volunteers ran out, and what depends on them is not free yet."),
        do=CALL,
    ),
    Duty(
        "forget-slips",
        HOUR,
        lambda at: Slip.objects.forgettable(at),
        forget_slips,
        "forget_after",
        says=_("Who said late that they cannot come, three months ago, is not forgotten yet."),
    ),
)
