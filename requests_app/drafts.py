"""A message that waits in the (encrypted) session while the passphrase is asked for: nothing is lost."""

from dataclasses import dataclass, field
from uuid import UUID

from django.http import HttpRequest

from requests_app.forms.answer import MESSAGE_LENGTH

KEY = "draft"


@dataclass(frozen=True)
class Draft:
    """`task`: the id of the task it is about, as the form named it."""

    task: str
    text: str = field(repr=False)


def keep(request: HttpRequest, need_id: UUID, task: str, text: str) -> None:
    """Only the latest one, and no longer than a message may be."""
    request.session[KEY] = {"need": str(need_id), "task": task[:40], "text": text[: 2 * MESSAGE_LENGTH]}


def take(request: HttpRequest, need_id: UUID) -> Draft | None:
    """What waits for this need, once."""
    kept = request.session.get(KEY)
    if not kept or kept["need"] != str(need_id):
        return None
    del request.session[KEY]
    return Draft(kept["task"], kept["text"])
