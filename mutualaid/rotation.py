"""A new root of the instance secrets, and everything an older one made once more under the newest.

At no point is anything unreadable: both roots are recognised until nothing needs the older one. So whatever
interrupts this, even a power cut, running it again finishes it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db import models, transaction

from notify.models import Channel, PushKey
from privacy import instance
from privacy.crypto import Unreadable
from privacy.models import Grant
from requests_app.models import Knock, Mailbox, OutsideContact
from volunteers import seeds
from volunteers.models import DeskKey, DeskShare, Volunteer

BATCH = 200

Renew = Callable[[Any], dict[str, Any]]

# Every table with something a root made, and what a row of it becomes under the newest one.
RENEWED: tuple[tuple[type[models.Model], Renew], ...] = (
    (Mailbox, Mailbox.renewed),
    (Knock, Knock.renewed),
    (OutsideContact, OutsideContact.renewed),
    (Volunteer, Volunteer.renewed),
    (DeskKey, DeskKey.renewed),
    (DeskShare, DeskShare.renewed),
    (Grant, Grant.renewed),
    (Channel, Channel.renewed),
    (PushKey, PushKey.renewed),
    (Authenticator, seeds.renewed),
)


@dataclass
class Count:
    """How many rows were made once more, and how many no root made: they were unreadable before."""

    renewed: int = 0
    unreadable: int = 0


def under_way() -> bool:
    """Whether an older root is still recognised: then rotating goes on, and adds none."""
    return len(instance.secrets().mac_keys) > 1


def renew_everything() -> Count:
    """Every row under the newest root, in batches that commit one by one. Again and again is harmless."""
    count = Count()
    for model, renew in RENEWED:
        for keys in _batches(model):
            with transaction.atomic():
                for row in model._default_manager.select_for_update().filter(pk__in=keys):
                    _renew(row, renew, count)
    return count


def _renew(row: models.Model, renew: Renew, count: Count) -> None:
    try:
        changed = {name: value for name, value in renew(row).items() if _is_new(row, name, value)}
    except Unreadable:
        count.unreadable += 1
        return
    if changed:
        type(row)._default_manager.filter(pk=row.pk).update(**changed)
        count.renewed += 1


def _is_new(row: models.Model, name: str, value: Any) -> bool:
    before = getattr(row, name)
    return bool((bytes(before) if isinstance(value, bytes) else before) != value)


def _batches(model: type[models.Model]) -> Iterator[list[Any]]:
    """The primary keys of a table, BATCH at a time."""
    rows, last = model._default_manager.order_by("pk"), None
    while keys := list((rows.filter(pk__gt=last) if last else rows).values_list("pk", flat=True)[:BATCH]):
        yield keys
        last = keys[-1]


def waiting_for() -> int:
    """How many mailboxes still open with an older pepper only: their codes are on paper, so they stay."""
    newest = instance.secrets().pepper_version
    return sum(model._default_manager.filter(pepper_version__lt=newest).count() for model in _peppered())


def _peppered() -> list[type[models.Model]]:
    """The tables of what a return code finds."""
    return [model for model in apps.get_models() if _has(model, "pepper_version")]


def _has(model: type[models.Model], name: str) -> bool:
    try:
        model._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True
