"""The names the frame links to, so that it can be drawn without the rooms behind them."""

from django.http import HttpRequest, HttpResponse
from django.urls import path


def nothing(request: HttpRequest) -> HttpResponse:
    """An empty page."""
    return HttpResponse()


NAMES = {
    "language": "language/",
    "leave": "a/leave/",
    "return": "a/return/",
    "board": "board/",
    "offers": "offers/",
    "profile": "profile/",
    "desk": "desk/",
    "account_logout": "accounts/logout/",
}
urlpatterns = [path(route, nothing, name=name) for name, route in NAMES.items()]
