"""`manage.py demo`: fill an example organisation and print what opens it; `--json`: the same for programs."""

import json
import os
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from mutualaid import demo
from privacy import clock, instance

HEAD = """
An example organisation is filled in. Nothing in it is real: never let anybody ask here for help.
The link that set-up may have printed opens nothing any more. Sign in with these:
"""
FOOT = """
Return code of somebody who asked, for "I have a code":
  {code}

Start it with `make run`, if it does not run yet.
"""


class Command(BaseCommand):
    help = "Fill an example organisation and print its accounts and one return code; refuses one in use."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON, for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        # Whatever is written from here on is nobody else's to read.
        os.umask(0o077)
        try:
            instance.ensure(create=False)
            filled = demo.fill(settings.LANGUAGE_CODE, clock.now())
        except instance.InstanceRefused as reason:
            raise CommandError(f"{reason} Run `make setup` first.") from None
        except demo.InUse:
            raise CommandError("This instance is in use: an example needs an empty one.") from None
        if options["json"]:
            self.stdout.write(json.dumps(filled.as_dict(), ensure_ascii=False))
        else:
            self.stdout.write(_printed(filled))


def _printed(filled: demo.Filled) -> str:
    rows = [("role", "name", "user name", "passphrase")]
    rows += [
        (account.role, account.handle, account.username, account.passphrase) for account in filled.accounts
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  " + "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])
        for row in rows
    ]
    return HEAD + "\n".join(lines) + "\n" + FOOT.format(code=filled.return_code)
