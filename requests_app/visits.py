"""A visit: the asker's open mailbox in the (encrypted) session, from her return code to "Leave now"."""

from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from privacy import clock
from privacy.sessions import SessionStore
from requests_app.models import Claim, Errand, Mailbox, Need, call_words
from requests_app.models.mailbox import hidden_name
from requests_app.readers import Unlocked

KEY = "visit"
# Her page closes by itself when nobody has looked at it for so long.
IDLE_SECONDS = 60 * 60


@dataclass(frozen=True)
class Visit:
    """An open mailbox and its seed; `secret` is the return code until she has written it down."""

    mailbox: Mailbox
    seed: bytes = field(repr=False)
    secret: bytes | None = field(default=None, repr=False)

    @property
    def unlocked(self) -> Unlocked:
        return self.mailbox.unlocked(self.seed)

    @property
    def call_words(self) -> str:
        """What she says on the telephone to have a need closed; "" where it is older than that."""
        return call_words.words(self.seed, self.mailbox.language) if self.mailbox.call_words else ""

    def errand(self, do: str) -> Errand:
        """What a second code is to do to this mailbox: HIDE or ERASE (requests_app/models/knock.py)."""
        return Errand(do, self.mailbox.pk, hidden_name(self.seed))

    def need(self, need_id: UUID) -> Need:
        """One of her own needs; everything else is a 404."""
        return get_object_or_404(Need.objects.of(self.mailbox), pk=need_id)

    def claim(self, claim_id: UUID) -> Claim:
        """A claim on one of her own needs; everything else is a 404."""
        return get_object_or_404(Claim.objects.on_needs_of(self.mailbox), pk=claim_id)


class AskerRequest(HttpRequest):
    """A request whose visit was checked by `asker_only`."""

    visit: Visit


def enter(request: HttpRequest, visit: Visit) -> None:
    """Open the mailbox in this session, under a new session cookie."""
    request.session.cycle_key()
    cast(SessionStore, request.session).end_when_idle(IDLE_SECONDS)
    _remember(request, visit)


def current(request: HttpRequest) -> Visit | None:
    """The open mailbox of this session; None where there is none, or it ended meanwhile."""
    stored = request.session.get(KEY)
    if not stored:
        return None
    seed, secret = b64decode(stored["seed"]), stored.get("secret")
    at = cast(SessionStore, request.session).loaded_at or clock.now()
    mailbox = Mailbox.objects.visited(stored["mailbox"], stored["epoch"], seed, at)
    if mailbox is None:
        del request.session[KEY]
        return None
    return Visit(mailbox, seed, b64decode(secret) if secret else None)


def forget_code(request: HttpRequest, visit: Visit) -> None:
    """She has it on paper: the session need not keep it."""
    _remember(request, Visit(visit.mailbox, visit.seed))


def leave(request: HttpRequest) -> None:
    """The session is dead on the server, whoever it belonged to; where that cannot be, in the browser."""
    cast(SessionStore, request.session).let_go()


def asker_only(
    view: Callable[..., HttpResponse],
) -> Callable[..., HttpResponse]:
    """Only with an open mailbox; everybody else is asked for the return code."""

    @wraps(view)
    def checked(request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        visit = current(request)
        if visit is None:
            return redirect("return")
        request.visit = visit
        return view(request, *args, **kwargs)

    return checked


def _remember(request: HttpRequest, visit: Visit) -> None:
    stored = {
        "mailbox": str(visit.mailbox.pk),
        "epoch": visit.mailbox.epoch,
        "seed": b64encode(visit.seed).decode(),
    }
    if visit.secret is not None:
        stored["secret"] = b64encode(visit.secret).decode()
    request.session[KEY] = stored
