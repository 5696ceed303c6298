"""What this room promises to do later; mutualaid/celery.py lists it."""

from __future__ import annotations

from datetime import timedelta

from privacy.due import Duty, sweep
from volunteers.invitations import Invitation

PURGE_INVITATIONS = Duty(
    name="purge invitations",
    late_after=timedelta(hours=1),
    due=Invitation.objects.over,
    run=lambda at: sweep(Invitation.objects.over(at), at, Invitation.purge),
    due_field="purge_after",
)
