"""`manage.py rotate`: new peppers, MACs and service keys. Interrupted at any point, run it again."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mutualaid import rotation
from mutualaid.management.commands.setup import key_sheet_lines
from privacy import clock, instance
from requests_app import start

ELSEWHERE = """
The secrets lie in the environment. Set INSTANCE_SECRETS to this on every machine, then run this again:
{text}
"""
SHEET = """
The key sheet has a new part. Write it on paper now, then type one word back: `make keysheet`.
Keep the older part as long as you keep backups from before.
{words}
"""


class Command(BaseCommand):
    help = "Add a root to the instance secrets, make everything once more under it, retire the older ones."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--once-more", action="store_true", help="add another root although an older one is still needed"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            instance.ensure(create=False)
        except instance.InstanceRefused as reason:
            raise CommandError(str(reason)) from None
        # A process that runs knows the secrets it began with, and would go on making things with those.
        if start.runs_elsewhere(clock.now()):
            raise CommandError("This instance is running: stop it, wait fifteen seconds, and run this again.")
        try:
            self.rotate(once_more=options["once_more"])
        except instance.SecretsElsewhere as elsewhere:
            self.stdout.write(ELSEWHERE.format(text=elsewhere.text))

    def rotate(self, once_more: bool) -> None:
        if once_more or not rotation.under_way():
            instance.add_root()
        self.show_the_sheet()
        count = rotation.renew_everything()
        self.stdout.write(f"{count.renewed} rows were made once more.")
        if count.unreadable:
            self.stdout.write(f"{count.unreadable} rows could not be read before either: left as they are.")
        if waiting := rotation.waiting_for():
            self.stdout.write(
                f"{waiting} mailboxes still need the older secrets: run this again once they have ended."
            )
            return
        instance.retire_older_roots()
        self.stdout.write("The older secrets are gone. Nothing needs them any more.")

    def show_the_sheet(self) -> None:
        """The newest part, until somebody has it on paper: also when this was interrupted before."""
        if not instance.is_confirmed():
            newest = dict([max(instance.sheet().items())])
            self.stdout.write(SHEET.format(words=key_sheet_lines(newest)))
