"""`manage.py keysheet`: type one word of the key sheet back; `--restore`: make the secrets from it again."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mutualaid.management.commands.setup import key_sheet_lines
from privacy import instance


class Command(BaseCommand):
    help = "Confirm the key sheet by typing one of its words back, or restore the instance secrets from it."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--word", default="", help="the word that is asked, for programs")
        parser.add_argument("--show", action="store_true", help="show the sheet again, until it is confirmed")
        parser.add_argument("--restore", action="store_true", help="type all words; writes the secrets again")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["restore"]:
            self.restore()
        elif instance.is_confirmed():
            self.stdout.write("The key sheet was confirmed before. Nothing to do.")
        elif options["show"]:
            self.stdout.write(key_sheet_lines(instance.sheet()))
        else:
            self.confirm(options["word"])

    def confirm(self, word: str) -> None:
        typed = word or self.ask(f"Word number {instance.asked_word()} of the newest sheet: ")
        if not instance.confirm(typed):
            raise CommandError("This is not that word. Look at the sheet and try again.")
        self.stdout.write("Right. Keep the sheet where neither this machine nor its backups are.")

    def restore(self) -> None:
        lines: dict[int, str] = {}
        self.stdout.write("Type the 24 words of each sheet, the first sheet first; an empty line ends.")
        while typed := self.ask(f"Sheet {len(lines) + 1}: "):
            lines[len(lines) + 1] = typed
        try:
            instance.restore(lines)
        except instance.InstanceRefused as reason:
            raise CommandError(str(reason)) from None
        self.stdout.write("The secrets are back. Start with `make run`.")

    def ask(self, question: str) -> str:
        self.stdout.write(question, ending="")
        self.stdout.flush()
        try:
            return input().strip()
        except EOFError:
            return ""
