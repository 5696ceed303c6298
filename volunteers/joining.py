"""Joining: an invitation, a name and a passphrase become an account with keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from privacy import clock
from volunteers import desk, keys
from volunteers.account import Volunteer, Vouch
from volunteers.agreements import Acceptance, Agreement
from volunteers.invitations import Invitation


@dataclass(frozen=True)
class Joined:
    """Who joined, their open private half, and what is shown once: the words of the recovery sheet."""

    volunteer: Volunteer
    private: bytes
    sheet: str


def join(
    token: str,
    *,
    username: str,
    handle: str,
    passphrase: str,
    language: str,
    at: datetime,
    read: Iterable[str] | None = None,
) -> Joined:
    """Take the invitation and make the account, in one transaction.

    Opening it accepts the agreements that stood above the button: `read` (Current.mark of each), or else
    those there are.

    Whoever joins with the desk role is let in at once: the invitation is what vouches for them. The
    first of them makes the desk's key pair; the others wait until somebody shares it with them.
    Errors: InvitationRefused.
    """
    # Looked up before, so that a dead link costs no derivation; taken after, so that deriving
    # three keys holds no lock.
    Invitation.objects.find(token, at)
    volunteer = Volunteer(username=username, handle=handle, interface_language=language)
    made = keys.make_keys(volunteer, passphrase, language)
    with transaction.atomic():
        invitation = Invitation.objects.take(token, at)
        volunteer.is_coordinator = invitation.coordinator
        volunteer.vouched_at = clock.hour(at) if invitation.coordinator else None
        Volunteer.objects.insert_named(volunteer, language)
        shown = (text.mark for text in Agreement.objects.current()) if read is None else read
        Acceptance.objects.accept(volunteer, shown, at)
        if invitation.coordinator:
            _take_a_seat(volunteer, invitation.made_by, at)
    return Joined(volunteer, made.private, made.sheet)


def _take_a_seat(coordinator: Volunteer, made_by: Volunteer | None, at: datetime) -> None:
    if made_by is not None:
        Vouch.objects.record(coordinator, made_by, at, Vouch.Context.DESK)
    if desk.current() is None:
        # Two first coordinators at the same moment: the index lets one found it.
        try:
            with transaction.atomic():
                desk.found(coordinator)
        except IntegrityError:
            return
