"""Asking: one filled form becomes a mailbox and a sealed need."""

from dataclasses import replace
from datetime import datetime, timedelta

from django.db import IntegrityError

from privacy import ballast, instance
from privacy.codes import secret_from
from privacy.derivation import derive_all
from requests_app.models import Asked, Errand, Mailbox, Need
from requests_app.models.mailbox import NOTHING, MailboxClosed
from requests_app.visits import Visit

# From the full hour she asked in: so long a form that is posted again shows the code again.
FORM_OPENS = timedelta(hours=2)


class PostedBefore(Exception):
    """This form made a need already, and only her code leads to it now."""


def form_key(token: str, csrf_secret: str, typed: str) -> bytes:
    """Names one form on one screen as it was filled in, 32 bytes: posted twice it makes one need, with one
    code; sent once more with other answers it is another need.

    The secret of the CSRF cookie is part of it: whoever finds the page later, after "Leave now",
    cannot post it again. The return code follows from it, so it is stored nowhere.
    """
    return instance.mac("form", token.encode(), csrf_secret.encode(), typed.encode("utf-8", "replace"))


def stored_form_key(key: bytes) -> bytes:
    """What the need keeps of its form's key, to be recognised by: no way leads back, nor to the code."""
    return instance.mac("form that was posted", key)


def was_posted(key: bytes) -> bool:
    """Whether this form made a need already."""
    return Need.objects.asked_by_form(stored_form_key(key)) is not None


def ask(
    asked: Asked, key: bytes, visit: Visit | None, language: str, at: datetime, errand: Errand = NOTHING
) -> Visit:
    """Store a need. From an open mailbox it joins that one; otherwise a new return code is made, and `errand`
    follows when it is typed.

    Raises derivation.Busy, crypto.SealingImpossible, PostedBefore, ballast.NoRoom: then nothing was stored.
    """
    asked = replace(asked, form_key=stored_form_key(key))
    if (again := _asked_before(key, visit, at)) is not None:
        return again
    if ballast.is_full():
        raise ballast.NoRoom
    opened = visit or _new_mailbox(key, language, at, errand)
    try:
        Need.objects.ask(opened.mailbox, asked, at)
    except (IntegrityError, MailboxClosed):
        # The same form at the same moment: the other post was faster, and made the same code.
        if (again := _asked_before(key, visit, at)) is not None:
            return again
        if visit is None:
            raise
        # Her mailbox was erased in another window, or hidden: a new one, with a code of its own.
        return ask(asked, key, None, language, at)
    return opened


def _asked_before(key: bytes, visit: Visit | None, at: datetime) -> Visit | None:
    """The mailbox this very form opened when it was posted before.

    Not for good: once her code is on paper, or later, only the code opens it. Raises PostedBefore.
    """
    need = Need.objects.asked_by_form(stored_form_key(key))
    if need is None:
        return None
    if visit is not None and visit.mailbox == need.mailbox:
        return visit
    if need.mailbox.confirmed or at >= need.asked_at + FORM_OPENS:
        raise PostedBefore
    secret = secret_from(key)
    found = Mailbox.objects.behind(secret, at)
    if found is None:
        # It joined a mailbox that was open then.
        raise PostedBefore
    return Visit(*found, secret)


def _new_mailbox(key: bytes, language: str, at: datetime, errand: Errand) -> Visit:
    secret = secret_from(key)
    derived = derive_all(secret)[0]
    return Visit(Mailbox.objects.start(derived, language, at, errand), derived.seed, secret)
