"""Draw the state machines into docs/states.md."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from mutualaid.states import drawn


class Command(BaseCommand):
    help = "Draw the state machines into docs/states.md."

    def handle(self, *args: Any, **options: Any) -> None:
        (settings.BASE_DIR / "docs" / "states.md").write_text(drawn(), encoding="utf-8")
