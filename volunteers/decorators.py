"""Who may see a view, and whether their key is open."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast
from urllib.parse import urlencode, urlsplit

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from volunteers import keys
from volunteers.account import Volunteer

P = ParamSpec("P")


class SignedIn(HttpRequest):
    """A request whose user is a volunteer: what the views behind these decorators get."""

    user: Volunteer


Inner = Callable[Concatenate[SignedIn, P], HttpResponseBase]
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def signed_in(request: HttpRequest) -> Volunteer:
    """Whoever is signed in, behind LoginRequiredMiddleware. Errors: Http404 for nobody."""
    if not isinstance(request.user, Volunteer):
        raise Http404
    return request.user


def unlocked(view: Inner[P]) -> View[P]:
    """Ask for the passphrase first when this session's key is not open."""

    @wraps(view)
    def _view(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if keys.private_key(request) is None:
            return _to_unlock(request)
        return view(cast(SignedIn, request), *args, **kwargs)

    return _view


def _to_unlock(request: HttpRequest) -> HttpResponse:
    # What was posted is not kept: after unlocking they are back on the page with the form.
    here = request.get_full_path()
    if request.method != "GET" or request.headers.get("HX-Request"):
        here = _page_before(request)
    url = f"{reverse('account_unlock')}?{urlencode({'next': here})}"
    if request.headers.get("HX-Request"):
        return HttpResponseClientRedirect(url)
    return HttpResponseRedirect(url)


def _page_before(request: HttpRequest) -> str:
    """The path of the page they came from; the first page where the browser does not say."""
    try:
        return urlsplit(request.headers.get("Referer", "")).path or "/"
    except ValueError:
        return "/"


def let_in(view: Inner[P]) -> View[P]:
    """Only for those somebody vouched for and nobody suspended; a 404 for anyone else."""

    @wraps(view)
    def _view(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not (isinstance(request.user, Volunteer) and request.user.is_let_in):
            raise Http404
        return view(cast(SignedIn, request), *args, **kwargs)

    return _view


def hidden(view: View[P]) -> View[P]:
    """A 404 for whoever is not signed in, too: that there is something must not be told by the door."""
    view.hides_itself = True  # type: ignore[attr-defined]
    return view


def coordinator(view: Inner[P]) -> View[P]:
    """Only for those with the desk role; a 404 for anyone else."""

    @wraps(view)
    def _view(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        user = request.user
        if not (isinstance(user, Volunteer) and user.is_let_in and user.is_coordinator):
            raise Http404
        return view(cast(SignedIn, request), *args, **kwargs)

    return _view
