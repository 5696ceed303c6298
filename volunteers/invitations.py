"""An invitation: a link that lets one person open one account. The link itself is stored nowhere."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import Q

from privacy import clock, instance
from privacy.due import DueRow
from privacy.fields import FieldClasses
from volunteers.account import Volunteer

LIVES = timedelta(days=7)
KEPT = timedelta(days=1)
LEASE = ("lease_token", "lease_until", "attempts", "retry_after")


class InvitationRefused(Exception):
    """Unknown, used or expired: the three are one and the same answer."""


def _hash(token: str) -> str:
    return instance.token_name("volunteers.invitation", token)


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self, at: datetime) -> Self:
        """Neither used nor expired, and whoever made it may still invite: nobody who left the desk, or was
        suspended, comes back by a link they kept. The first coordinator's was made by nobody."""
        # No join: `take` compares and sets with this condition, and it must be asked of the row itself.
        may_invite = Q(made_by__isnull=True) | Q(made_by__in=Volunteer.objects.coordinators())
        return self.filter(may_invite, used_at__isnull=True, expires_at__gt=at)

    def over(self, at: datetime) -> Self:
        """Of no more use to anybody: expired or used a day ago."""
        return self.filter(purge_after__lte=at)

    def find(self, token: str, at: datetime) -> Invitation:
        """The open invitation behind a link. Errors: InvitationRefused."""
        found = self.open(at).filter(token_hash=_hash(token)).first()
        if found is None:
            raise InvitationRefused
        return found

    def make(self, by: Volunteer | None, at: datetime, *, coordinator: bool = False) -> str:
        """A new link's token, to be shown once. `by` is None only for the first coordinator's."""
        token = secrets.token_urlsafe(24)
        expires_at = clock.hour(at) + LIVES
        self.create(
            token_hash=_hash(token),
            made_by=by,
            coordinator=coordinator,
            expires_at=expires_at,
            purge_after=expires_at + KEPT,
        )
        return token

    def take(self, token: str, at: datetime) -> Invitation:
        """Use up a link: of two at the same moment one gets it. Errors: InvitationRefused."""
        found = self.find(token, at)
        # Compare-and-set: only the one whose UPDATE still finds it unused may go on.
        hour = clock.hour(at)
        if self.open(at).filter(pk=found.pk).update(used_at=hour, purge_after=hour + KEPT) != 1:
            raise InvitationRefused
        return found


class Invitation(DueRow):
    """What the desk hands to somebody it knows. coordinator: whether they join with the desk role."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    token_hash = models.CharField(max_length=64, unique=True)
    made_by = models.ForeignKey(Volunteer, null=True, on_delete=models.CASCADE, related_name="invitations")
    coordinator = models.BooleanField(default=False)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, default=None)
    purge_after = models.DateTimeField(db_index=True)

    objects = InvitationQuerySet.as_manager()
    privacy = FieldClasses(
        clear=("id", "made_by", "coordinator", "expires_at", "used_at", "purge_after", *LEASE),
        derived=("token_hash",),
        lives="until a day after it was used or expired",
    )

    def __str__(self) -> str:
        return str(self.pk)

    def withdraw(self) -> None:
        """The link stops working at once."""
        self.delete()

    def purge(self, at: datetime) -> None:
        """Forget that it was ever made."""
        self.delete()
