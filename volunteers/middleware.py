"""Whoever is signed out is asked to sign in: with a whole page, also where a part of one was asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render, resolve_url
from django_htmx.http import HttpResponseClientRedirect


class LoginRequired(LoginRequiredMiddleware):
    """Django's, but a poll of a page whose session ended leads the page to the door, not the door into it."""

    def process_view(
        self, request: HttpRequest, view_func: Callable[..., Any], view_args: Any, view_kwargs: Any
    ) -> HttpResponseBase | None:
        # Who comes to a public page is not asked: "Leave now" works without the database.
        if not getattr(view_func, "login_required", True):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)

    def handle_no_permission(self, request: HttpRequest, view_func: Callable[..., Any]) -> HttpResponseBase:  # type: ignore[override]
        if getattr(view_func, "hides_itself", False):
            return render(request, "404.html", {"sign_in": self._login(request.path, view_func)}, status=404)
        if not request.headers.get("HX-Request"):
            return super().handle_no_permission(request, view_func)
        return HttpResponseClientRedirect(self._login(_page_of(request), view_func))

    def _login(self, after: str, view_func: Callable[..., Any]) -> str:
        """The address of the login page that leads on to `after`."""
        login = resolve_url(self.get_login_url(view_func))
        return f"{login}?{urlencode({self.get_redirect_field_name(view_func): after})}"


def _page_of(request: HttpRequest) -> str:
    """The path of the page that asked for a part of itself, as its script says."""
    try:
        return urlsplit(request.headers.get("HX-Current-URL", "")).path or request.path
    except ValueError:
        return request.path
