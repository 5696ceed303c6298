"""What every answer carries and what no request may do, whatever the view behind it.

In settings.MIDDLEWARE: SecurityHeaders as far out as possible, origins.Origins next, BodyLimit before
whatever reads a body, Sessions in the place of Django's, SealedOr503 anywhere inside, OneUp innermost.
"""

import logging
import sys
from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import BadRequest
from django.db import Error as DatabaseAway
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, UnreadablePostError
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string
from django.urls import is_valid_path
from django.utils import translation
from django.utils.functional import LazyObject, empty
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.views.defaults import server_error

from privacy import ballast, gate
from privacy.crypto import SealingImpossible, TooLong, Unreadable
from privacy.gate import Busy
from privacy.sessions import SessionStore

MAX_BODY = 64 * 1024
RETRY_AFTER_SECONDS = 30

_Next = Callable[[HttpRequest], HttpResponseBase]

_FEATURES = (
    "accelerometer attribution-reporting autoplay bluetooth browsing-topics camera compute-pressure "
    "cross-origin-isolated display-capture encrypted-media fullscreen gamepad geolocation gyroscope hid "
    "identity-credentials-get idle-detection local-fonts magnetometer microphone midi otp-credentials "
    "payment picture-in-picture private-state-token-issuance private-state-token-redemption "
    "run-ad-auction screen-wake-lock serial storage-access usb web-share window-management "
    "xr-spatial-tracking"
)
_PASSKEYS = ("publickey-credentials-create", "publickey-credentials-get")

_HEADERS = {
    # Not "no-referrer": browsers then send "Origin: null", and every plain form would be refused.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Else the server names itself.
    "Server": "web",
    "Permissions-Policy": ", ".join(
        [f"{name}=()" for name in _FEATURES.split()] + [f"{name}=(self)" for name in _PASSKEYS]
    ),
}
# What a library or the server would say beside it, and what browsers would keep or compare a page by.
_NEVER = ("Expires", "ETag", "Last-Modified")
_PAGES_ONLY = {"Cache-Control": "no-store", "Vary": "Accept-Encoding, Accept-Language, Cookie"}
_UTF_8 = {"utf-8", "utf8"}
# The database does not answer, or cannot write.
_AWAY = (OperationalError, InterfaceError)

logger = logging.getLogger(__name__)

# Where those who have an account come in: a passkey needs a script before anybody is signed in.
_STAFF_DOOR = "/accounts/"
# The asker's pages have no script for anybody, nor have those of whoever reads what concerns the desk.
_ASKER, _OUTSIDE = "/a/", "/outside/"


