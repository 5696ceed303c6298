"""What a notice says: the cover name, "There is news.", and one of three constant lines."""

from collections.abc import Callable
from functools import lru_cache

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.module_loading import import_string

DEFAULT_NAME = "Notes"


def sender_name() -> str:
    """The cover name. The organisation is a step above: the setting names the function that knows it."""
    path: str | None = getattr(settings, "NOTIFY_SENDER_NAME", None)
    if path is None:
        return DEFAULT_NAME
    knows: Callable[[], str] = import_string(path)
    # One line: it becomes a header.
    return " ".join(knows().split()) or DEFAULT_NAME


@lru_cache(maxsize=64)
def compose(name: str, language: str, pace: str) -> tuple[str, str]:
    """Subject and body in the receiver's language."""
    words = {"name": name, "pace": pace}
    with translation.override(language):
        subject = render_to_string("messages/notice_subject.txt", words).strip()
        return subject, render_to_string("messages/notice.txt", words)
