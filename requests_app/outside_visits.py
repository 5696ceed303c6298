"""Whoever is named outside the desk, with the words of their sheet: a session like the asker's."""

from __future__ import annotations

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
from requests_app.models import OutsideContact, Report
from requests_app.readers import Unlocked
from requests_app.visits import IDLE_SECONDS

KEY = "outside"


@dataclass(frozen=True)
class OutsideVisit:
    """The contact, and the seed of their key."""

    contact: OutsideContact
    seed: bytes = field(repr=False)

    @property
    def unlocked(self) -> Unlocked:
        return self.contact.unlocked(self.seed)

    def report(self, report_id: UUID) -> Report:
        """One that was sealed to them; everything else is a 404."""
        return get_object_or_404(Report.objects.for_reader(self.contact, clock.now()), pk=report_id)


class OutsideRequest(HttpRequest):
    """A request whose visit was checked by `outside_only`."""

    outside: OutsideVisit


def enter(request: HttpRequest, visit: OutsideVisit) -> None:
    """Open it in this session, under a new session cookie."""
    request.session.cycle_key()
    cast(SessionStore, request.session).end_when_idle(IDLE_SECONDS)
    contact, seed = visit.contact, b64encode(visit.seed).decode()
    request.session[KEY] = {"contact": str(contact.pk), "epoch": contact.epoch, "seed": seed}


def current(request: HttpRequest) -> OutsideVisit | None:
    """Whoever typed the words in this session; None where nobody did, or they are named no more."""
    stored = request.session.get(KEY)
    if not stored:
        return None
    contact = OutsideContact.objects.visited(stored["contact"], stored["epoch"])
    if contact is None:
        del request.session[KEY]
        return None
    return OutsideVisit(contact, b64decode(stored["seed"]))


def outside_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Only with the words of the sheet typed; everybody else is asked for them."""

    @wraps(view)
    def checked(request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        visit = current(request)
        if visit is None:
            return redirect("outside")
        request.outside = visit
        return view(request, *args, **kwargs)

    return checked
