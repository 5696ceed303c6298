"""Two addresses, one instance: https at its public name and, meanwhile, plain http at an onion address.

What is right differs: docs/decisions/two-addresses.md. It is decided for each request and in one place, so
that no view, form or library has to know.
"""

from collections.abc import Callable
from http.cookies import Morsel, SimpleCookie
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponseRedirect
from django.http.request import split_domain_port
from django.http.response import HttpResponseBase

# Browsers take a cookie of such a name over https only, for this host alone and with the path "/".
PREFIX = "__Host-"


class Origins:
    """Middleware, outside of whatever reads or sets a cookie, or asks whether a request is secure.

    settings.ORIGINS lists the addresses, such as "https://example.org"; settings.ONION_URL may be one of
    them. Hosts that are not listed (this machine's own) are what the request says they are.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.by_host = {urlsplit(origin).hostname: origin for origin in settings.ORIGINS}

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        origin = self.by_host.get(split_domain_port(request.META.get("HTTP_HOST", ""))[0], "")
        if origin.startswith("http:") and settings.SECURE_PROXY_SSL_HEADER:
            # No proxy stands before an onion address: whoever says "https" here is the visitor.
            request.META.pop(settings.SECURE_PROXY_SSL_HEADER[0], None)
        if origin.startswith("https:") and not request.is_secure():
            return HttpResponseRedirect(origin + request.get_full_path())
        _take_in(request)
        response = self.get_response(request)
        _give_out(response, request.is_secure())
        if origin.startswith("https:") and _is_first_page(request, response):
            response["Onion-Location"] = settings.ONION_URL + request.get_full_path()
        return response


def _take_in(request: HttpRequest) -> None:
    """Over https only what came over https is a cookie, under its plain name; over http only the rest.

    Somebody on the network can plant a cookie of any plain name over http. And of a name that begins with
    some Unicode space, which no browser takes for the prefix and Django strips: so the bytes are compared.
    """
    secure = request.is_secure()
    cookies = [cookie.strip(" \t") for cookie in request.META.get("HTTP_COOKIE", "").split(";")]
    ours = [cookie.removeprefix(PREFIX) for cookie in cookies if cookie.startswith(PREFIX) is secure]
    request.META["HTTP_COOKIE"] = "; ".join(ours)


def _give_out(response: HttpResponseBase, secure: bool) -> None:
    """Every cookie that was set, as the scheme wants it, whoever set it and whatever they said."""
    given, response.cookies = response.cookies, SimpleCookie()
    for name, cookie in given.items():
        key = PREFIX + name if secure else name
        renamed: Morsel[str] = Morsel()
        renamed.set(key, cookie.value, cookie.coded_value)
        renamed.update(cookie)
        renamed.update({"path": "/", "domain": "", "secure": "1" if secure else ""})
        response.cookies[key] = renamed


def _is_first_page(request: HttpRequest, response: HttpResponseBase) -> bool:
    """A page somebody looks at who has no session here: in the middle of something, a browser that follows
    onion addresses by itself would lose it."""
    return bool(
        settings.ONION_URL
        and request.method == "GET"
        and response.status_code == 200
        and response.get("Content-Type", "").startswith("text/html")
        and settings.SESSION_COOKIE_NAME not in request.COOKIES
    )
