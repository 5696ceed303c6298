"""People at the door of a running system: those who guess codes, one who has hers, one who reads a page."""

import http.client
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from html import unescape
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urlsplit

from privacy import codes

DOOR = "/a/return/"
PATIENCE = 60.0  # seconds for one answer


@dataclass
class Visitor:
    """One browser: one connection, cookies, no script. `address`: another one of this machine."""

    url: str
    address: str = "127.0.0.1"
    cookies: dict[str, str] = field(default_factory=dict)
    page: str = ""

    def __post_init__(self) -> None:
        parts, here = urlsplit(self.url), (self.address, 0)
        host = str(parts.hostname)
        self.connection = http.client.HTTPConnection(host, parts.port, PATIENCE, source_address=here)

    def close(self) -> None:
        self.connection.close()

    def get(self, path: str) -> int:
        return self._ask("GET", path, None)

    def post(self, path: str, typed: dict[str, str]) -> int:
        """Fields that are hidden on the page before are sent along, as a browser does."""
        brought = {name: unescape(value) for name, value in HIDDEN.findall(self.page)}
        return self._ask("POST", path, urlencode(brought | typed))

    def _answer(
        self, method: str, path: str, body: str | None, headers: dict[str, str]
    ) -> http.client.HTTPResponse:
        """As browsers do: a connection that was closed since the last answer is opened anew, once."""
        try:
            self.connection.request(method, path, body, headers)
            return self.connection.getresponse()
        except (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):
            self.connection.close()
            self.connection.request(method, path, body, headers)
            return self.connection.getresponse()

    def _ask(self, method: str, path: str, body: str | None) -> int:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if body is not None:
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.url}
        answer = self._answer(method, path, body, headers)
        self.page = answer.read().decode()
        for line in answer.headers.get_all("Set-Cookie") or []:
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
        return answer.status


HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


@dataclass
class Crowd:
    """What guessing brought: the status of every answer, and when it came (time.monotonic)."""

    answers: list[tuple[float, int]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def statuses(self) -> Counter[int]:
        return Counter(status for _when, status in self.answers)

    def until(self, answers: int) -> None:
        """Wait until there were so many answers in all."""
        end = time.monotonic() + PATIENCE
        while len(self.answers) < answers:
            if self.broken or time.monotonic() > end:
                raise AssertionError(f"{len(self.answers)} answers, {self.broken}")
            time.sleep(0.02)


@contextmanager
def guessing(url: str, people: int, hoarded: int = 0) -> Iterator[Crowd]:
    """So many people guess, each as soon as the answer to the last guess is there.

    `hoarded`: tickets that each of them fetches before the first guess.
    """
    crowd, over = Crowd(), threading.Event()
    threads = [threading.Thread(target=_guess, args=(url, crowd, over, hoarded)) for _person in range(people)]
    for thread in threads:
        thread.start()
    try:
        yield crowd
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _guess(url: str, crowd: Crowd, over: threading.Event, hoarded: int) -> None:
    pages: list[str] = []
    try:
        with closing(Visitor(url)) as visitor:
            for _ticket in range(hoarded + 1):
                visitor.get(DOOR)
                pages.append(visitor.page)
            while not over.is_set():
                if hoarded and pages:
                    visitor.page = pages.pop()
                status = visitor.post(DOOR, {"code": codes.as_words(codes.new_secret(), "en")})
                crowd.answers.append((time.monotonic(), status))
    except Exception as problem:
        crowd.broken.append(repr(problem))


def page_seconds(url: str, looks: int, path: str = "/") -> list[float]:
    """How long each of so many looks at another page takes."""
    took = []
    with closing(Visitor(url)) as visitor:
        for _look in range(looks):
            begun = time.monotonic()
            status = visitor.get(path)
            took.append(time.monotonic() - begun)
            assert status == 200, status
    return took


def guess_seconds(url: str, code: str, address: str = "127.0.0.1") -> float:
    """From opening the form to the answer to a wrong code, typed in no time."""
    return _answered(url, code, address, 422)


def entry_seconds(url: str, code: str, address: str = "127.0.0.1") -> float:
    """From opening the form to being let in with a right code, typed in no time."""
    return _answered(url, code, address, 302)


def _answered(url: str, code: str, address: str, expected: int) -> float:
    begun = time.monotonic()
    with closing(Visitor(url, address)) as visitor:
        assert visitor.get(DOOR) == 200
        status = visitor.post(DOOR, {"code": code})
        assert status == expected, status
    return time.monotonic() - begun


def ask_seconds(url: str, address: str = "127.0.0.1") -> float:
    """How long the answer to the form of a ride takes, filled in no time."""
    with closing(Visitor(url, address)) as visitor:
        return _asked(visitor)


def _asked(visitor: Visitor) -> float:
    visitor.get("/a/ride/")
    days = re.findall(r'<option value="(\d{4}-\d\d-\d\d)"', visitor.page)
    areas = re.search(r'<select[^>]*name="area".*?<option value="(\d+)"', visitor.page, re.DOTALL)
    assert areas is not None
    begun = time.monotonic()
    status = visitor.post("/a/ride/", {"area": areas[1], "day": days[-1]})
    assert status == 302, status
    return time.monotonic() - begun


def code_of_somebody(url: str) -> str:
    """The return code of a need that is asked now."""
    with closing(Visitor(url)) as visitor:
        _asked(visitor)
        visitor.get("/a/code/")
        shown = visitor.page.split('class="code"')[1]
    return " ".join(re.findall(r"<li>([a-z]+)</li>", shown)[: codes.WORDS])
