"""Two people at the desk together let somebody choose a new passphrase. They never get at a key.

The first press only writes down who pressed. The second, of somebody else, makes a link that works once.
Whoever opens it gets a new key: what was sealed to the old one stays closed until it is granted again.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime, timedelta
from typing import Self

from allauth.mfa.models import Authenticator
from django.db import models, transaction
from django.db.models import Q

from notify import outbox
from privacy import clock, instance
from privacy.due import DueRow
from privacy.fields import FieldClasses
from volunteers.account import Volunteer

# So long the second of the two has time to press, and then the person to open the link.
LIVES = timedelta(days=2)
LEASE = ("lease_token", "lease_until", "attempts", "retry_after")


class RestoreRefused(Exception):
    """Unknown, used, expired or stopped: one and the same answer."""


def _hash(token: str) -> str:
    return instance.token_name("volunteers.login_restore", token)


class LoginRestoreQuerySet(models.QuerySet["LoginRestore"]):
    def open(self, at: datetime) -> Self:
        """Begun by somebody who is still at the desk, and not over."""
        return self._still_at_desk("first").filter(expires_at__gt=at).select_related("first", "second")

    def over(self, at: datetime) -> Self:
        return self.filter(expires_at__lte=at)

    def of(self, volunteer: Volunteer, at: datetime) -> LoginRestore | None:
        """What the desk has begun for this person; None if nothing."""
        return self.open(at).filter(volunteer=volunteer).first()

    def press(self, volunteer: Volunteer, by: Volunteer, at: datetime) -> str:
        """One of the two presses. The link's token for the second of them, to be shown once; else "".

        Errors: ValueError for oneself, and for somebody suspended.
        """
        if by.pk == volunteer.pk or not volunteer.is_active:
            raise ValueError("Nobody restores their own login, or one that is suspended.")
        with transaction.atomic():
            self.filter(volunteer=volunteer).exclude(pk__in=self.open(at).values("pk")).delete()
            begun, new = self.get_or_create(
                volunteer=volunteer, defaults={"first": by, "expires_at": clock.hour(at) + LIVES}
            )
            if new:
                outbox.queue(volunteer.pk, f"login-restore:{begun.pk}", at, pace="now")
                return ""
            return self._second(begun, by, at)

    def _second(self, begun: LoginRestore, by: Volunteer, at: datetime) -> str:
        token = secrets.token_urlsafe(24)
        # Compare-and-set: somebody else than the first, and only one of them.
        waiting = self.filter(pk=begun.pk, second__isnull=True).exclude(first=by)
        found = waiting.update(second=by, token_hash=_hash(token), expires_at=clock.hour(at) + LIVES)
        return token if found else ""

    def find(self, token: str, at: datetime) -> LoginRestore:
        """What an open link restores. Both must still be at the desk. Errors: RestoreRefused."""
        usable = self.open(at)._still_at_desk("second").filter(volunteer__status=Volunteer.Status.ACTIVE)
        found = usable.filter(token_hash=_hash(token)).select_related("volunteer").first()
        if found is None:
            raise RestoreRefused
        return found

    def take(self, token: str, at: datetime) -> Volunteer:
        """Use the link up: whose login it restores. Their second factors are gone with it.

        Of two at the same moment one gets it. Call inside the transaction that stores the new key.
        Errors: RestoreRefused.
        """
        found = self.find(token, at)
        if not self.filter(pk=found.pk).delete()[0]:
            raise RestoreRefused
        Authenticator.objects.filter(user=found.volunteer).delete()
        return found.volunteer

    def _still_at_desk(self, who: str) -> Self:
        here = {"is_coordinator": True, "status": Volunteer.Status.ACTIVE, "vouched_at__isnull": False}
        return self.filter(Q(**{f"{who}__{name}": value for name, value in here.items()}))


class LoginRestore(DueRow):
    """That the desk restores one login: who pressed first, who second, and the link's hash."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    volunteer = models.OneToOneField(Volunteer, on_delete=models.CASCADE, related_name="+")
    first = models.ForeignKey(Volunteer, on_delete=models.CASCADE, related_name="+")
    second = models.ForeignKey(Volunteer, null=True, on_delete=models.CASCADE, related_name="+")
    token_hash = models.CharField(max_length=64, default="", blank=True, db_index=True)
    expires_at = models.DateTimeField(db_index=True)

    objects = LoginRestoreQuerySet.as_manager()
    privacy = FieldClasses(
        clear=("id", "volunteer", "first", "second", "expires_at", *LEASE),
        derived=("token_hash",),
        lives="two days at most, or until the link was used",
    )

    class Meta:
        constraints = (
            models.CheckConstraint(condition=~Q(first=models.F("second")), name="two_restore_a_login"),
        )

    def __str__(self) -> str:
        return str(self.pk)

    def stop(self) -> None:
        """The link, and what was pressed, count no more."""
        self.delete()

    def purge(self, at: datetime) -> None:
        """It was never used in time."""
        self.delete()