class SecurityHeaders:
    """The same headers on every answer, errors included, and an answer whatever happens."""

    def __init__(self, get_response: _Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            response = self.get_response(request)
        except Exception:
            logger.exception("The page that says so could not be drawn either")
            with translation.override(translation.get_language_from_request(request)):
                response = _bare(500, _("Something broke on our side."))
        for name, value in _HEADERS.items():
            response[name] = value
        response["Content-Security-Policy"] = _policy(request)
        if not (request.path.startswith(settings.STATIC_URL) and response.status_code in {200, 206, 304}):
            for name in _NEVER:
                del response[name]
            for name, value in _PAGES_ONLY.items():
                response[name] = value
        return response


class BodyLimit:
    """Refuses what is too large before a byte of it is read, and NUL, which no database column takes.

    And any alphabet but UTF-8: Django decodes with whatever codec a request names, and some of them
    raise, or make letters that cannot be stored.
    """

    def __init__(self, get_response: _Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            refusal = self._refusal(request) or self._read(request)
        except (BadRequest, Http404):
            # Django draws their pages, and LocaleMiddleware has not seen the request yet.
            translation.activate(translation.get_language_from_request(request))
            raise
        return refusal or self.get_response(request)

    def _read(self, request: HttpRequest) -> HttpResponse | None:
        """Take the body in, here and nowhere else: one that never comes must not keep the threads that every
        other page needs."""
        if not _content_length(request):
            return None
        try:
            with gate.reading():
                _ = request.body
        except UnreadablePostError:
            raise BadRequest from None
        except Busy:
            return _unavailable(request)
        return None

    def _refusal(self, request: HttpRequest) -> HttpResponse | None:
        if "\0" in request.path_info:
            raise Http404
        if (request.content_params or {}).get("charset", "utf-8").strip('" ').lower() not in _UTF_8:
            raise BadRequest
        length = _content_length(request)
        if length > getattr(settings, "MAX_BODY", MAX_BODY):
            return _too_much(request)
        if any("\0" in text for key, values in request.GET.lists() for text in (key, *values)):
            raise BadRequest
        return None


class SealedOr503:
    """Where sealing is impossible, the gate is full, or a row was tampered with and the page cannot go on
    without it: nothing is stored, and the page says so calmly. Where the database is away, or its disk full,
    the page says that nobody knows."""

    def __init__(self, get_response: _Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, _AWAY):
            return _away(request)
        refused = isinstance(exception, SealingImpossible | Busy | Unreadable)
        return _unavailable(request) if refused else None


def broken(request: HttpRequest) -> HttpResponse:
    """handler500: a database that is away is met outside of views as well, and is a 503 there, too."""
    return _away(request) if isinstance(sys.exc_info()[1], _AWAY) else server_error(request)


class Sessions(SessionMiddleware):
    """Django's, but a session that cannot be sealed is a 503 as well, and not a cookie without a row.

    One that grew too long is a 413: allauth keeps there what was posted while it asks for the passphrase.
    A page that looks again by itself says so with the header X-Looks-Again.
    """

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        if isinstance(request.session, SessionStore):
            request.session.slides = "X-Looks-Again" not in request.headers

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        try:
            return super().process_response(request, response)
        except TooLong:
            return _too_much(request)
        except SealingImpossible:
            return _unavailable(request)


class OneUp:
    """A page that came back from a post has an address that takes no GET.

    Whoever loads it again, opens its tab or changes the language there gets the page above it instead.
    Every other method that is not taken is refused with a page: one without a header has no "Leave now".
    """

    def __init__(self, get_response: _Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
            return response
        if request.method == "GET":
            return HttpResponseRedirect(_page_above(request.path_info))
        refused = render(request, "400.html", status=HTTPStatus.METHOD_NOT_ALLOWED)
        refused["Allow"] = response["Allow"]
        return refused


def _page_above(path: str) -> str:
    """The nearest address above that is one; it may take no GET either, and leads further up then."""
    while path != "/":
        path = path.rstrip("/").rpartition("/")[0] + "/"
        if is_valid_path(path):
            break
    return path


def _policy(request: HttpRequest) -> str:
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    return f"{policy}; script-src 'self'; connect-src 'self'" if _may_script(request) else policy


def _may_script(request: HttpRequest) -> bool:
    if request.path == "/" or request.path.startswith((_ASKER, _OUTSIDE)):
        return False
    return request.path.startswith(_STAFF_DOOR) or _is_signed_in(request)


def _is_signed_in(request: HttpRequest) -> bool:
    """Whether this request's view knew who it was for; asks no database, so that errors stay errors."""
    user = getattr(request, "user", None)
    if user is None or (isinstance(user, LazyObject) and user._wrapped is empty):
        return False
    return bool(user.is_authenticated)


def _content_length(request: HttpRequest) -> int:
    """Bytes the body will have; more than any limit where it comes in chunks of unknown number."""
    announced = request.META.get("CONTENT_LENGTH") or "0"
    if not (announced.isascii() and announced.isdecimal()):
        raise BadRequest
    if "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
        return 1 << 62
    return int(announced[:20])


def _too_much(request: HttpRequest) -> HttpResponse:
    return _page(request, 413, _("That is too much at once. Nothing was stored."))


def _unavailable(request: HttpRequest) -> HttpResponse:
    response = _page(request, 503, _("Not just now. Nothing was stored. Try again in a minute."))
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _away(request: HttpRequest) -> HttpResponse:
    """A commit whose answer was lost may have been one: where something was sent, it has to be looked at."""
    if ballast.is_full():
        ballast.let_go()
    unsure = request.method not in ("GET", "HEAD")
    response = _page(request, 503, _("Not just now. Wait a minute, then look again."), unsure=unsure)
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _page(request: HttpRequest, status: int, sentence: object, **more: object) -> HttpResponse:
    """The template of this status in the visitor's language; the bare sentence where it cannot be drawn."""
    template, context = f"{status}.html", {"status": status, **more}
    with translation.override(translation.get_language_from_request(request)):
        try:
            return render(request, template, context, status=status)
        except DatabaseAway:
            # Without a request nothing is read for the page.
            return HttpResponse(render_to_string(template, context), status=status)
        except TemplateDoesNotExist:
            return _bare(status, sentence)


def _bare(status: int, sentence: object) -> HttpResponse:
    """A page that needs no template and no file."""
    page = format_html(
        '<!DOCTYPE html><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        '<title>{}</title><p><a href="{}leave/">{}</a></p><p>{}</p>',
        *(_("Notes"), _ASKER, _("Leave now"), sentence),
    )
    return HttpResponse(page, status=status)
