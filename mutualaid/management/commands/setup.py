"""`manage.py setup`: everything this instance needs before it serves. It asks nothing and may run again."""

import os
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from mutualaid import assets, translations
from mutualaid.duties import AT_START
from mutualaid.environment import read
from privacy import ballast, clock, instance
from requests_app.start import lose_every_key
from volunteers.models import Invitation, Volunteer

SHEET = """
The key sheet. Write it on paper now and keep it away from this machine: it is shown this once.
With these words and a copy of the database somebody can put this instance together again.
{words}
"""
FIRST_LINK = """
Nobody coordinates yet. This link lets the first coordinator in, once, within seven days:
  {link}
"""


class Command(BaseCommand):
    help = "Prepare folders, database, secrets, translations and static files; safe to run again."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--keyring-lost",
            action="store_true",
            help="the keyring is gone for good: make a new one; open needs wait until they are written again",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # Whatever is written from here on is nobody else's to read.
        os.umask(0o077)
        settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
        settings.RUN_DIR.mkdir(parents=True, exist_ok=True)
        self.say("Database: bringing the tables up to date …")
        self.migrate()
        if options["keyring_lost"]:
            self.replace_keyring()
        self.secrets()
        if not ballast.lay():
            self.say("No room is kept on the disk for erasing: it is almost full, or BALLAST_MB is 0.")
        self.say(f"Translations: {translations.compile_all(settings.LOCALE_PATHS[0])} compiled.")
        collected = assets.collect(settings.STATIC_ROOT)
        self.say(f"Static files: {'collected' if collected else 'nothing changed'}.")
        at = clock.now()
        for sentence, work in AT_START:
            self.say(f"{sentence} …")
            found = work(at)
            # Whoever put back an older database, or an older keyring, sees what that cost.
            if isinstance(found, int) and found:
                self.say(f"  {found}.")
        self.invite_the_first(at)

    def say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()

    def migrate(self) -> None:
        try:
            call_command("migrate", interactive=False, verbosity=0)
        except DatabaseError as problem:
            raise CommandError(
                f"The database does not answer ({type(problem).__name__}): see DATABASE_URL."
            ) from None

    def replace_keyring(self) -> None:
        """Needs are marked first: with a new keyring and no mark they would look as if they had ended."""
        try:
            instance.ensure(create=False, with_keyring=False)
            if not instance.is_keyring_lost():
                raise CommandError("The keyring is there: nothing was lost.")
            waiting = lose_every_key(clock.now())
            instance.new_keyring()
        except instance.InstanceRefused as reason:
            raise CommandError(str(reason)) from None
        self.say(f"A new keyring. {waiting} needs cannot be read until their askers write them again.")

    def secrets(self) -> None:
        """Check the instance secrets, or make them and show the key sheet."""
        try:
            instance.ensure(create=False)
        except instance.InstanceRefused:
            self.new_secrets()
        if not instance.is_confirmed():
            self.say("The key sheet is not confirmed yet: `make keysheet` shows how.")

    def new_secrets(self) -> None:
        try:
            instance.refuse_without_its_rows()
            instance.ensure(create=True)
        except instance.InstanceRefused as reason:
            # There is an instance already, and what belongs to it is missing or another's.
            raise CommandError(str(reason)) from None
        self.stdout.write(SHEET.format(words=key_sheet_lines(instance.sheet())))

    def invite_the_first(self, at: datetime) -> None:
        """Print a one-time link, on this terminal only, until somebody has joined."""
        if Volunteer.objects.exists():
            return
        # Asking the router would load every view of every room: a third of a second at each start.
        token = Invitation.objects.make(None, at, coordinator=True)
        self.stdout.write(FIRST_LINK.format(link=f"{_address()}/join/{token}/"))


def _address() -> str:
    host, port = read("HOST", "127.0.0.1"), read("PORT", "8000")
    return settings.PUBLIC_URL or settings.ONION_URL or f"http://{host}:{port}"


def key_sheet_lines(sheet: dict[int, tuple[str, ...]]) -> str:
    lines = []
    for version, words in sorted(sheet.items()):
        lines.append(f"\n  Sheet {version}")
        for start in range(0, len(words), 4):
            row = (f"{n:>3} {word:<12}" for n, word in enumerate(words[start : start + 4], start + 1))
            lines.append("  " + "".join(row).rstrip())
    return "\n".join(lines) + "\n"
