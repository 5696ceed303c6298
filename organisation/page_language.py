"""The language of the page, changed without losing what was typed: see docs/decisions/language-switch.md."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme

# The name of the buttons inside a form that ask for the same form in another language.
BUTTON = "switch_language"
# Where the middleware keeps the language it switched to until the answer is made.
SWITCHED = "organisation.switched_to"

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def keeps_typed(view: View) -> View:
    """Mark a view of a form that, where `typed_only(request)`, shows what was typed and does nothing else."""
    view.keeps_typed = True  # type: ignore[attr-defined]
    return view


def typed_only(request: HttpRequest) -> bool:
    """Whether this POST only asks for another language: show the form as it was typed, and do nothing."""
    return request.method == "POST" and BUTTON in request.POST


def is_offered(code: str) -> bool:
    """Whether pages exist in this language."""
    return code in dict(settings.LANGUAGES)


def remember(response: HttpResponseBase, code: str) -> None:
    """Keep the choice in a cookie that holds nothing else and goes when the browser is closed."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        code,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        path=settings.LANGUAGE_COOKIE_PATH,
        domain=settings.LANGUAGE_COOKIE_DOMAIN,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def page_here(request: HttpRequest, address: str | None) -> str:
    """The address of a page of ours, as given; the first page for anything else."""
    here = bool(address) and url_has_allowed_host_and_scheme(
        address, {request.get_host()}, request.is_secure()
    )
    return address if here and address else "/"


class SwitchLanguage:
    """Middleware, after Django's own for language and CSRF: answers the buttons inside a form.

    A view that is not marked with `keeps_typed` is not called at all, so that a button for the
    language can never do what the form would.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if code := request.META.get(SWITCHED):
            remember(response, code)
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        if not typed_only(request):
            return None
        if is_offered(code := request.POST[BUTTON]):
            translation.activate(code)
            request.LANGUAGE_CODE = code
            request.META[SWITCHED] = code
        return None if getattr(view, "keeps_typed", False) else HttpResponseRedirect(request.path)
