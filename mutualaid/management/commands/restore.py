"""`manage.py restore FILE --identity FILE`: a backup into an empty instance, closed before it is served."""

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from mutualaid.duties import AT_START
from mutualaid.management.commands.keysheet import typed_sheets
from mutualaid.restore import RestoreRefused, Wishes, identities, is_in_use, restore
from privacy import clock, instance
from requests_app.start import runs_elsewhere
from volunteers.models import Volunteer

DONE = """
{rows} rows are back. Nobody is signed in. What ended since is gone.
At the desk again: {desk}. Everybody else waits until the desk lets them in.
If one of these has left the desk since: first of all take the role from them, and change the key of the desk.
"""


class Command(BaseCommand):
    help = "Put a backup into an empty instance; nothing of it is served before what ended since is closed."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="the backup; - for the standard input")
        parser.add_argument("--identity", required=True, help="the file with the age key that opens it")
        parser.add_argument("--replace", action="store_true", help="delete what this instance has now")
        parser.add_argument("--keyring-lost", action="store_true", help="the keyring is gone for good")
        parser.add_argument("--sheet", action="store_true", help="the secrets are gone: type the key sheet")
        parser.add_argument(
            "--desk",
            action="append",
            default=[],
            help="a user name: only who is named works at the desk again",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        os.umask(0o077)
        settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
        call_command("migrate", interactive=False, verbosity=0)
        at = clock.now()
        self.refuse_in_use(at, options["replace"])
        sheets = typed_sheets(self) if options["sheet"] else None
        wishes = Wishes(options["keyring_lost"], sheets, options["desk"])
        try:
            keys = identities(Path(options["identity"]).read_text(encoding="ascii", errors="replace"))
            rows = self.restore(options["file"], keys, wishes)
        except (RestoreRefused, instance.InstanceRefused) as reason:
            raise CommandError(str(reason)) from None
        except OSError as problem:
            raise CommandError(f"A file cannot be read ({problem.strerror}).") from None
        desk = Volunteer.objects.coordinators().order_by("username").values_list("username", flat=True)
        self.stdout.write(DONE.format(rows=rows, desk=", ".join(desk) or "nobody"))

    def refuse_in_use(self, at: Any, replace: bool) -> None:
        if runs_elsewhere(at):
            raise CommandError("This instance is running: stop it, wait fifteen seconds, and run this again.")
        if is_in_use() and not replace:
            raise CommandError("This instance is in use: with --replace everything it has now is deleted.")

    def restore(self, file: str, keys: list[Any], wishes: Wishes) -> int:
        at = clock.now()
        if file == "-":
            rows = restore(sys.stdin.buffer, keys, wishes, at)
        else:
            with Path(file).open("rb") as source:
                rows = restore(source, keys, wishes, at)
        for _sentence, work in AT_START:
            work(at)
        return rows
