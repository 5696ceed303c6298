"""A backup: the rows of one moment as lines of JSON, sealed to the operator's age key while they are read.

The same on every database, so that a backup of SQLite can be restored on PostgreSQL. Nothing of it is ever on
a disk in clear, and what must not come back is not in it: docs/decisions/backups-and-rotation.md
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import pyrage
from django.apps import apps
from django.db import connection, models, transaction

from privacy.models import Instance

FORM = 1
ROWS_AT_ONCE = 500
# Sessions and heartbeats are of the moment; a link used or withdrawn since would open again; the rest is
# counted or made anew.
LEFT_OUT = frozenset(
    {
        "privacy.Session",
        "privacy.Heartbeat",
        "volunteers.Invitation",
        "volunteers.LoginRestore",
        "organisation.Distance",
        "volunteers.OfferPlace",
        "volunteers.Supply",
        "contenttypes.ContentType",
        "auth.Permission",
        "auth.Group",
        "auth.Group_permissions",
    }
)


class NotARecipient(Exception):
    """This is no public key of age."""


def tables() -> list[type[models.Model]]:
    """Every table whose rows are in a backup."""
    found = apps.get_models(include_auto_created=True)
    return [model for model in found if model._meta.label not in LEFT_OUT]


def write(target: BinaryIO, recipients: list[str]) -> int:
    """Seal this moment's rows to `recipients` ("age1…") into `target`. Returns how many rows.

    Others read and write meanwhile. Raises NotARecipient, and OSError where `target` is full.
    """
    keys = [_recipient(text) for text in recipients]
    with snapshot():
        source = _Source(lines())
        pyrage.encrypt_io(source, target, keys)
    return source.count - 2


def _recipient(text: str) -> Any:
    try:
        return pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError:
        raise NotARecipient from None


def lines() -> Iterator[bytes]:
    """A head, a line for each row, an end that counts them. Inside `snapshot()`."""
    yield _line(head())
    count = 0
    for model in tables():
        fields = model._meta.concrete_fields
        for row in model._default_manager.order_by("pk").iterator(chunk_size=ROWS_AT_ONCE):
            yield _line([model._meta.label, {f.attname: _value(f, row) for f in fields}])
            count += 1
    yield _line({"end": count})


def head() -> dict[str, Any]:
    """Whose backup it is, so that foreign secrets are refused before anything is written."""
    row = Instance.objects.get()
    prints = [bytes(value).hex() for value in (row.fingerprint, row.next_fingerprint) if value]
    return {"mutualaid": FORM, "instance": bytes(row.instance_id).hex(), "fingerprints": prints}


def _value(field: "models.Field[Any, Any]", row: models.Model) -> Any:
    if field.value_from_object(row) is None:
        return None
    return field.value_to_string(row)


def _line(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"


@contextmanager
def snapshot() -> Iterator[None]:
    """Every query inside sees the same moment, and keeps nobody from writing."""
    if connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
        return
    with connection.cursor() as cursor:
        # Not atomic(): that would begin with the lock that all writers need.
        cursor.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


class _Source:
    """What age reads from: the lines, as they are asked for."""

    def __init__(self, found: Iterator[bytes]) -> None:
        self.lines, self.waiting, self.count = found, bytearray(), 0

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self.waiting) < size:
            line = next(self.lines, None)
            if line is None:
                break
            self.waiting += line
            self.count += 1
        taken = bytes(self.waiting if size < 0 else self.waiting[:size])
        del self.waiting[: len(taken)]
        return taken
