"""Putting a backup into an empty database, and what has to happen before anything of it is served."""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO, NoReturn

import pyrage
from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, models, transaction
from django.utils.translation import gettext

from mutualaid import backup
from organisation.areas import rebuild_distances
from privacy import instance
from privacy.crypto import SealingImpossible
from requests_app import start
from requests_app.models import Mailbox, Report
from volunteers import desk
from volunteers.models import Volunteer

# Made by the migrations, and the same on every instance.
KEPT = frozenset({"contenttypes.ContentType", "auth.Permission"})


class RestoreRefused(Exception):
    """This cannot be restored here. The text is one sentence for whoever runs it."""


@dataclass(frozen=True)
class Wishes:
    """What whoever restores has decided: `sheets` is the key sheet as typed (number → words), where the
    secrets were lost too; `desk` the user names of those who still work there, or none for all of them."""

    keyring_lost: bool = False
    sheets: dict[int, str] | None = None
    desk: Collection[str] = ()


def is_in_use() -> bool:
    """Whether somebody already has an account or a need here."""
    return Volunteer.objects.exists() or Mailbox.objects.exists()


def identities(text: str) -> list[Any]:
    """The age identities in the text of a file. Raises RestoreRefused."""
    found = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    try:
        keys = [pyrage.x25519.Identity.from_str(line) for line in found]
    except pyrage.IdentityError:
        keys = []
    if not keys:
        raise RestoreRefused(
            gettext("There is no age identity in this file: it begins with AGE-SECRET-KEY-.")
        )
    return keys


def restore(source: BinaryIO, keys: list[Any], wishes: Wishes, at: datetime) -> int:
    """Replace every row with those of a backup; returns how many there are. All of it happens, or nothing.

    Afterwards nobody is signed in, volunteers wait for the desk, and nothing that ended is there.
    Raises RestoreRefused, instance.InstanceRefused.
    """
    with transaction.atomic():
        empty()
        reader = _Reader(wishes)
        _decrypt(source, reader, keys)
        reader.finish()
        _reset_sequences()
        _secrets(reader, wishes)
        close(wishes, at)
    if wishes.keyring_lost:
        instance.new_keyring()
        start.finish_endings(at)
        start.forget_what_ended(at)
    return reader.count


def close(wishes: Wishes, at: datetime) -> None:
    """What ended since the backup was made ends here as well, and nobody is let in unseen."""
    if wishes.keyring_lost:
        start.lose_every_key(at)
    else:
        start.finish_endings(at)
        start.close_what_has_no_key(at)
        start.forget_what_ended(at)
    for mailbox in Mailbox.objects.all():
        mailbox.end_visits()
    rebuild_distances()
    known = Volunteer.objects.filter(is_coordinator=True).values_list("username", flat=True)
    if not set(wishes.desk) <= set(known):
        raise RestoreRefused(gettext("Nobody with that user name works at the desk in this backup."))
    for volunteer in Volunteer.objects.order_by("pk"):
        stays = volunteer.is_coordinator and (not wishes.desk or volunteer.username in wishes.desk)
        if stays:
            volunteer.end_sessions(at)
        else:
            # Whoever is not named may remember the desk's pair: it is closed until somebody there renews it.
            desk.step_down(volunteer)
            Report.objects.lose_reader(volunteer, at)
            volunteer.wait_for_the_desk(at)


def empty() -> None:
    """Delete every row but those that migrations make."""
    for model in apps.get_models(include_auto_created=True):
        if model._meta.label not in KEPT:
            model._default_manager.all()._raw_delete(connection.alias)


def _decrypt(source: BinaryIO, reader: "_Reader", keys: list[Any]) -> None:
    try:
        pyrage.decrypt_io(source, reader, keys)
    except (pyrage.DecryptError, OSError):
        if reader.problem is not None:
            raise reader.problem from None
        raise RestoreRefused(
            gettext("This file does not open: it is damaged, cut short, or sealed to another key.")
        ) from None


def _secrets(reader: "_Reader", wishes: Wishes) -> None:
    """The secrets lie here, or are typed from their sheet; then database, secrets and keyring are one."""
    if wishes.sheets and reader.without_secrets:
        instance.restore(wishes.sheets)
    instance.claim_database()
    instance.ensure(create=False, with_keyring=not wishes.keyring_lost)
    if wishes.keyring_lost and not instance.is_keyring_lost():
        raise RestoreRefused(gettext("The keyring is there: restore without --keyring-lost."))


def _reset_sequences() -> None:
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), backup.tables()):
            cursor.execute(statement)


class _Reader:
    """What age writes into: rows are inserted while they are still being opened. Nothing is kept in clear."""

    def __init__(self, wishes: Wishes) -> None:
        self.wishes, self.problem, self.count = wishes, None, 0
        self.rest, self.end = b"", None
        # The key sheet is compared with the row of the instance, once that is there.
        self.without_secrets = False
        self.model: type[models.Model] | None = None
        self.rows: list[models.Model] = []
        self.known = {model._meta.label: model for model in backup.tables()}
        self.take: Callable[[Any], None] = self._head

    problem: Exception | None
    end: int | None

    def write(self, part: bytes) -> int:
        *whole, self.rest = (self.rest + part).split(b"\n")
        try:
            for line in whole:
                self.take(json.loads(line))
        except Exception as problem:
            # age would turn it into an error of its own.
            self.problem = problem
            raise
        return len(part)

    def flush(self) -> None:
        """Nothing waits."""

    def finish(self) -> None:
        self._insert()
        if self.end != self.count:
            raise RestoreRefused(gettext("This backup has no end: it was cut short."))

    def _head(self, head: Any) -> None:
        if not isinstance(head, dict) or head.get("mutualaid") != backup.FORM:
            self._refuse_version()
        try:
            fingerprints = [bytes.fromhex(text) for text in head["fingerprints"]]
            fits = instance.belongs(bytes.fromhex(head["instance"]), fingerprints)
        except SealingImpossible:
            fits = self.without_secrets = True
            if not self.wishes.sheets:
                raise RestoreRefused(
                    gettext("The instance secrets are missing: put them back, or add --sheet to type them.")
                ) from None
        if not fits:
            raise RestoreRefused(
                gettext("The instance secrets are not those of this backup: put back those of its time.")
            )
        self.take = self._row

    def _row(self, line: Any) -> None:
        if isinstance(line, dict):
            self.end = line["end"]
            return
        label, values = line
        model = self.known.get(label) or self._refuse_version()
        if model is not self.model or len(self.rows) >= backup.ROWS_AT_ONCE:
            self._insert()
        self.model = model
        fields = {field.attname: field for field in model._meta.concrete_fields}
        if not values.keys() <= fields.keys():
            self._refuse_version()
        # to_python(None) is None only where nothing else stands for it.
        read = {n: None if v is None else fields[n].to_python(v) for n, v in values.items()}
        self.rows.append(model(**read))

    def _insert(self) -> None:
        if self.model is not None:
            self.model._default_manager.bulk_create(self.rows)
        self.count += len(self.rows)
        self.rows = []

    def _refuse_version(self) -> NoReturn:
        raise RestoreRefused(
            gettext("Another version of this system made this backup: restore with that one, then update.")
        )
