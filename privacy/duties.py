"""What this room promises to do later; mutualaid/duties.py lists it."""

from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from privacy.due import Duty, Swept, sweep
from privacy.models import Session


def purge_sessions(at: datetime) -> Swept:
    """Delete the rows of sessions nobody used for too long."""
    return sweep(Session.objects.expired(at), at, Session.end)


DUTIES = (
    Duty(
        "purge sessions",
        timedelta(hours=1),
        lambda at: Session.objects.expired(at),
        purge_sessions,
        "expires_at",
        says=_("Old sessions are not deleted yet."),
    ),
)
