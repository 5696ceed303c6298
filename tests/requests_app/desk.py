"""The desk's pages in the hands of a coordinator, as they are walked without a script."""

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

from django.core.cache import cache
from django.test import Client

from tests.volunteers.people import Person

TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True)
class Browser:
    """Somebody's browser, signed in through the login page."""

    client: Client

    def page(self, path: str, **headers: str) -> str:
        answer = self.client.get(path, headers=headers or None)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.content.decode()

    def words(self, path: str) -> str:
        """What a person reads on a page."""
        return read(self.page(path))

    def post(self, path: str, **typed: Any) -> Any:
        """Post, and follow to the page that answers."""
        return self.client.post(path, typed, follow=True)

    def post_words(self, path: str, **typed: Any) -> str:
        answer = self.post(path, **typed)
        assert answer.status_code in (200, 422), (path, answer.status_code)
        return read(answer.content.decode())


def browser(person: Person) -> Browser:
    """Signed in, with the key open as it is after typing the passphrase."""
    cache.clear()
    return Browser(person.sign_in(Client()))


def locked(person: Person) -> Browser:
    """Signed in on a device that forgot the key."""
    signed_in = browser(person)
    signed_in.post("/accounts/lock/")
    return signed_in


def read(html: str) -> str:
    """The text of a page: what is between the tags."""
    return " ".join(unescape(TAG.sub(" ", html)).split())


def rows(html: str) -> list[str]:
    """The rows of the first table's body, as text."""
    body = html.partition("<tbody>")[2].partition("</tbody>")[0]
    return [read(row) for row in body.split("</tr>") if row.strip()]
