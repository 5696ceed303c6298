"""What this room promises to do later; mutualaid/celery.py lists it."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from privacy.due import Duty, sweep
from volunteers.invitations import Invitation
from volunteers.login_restores import LoginRestore
from volunteers.nights import OfferNight

PURGE_INVITATIONS = Duty(
    name="purge invitations",
    late_after=timedelta(hours=1),
    due=Invitation.objects.over,
    run=lambda at: sweep(Invitation.objects.over(at), at, Invitation.purge),
    due_field="purge_after",
    says=_("Old invitations are not deleted yet."),
)

PURGE_LOGIN_RESTORES = Duty(
    name="purge login restores",
    late_after=timedelta(hours=1),
    due=LoginRestore.objects.over,
    run=lambda at: sweep(LoginRestore.objects.over(at), at, LoginRestore.purge),
    due_field="expires_at",
    says=_("Old links to restore a login are not deleted yet."),
)

FORGET_NIGHTS = Duty(
    name="forget nights",
    late_after=timedelta(hours=1),
    due=OfferNight.objects.over,
    run=lambda at: sweep(OfferNight.objects.over(at), at, OfferNight.forget),
    due_field="forget_after",
    says=_("What hosts said of nights that are over is not forgotten yet."),
)
