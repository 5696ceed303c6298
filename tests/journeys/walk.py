"""A browser without a script, over real HTTP: cookies, redirects, forms, and nothing else."""

import gzip
import http.client
import time
from dataclasses import dataclass, field, replace
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urljoin, urlsplit

from tests.journeys.page import NotThere, Page, Typed

REDIRECTS = {301, 302, 303, 307, 308}
LONGEST_WAIT = 10  # seconds a page may ask for before it loads itself again
PATIENCE = 60.0  # seconds for one answer, on a machine that has much to do


@dataclass(frozen=True)
class Exchange:
    """One request and its answer, as they went over the wire; `size` is of the body, compressed as sent."""

    method: str
    url: str
    sent: dict[str, str]
    status: int
    received: list[tuple[str, str]]
    size: int


@dataclass
class Browser:
    """One person's browser. It refuses to read an error page: every answer of 500 and more fails the test.

    `forwarded` are headers of a proxy before the system, `source` the address it comes from.
    `bears` are errors that a test is about, which it reads nevertheless.
    `free_text` are the names of all fields it was ever offered to type into, `typed` of those it filled.
    """

    url: str
    language: str = "en"
    user_agent: str = "Mozilla/5.0"
    source: str = ""
    cookies: dict[str, str] = field(default_factory=dict)
    seen: list[Exchange] = field(default_factory=list)
    forwarded: dict[str, str] = field(default_factory=dict)
    free_text: set[str] = field(default_factory=set)
    typed: set[str] = field(default_factory=set)
    bears: tuple[int, ...] = ()
    page: Page = field(default_factory=lambda: Page("about:blank", 0, {}, ""))

    # What a person does

    def visit(self, path: str) -> Page:
        """Type an address."""
        return self._go("GET", urljoin(f"{self.url}/", path))

    def follow(self, words: str) -> Page:
        """Press the link that begins with these words."""
        return self._go("GET", urljoin(self.page.url, self.page.link(words)), from_page=True)

    def press(self, button: str, /, within: str = "", **typed: Typed) -> Page:
        """Fill the form that has this button, and press it."""
        form = self.page.form(button, within, **typed)
        self.typed |= set(typed)
        target = urljoin(self.page.url, form.action)
        if form.method == "post":
            return self._go("POST", target, urlencode(form.fields).encode(), from_page=True)
        return self._go("GET", f"{target.partition('?')[0]}?{urlencode(form.fields)}", from_page=True)

    def post(self, path: str, fields: list[tuple[str, str]]) -> Page:
        """Send what no form on the page would, as somebody with bad intentions does."""
        return self._go("POST", urljoin(f"{self.url}/", path), urlencode(fields).encode(), from_page=True)

    def again(self) -> Page:
        """Load the page again."""
        return self._go("GET", self.page.url)

    def new_window(self) -> "Browser":
        """Another window of the same browser: the same cookies, the same page."""
        return replace(self, cookies=dict(self.cookies))

    # What the browser does

    def _go(self, method: str, url: str, body: bytes | None = None, from_page: bool = False) -> Page:
        before = self.page.url if from_page else ""
        for _ in range(10):
            page = self._ask(method, url, body, before)
            if page.status in REDIRECTS:
                method, body, url = "GET", None, urljoin(url, page.headers["location"])
                if urlsplit(url)[:2] != urlsplit(self.url)[:2]:
                    break
            elif "refresh" in page.headers:
                seconds, _, target = page.headers["refresh"].partition(";")
                assert int(seconds) <= LONGEST_WAIT
                time.sleep(int(seconds))
                url = urljoin(url, target.strip().removeprefix("url="))
            else:
                break
        else:
            raise AssertionError(f"{url} leads round in circles")
        self.page = page
        return page

    def _ask(self, method: str, url: str, body: bytes | None, before: str) -> Page:
        parts = urlsplit(url)
        sent = {"Host": parts.netloc, "Accept-Encoding": "gzip", "Accept-Language": self.language}
        sent["User-Agent"] = self.user_agent
        sent |= self.forwarded
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if before:
            sent["Referer"] = before
        if method == "POST":
            sent |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.url}
        connection = http.client.HTTPConnection(
            parts.hostname or "",
            parts.port,
            timeout=PATIENCE,
            source_address=(self.source, 0) if self.source else None,
        )
        try:
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request(method, target or "/", body, sent)
            answer = connection.getresponse()
            raw, received = answer.read(), answer.getheaders()
        finally:
            connection.close()
        self.seen.append(Exchange(method, url, sent, answer.status, received, len(raw)))
        self._keep_cookies(received)
        headers = {name.lower(): value for name, value in received}
        if headers.get("content-encoding") == "gzip":
            raw = gzip.decompress(raw)
        page = Page(url, answer.status, headers, raw.decode("utf-8", "replace"))
        self.free_text |= page.free_text()
        assert answer.status < 500 or answer.status in self.bears, (
            f"{method} {url}: {answer.status} {page.text}"
        )
        return page

    def _keep_cookies(self, received: list[tuple[str, str]]) -> None:
        for name, value in received:
            if name.lower() != "set-cookie":
                continue
            for key, morsel in SimpleCookie(value).items():
                gone = morsel["max-age"] == "0" or not morsel.value
                if gone:
                    self.cookies.pop(key, None)
                else:
                    self.cookies[key] = morsel.value


__all__ = ["Browser", "Exchange", "NotThere", "Page"]
