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
        try:
            instance.restore(typed_sheets(self))
        except instance.InstanceRefused as reason:
            raise CommandError(str(reason)) from None
        self.stdout.write("The secrets are back. Start with `make run`.")

    def ask(self, question: str) -> str:
        return asked(self, question)


def typed_sheets(command: BaseCommand) -> dict[int, str]:
    """Sheet number → its words, typed at the terminal."""
    lines: dict[int, str] = {}
    command.stdout.write("Type the 24 words of each sheet, the first sheet first; an empty line ends.")
    command.stdout.write("If a sheet's number is not the one asked for, type its number before its words.")
    while typed := asked(command, f"Sheet {max(lines, default=0) + 1}: "):
        number, _space, words = typed.partition(" ")
        if number.isdigit():
            lines[int(number)] = words
        else:
            lines[max(lines, default=0) + 1] = typed
    return lines


def asked(command: BaseCommand, question: str) -> str:
    """What somebody types; "" at the end of the input."""
    command.stdout.write(question, ending="")
    command.stdout.flush()
    try:
        return input().strip()
    except EOFError:
        return ""
