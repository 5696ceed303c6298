"""A visitor without a script: one connection to 127.0.0.1, cookies, forms."""

import http.client
import re
from html import unescape
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urlsplit


class Visitor:
    """Raises AssertionError where an answer is not the one expected."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.origin = url
        self.connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)
        self.cookies: dict[str, str] = {}

    def get(self, path: str) -> str:
        return self._ask("GET", path, None, 200)

    def post(self, path: str, **typed: str) -> str:
        """A form, answered by a redirect."""
        return self._ask("POST", path, urlencode(typed), 302)

    def _ask(self, method: str, path: str, body: str | None, expected: int) -> str:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if body is not None:
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.origin}
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        assert answer.status == expected, f"{method} {path}: {answer.status}"
        for line in answer.headers.get_all("Set-Cookie") or []:
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
        return text


def hidden(page: str, name: str) -> str:
    """The value of a hidden field of a page."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, f"no field {name}"
    return unescape(found[1])


def first_choice(page: str, name: str) -> str:
    """The first real choice of a list, radio or checkbox on a page."""
    select = re.search(rf'<select[^>]*name="{name}".*?</select>', page, re.DOTALL)
    found = (
        re.findall(r'value="([^"]+)"', select[0])
        if select
        else re.findall(rf'name="{name}"[^>]*value="([^"]+)"', page)
    )
    assert found, f"no choice for {name}"
    return unescape(found[0])
