"""Whoever has not accepted the agreements as they stand now reads them first, and then goes on."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from privacy import clock
from requests_app import drafts
from requests_app.models import Claim
from volunteers.agreements import Acceptance
from volunteers.decorators import signed_in

View = Callable[..., HttpResponse]


def agreed(view: View) -> View:
    """Only for those who accepted everything; the others read it, and what they were doing comes back.

    Not for whoever is on the way to somebody today, on the pages of that need: they must find the door.
    """

    @wraps(view)
    def _view(request: HttpRequest, /, **parts: Any) -> HttpResponse:
        volunteer = signed_in(request)
        if not Acceptance.objects.missing(volunteer):
            return view(request, **parts)
        need_id = parts.get("need_id")
        if need_id and Claim.objects.today(volunteer, clock.now()).filter(need=need_id).exists():
            return view(request, **parts)
        return _to_read(request, need_id)

    return _view


def _to_read(request: HttpRequest, need_id: Any) -> HttpResponse:
    """The page with the texts; it leads back to the board, or to this need."""
    back = reverse("need", args=[need_id]) if need_id else reverse("board")
    if text := request.POST.get("text", ""):
        # A message waits on the page of the need, as it does for a passphrase.
        drafts.keep(request, need_id, request.POST.get("task", ""), text)
    url = f"{reverse('agreements')}?{urlencode({'next': back})}"
    return HttpResponseClientRedirect(url) if request.headers.get("HX-Request") else redirect(url)
