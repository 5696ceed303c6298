"""`manage.py backup FILE --to age1…`: this moment, sealed to the operator's key, while everything goes on."""

import contextlib
import os
import secrets
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mutualaid import backup
from privacy import instance, secret_store


class Command(BaseCommand):
    help = "Write the database, sealed to an age public key; without keyring, secrets, sessions."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="where to write it; - for the standard output")
        parser.add_argument("--to", required=True, action="append", help="an age public key; may be repeated")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            instance.ensure(create=False, with_keyring=False)
            if options["file"] == "-":
                backup.write(sys.stdout.buffer, options["to"])
                return
            rows = write_file(Path(options["file"]), options["to"])
        except instance.InstanceRefused as reason:
            raise CommandError(str(reason)) from None
        except backup.NotARecipient:
            raise CommandError(
                "This is no public key of age: one begins with age1 (age-keygen -y)."
            ) from None
        except OSError as problem:
            raise CommandError(f"The backup could not be written ({problem.strerror}).") from None
        self.stdout.write(f"{rows} rows, sealed. Keep the key that opens them away from this machine.")


def write_file(file: Path, recipients: list[str]) -> int:
    """A whole backup in the place of the file, or what was there before. Returns how many rows."""
    new = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as target:
            rows = backup.write(target, recipients)
            target.flush()
            os.fsync(target.fileno())
        new.replace(file)
    finally:
        with contextlib.suppress(FileNotFoundError):
            new.unlink()
    secret_store.sync_directory(file.parent)
    return rows
