"""What the fields of other people's models are to an outsider, and how long they live (privacy/fields.py)."""

from datetime import datetime
from functools import partial
from typing import Any

from django.db import models

from privacy import clock
from privacy.fields import FieldClasses

THIRD_PARTY = {
    # Django's permissions are part of its account machinery; nobody here is given any.
    "auth.Permission": FieldClasses(
        clear=("id", "name", "content_type", "codename"), lives="as long as the instance"
    ),
    "auth.Group": FieldClasses(clear=("id", "name"), lives="as long as the instance; none is made"),
    "auth.Group_permissions": FieldClasses(
        clear=("id", "group", "permission"), lives="as long as the instance; none is made"
    ),
    "contenttypes.ContentType": FieldClasses(
        clear=("id", "app_label", "model"), lives="as long as the instance"
    ),
    # Accounts have no e-mail address: these tables stay empty.
    "account.EmailAddress": FieldClasses(
        clear=("id", "user", "email", "verified", "primary"), lives="never written"
    ),
    "account.EmailConfirmation": FieldClasses(
        clear=("id", "email_address", "created", "sent", "key"), lives="never written"
    ),
    # data is JSON around seeds that MFA_ADAPTER seals under the service key; a passkey's part is public.
    "mfa.Authenticator": FieldClasses(
        sealed=("data",),
        # last_used_at stays empty (below).
        clear=("id", "user", "type", "created_at", "last_used_at"),
        lives="until its volunteer removes it, or leaves",
    ),
}


def keep_no_times(authenticator: type[models.Model]) -> None:
    """allauth writes to the microsecond when a second factor was made, and each time somebody used it.

    When somebody was here is nobody's business: the one is stored to the hour, the other never.
    """
    made: Any = authenticator._meta.get_field("created_at")
    used: Any = authenticator._meta.get_field("last_used_at")
    made.pre_save = partial(_to_the_hour, made.attname)
    used.pre_save = partial(_never, used.attname)


def _to_the_hour(name: str, row: models.Model, add: bool) -> datetime:
    moment = clock.hour(getattr(row, name))
    setattr(row, name, moment)
    return moment


def _never(name: str, row: models.Model, add: bool) -> None:
    setattr(row, name, None)
