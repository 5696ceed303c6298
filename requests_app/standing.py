"""Where an account's standing and its claims meet: suspending somebody frees what they had taken."""

from datetime import datetime

from django.db import transaction

from privacy.states import MoveRefused, SomebodyWasFaster
from requests_app.models import Claim
from requests_app.models.claim import RELEASED
from volunteers import desk
from volunteers.models import Volunteer


def suspend(volunteer: Volunteer, at: datetime) -> None:
    """No login, no session, no claim: all in one transaction; then their slots are destroyed."""
    with transaction.atomic():
        volunteer = Volunteer.objects.lock(volunteer.pk)
        volunteer.suspend_account(at)
        # Before anybody can renew the desk's pair, nothing more is granted to what they may remember.
        desk.close(volunteer)
        released, overdue = [], []
        for claim in _live_claims(volunteer):
            try:
                claim.leave_within(RELEASED, at)
            except MoveRefused:
                # It ended at this very moment, by somebody else: that must not undo the suspension.
                continue
            except SomebodyWasFaster:
                overdue.append(claim.need)
                continue
            released.append(claim)
    for claim in released:
        claim.finish_ending()
    for need in overdue:
        # Its time was over and the broom had not come: its keys go now as well.
        need.expire(at)


def _live_claims(volunteer: Volunteer) -> list[Claim]:
    """In the order of their needs, so that two suspensions never wait for each other."""
    claims = Claim.objects.live().filter(volunteer=volunteer)
    return list(claims.select_related("task", "need", "volunteer").order_by("need_id"))
