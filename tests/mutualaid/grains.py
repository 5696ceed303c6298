"""How exact each stored moment may be (design, "Time is an argument"); one that is not listed fails."""

from datetime import UTC, datetime, timedelta

from django.apps import apps
from django.db import models

HOUR, QUARTER = timedelta(hours=1), timedelta(minutes=15)
# Says nothing about anybody, or is gone soon after: see why beside each.
EXACT = timedelta(0)

_LEASES = {
    # Empty unless a row is being done at this moment, or could not be done.
    "lease_until": EXACT,
    "retry_after": EXACT,
}
_DUE_ROWS = (
    *("privacy.Session", "notify.Notice", "volunteers.Invitation", "volunteers.LoginRestore"),
    *("requests_app.Need", "requests_app.Task", "requests_app.Claim", "requests_app.Taken"),
    *("requests_app.Knock", "requests_app.CalledOff", "requests_app.Tap", "requests_app.Plan"),
    *("requests_app.Report", "requests_app.Debrief"),
    *("volunteers.OfferNight", "volunteers.Check", "volunteers.Slip"),
)


GRAINS: dict[str, timedelta] = {
    **{f"{row}.{name}": grain for row in _DUE_ROWS for name, grain in _LEASES.items()},
    # The asker's
    "requests_app.Need.asked_at": HOUR,
    "requests_app.Need.looks_again_at": HOUR,
    "requests_app.Need.expires_at": QUARTER,
    "requests_app.Need.purge_after": HOUR,
    "requests_app.Mailbox.opened_at": HOUR,
    "requests_app.Event.happened_at": HOUR,
    "requests_app.Message.written_at": HOUR,
    "requests_app.Reveal.at": HOUR,
    "requests_app.Reveal.ended_at": HOUR,
    "requests_app.Task.escalate_after": QUARTER,
    "requests_app.Claim.claimed_at": HOUR,
    "requests_app.Claim.held_until": QUARTER,
    "requests_app.Proposal.asked_at": HOUR,
    "requests_app.Knock.answer_after": QUARTER,
    "requests_app.Knock.forget_after": HOUR,
    "requests_app.CalledOff.forget_after": HOUR,
    "requests_app.Extension.over_after": HOUR,
    "requests_app.Tap.due_at": QUARTER,
    "requests_app.Tap.missed_after": QUARTER,
    "requests_app.Plan.over_at": QUARTER,
    "requests_app.Report.forget_after": HOUR,
    "requests_app.Report.remind_after": HOUR,
    "requests_app.Debrief.forget_after": HOUR,
    "privacy.Grant.granted_at": HOUR,
    "privacy.Session.expires_at": QUARTER,
    # Anybody's; a notice is gone ten minutes after it was sent
    "notify.Channel.added_at": HOUR,
    "notify.Channel.tested_at": HOUR,
    "notify.Channel.broken_at": HOUR,
    "notify.Notice.send_after": EXACT,
    "notify.Notice.purge_after": EXACT,
    # Of those with an account
    "requests_app.Taken.forget_after": HOUR,
    "volunteers.Check.due_after": HOUR,
    "volunteers.Slip.forget_after": HOUR,
    "volunteers.Volunteer.vouched_at": HOUR,
    "volunteers.Volunteer.last_asked_at": HOUR,
    "volunteers.Vouch.at": HOUR,
    "volunteers.Offer.made_at": HOUR,
    "volunteers.OfferNight.forget_after": HOUR,
    "volunteers.Invitation.expires_at": HOUR,
    "volunteers.Invitation.used_at": HOUR,
    "volunteers.Invitation.purge_after": HOUR,
    "volunteers.LoginRestore.expires_at": HOUR,
    "mfa.Authenticator.created_at": HOUR,
    "mfa.Authenticator.last_used_at": HOUR,
    # The machine's own: the same beat whether somebody came or not
    "privacy.Heartbeat.beat_at": EXACT,
    "privacy.Heartbeat.swept_at": EXACT,
    "organisation.Organisation.set_up_at": HOUR,
    # Typed by the desk
    "organisation.Organisation.away_until": EXACT,
    # allauth's tables for addresses, which stay empty
    "account.EmailConfirmation.created": HOUR,
    "account.EmailConfirmation.sent": HOUR,
}


def moments() -> dict[str, models.DateTimeField]:
    """The label and name of the field → it, of every DateTimeField there is."""
    return {
        f"{model._meta.label}.{field.name}": field
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.concrete_fields
        if isinstance(field, models.DateTimeField)
    }


def is_too_exact(name: str, moment: datetime) -> bool:
    since = moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return bool(GRAINS[name] and since % GRAINS[name])
