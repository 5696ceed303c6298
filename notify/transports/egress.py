"""The one way out for everything that speaks HTTP: where to, how long, and what the answer means.

```python
with egress.only_public(lasts=POST_LASTS) as seen:        # trusted={("127.0.0.1", 8080)}: the operator's own
    egress.wire().Session().post(url, data=…, headers=…)  # or a library that calls requests.post
seen.judge()                                              # AddressGone, NotNow, TransportDown, or nothing
```

Within the block, on its own thread, every session of requests goes through `wire.py`: addresses that are not
of the whole internet are refused at the moment of connecting, redirects and proxies are not followed, names
are looked up once, and everything ends when `lasts` is over. Outside of a block nothing leaves at all. What
requests raises is for the caller to catch (OSError; its text holds addresses): `judge` says what it meant.
"""

import importlib
import queue
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime
from types import ModuleType

from notify.transports.addresses import is_public
from notify.transports.base import LONGEST_WISH, POST_LASTS, AddressGone, NotNow, TransportDown
from notify.transports.fuse import Fuse

TIMED_OUT, TOO_MANY, BROKEN = 408, 429, 500
NOBODY_THERE = frozenset({404, 410})

_here = threading.local()


class Refused(OSError):
    """This address is not to be connected to."""


@dataclass
class Seen:
    """What happened in one block. `status` is that of the last answer, None where there was none."""

    trusted: frozenset[tuple[str, int]]
    fuse: Fuse
    headers: Mapping[str, str]
    status: int | None = None
    after: timedelta | None = None
    body: bytes = field(default=b"", repr=False)
    refused: bool = False
    tried: bool = False

    @property
    def is_over(self) -> bool:
        """Whether the other side asked to be left alone: no second try in the same block."""
        return self.refused or (self.status is not None and _is_ill(self.status))

    def answered(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status, self.after, self.body = status, retry_after(headers), body

    def judge(self, gone: frozenset[int] = NOBODY_THERE) -> None:
        """What the last answer means. Returns where it was a yes (2xx).

        Raises AddressGone for a status in `gone`, or an address that may not be connected to; TransportDown
        where the other side is ill, busy or not there; NotNow where it does not want this, or was not asked.
        """
        if self.refused or self.status in gone:
            raise AddressGone
        if self.status is None:
            raise TransportDown if self.tried else NotNow
        if _is_ill(self.status):
            raise TransportDown(self.after)
        if not 200 <= self.status < 300:
            raise NotNow(self.after)

    def connect(self, host: str, port: int) -> socket.socket:
        """A connection to one of the addresses `host` has now, each looked at before. Raises OSError."""
        self.tried = True
        found = _resolve(host.strip("[]"), port, self.fuse.remaining)
        if (host.strip("[]").lower(), port) not in self.trusted:
            self.refused = not all(is_public(where[0]) for _family, where in found)
        if self.refused:
            raise Refused
        return self._first(found)

    def _first(self, found: "list[_Found]") -> socket.socket:
        """The first that answers. One that does not leaves time for the others."""
        problem: OSError = Refused()
        for number, (family, where) in enumerate(found):
            connection = socket.socket(family, socket.SOCK_STREAM)
            try:
                connection.settimeout(self.fuse.remaining / (len(found) - number))
                connection.connect(where)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.fuse.watch(connection)
            except OSError as error:
                connection.close()
                problem = error
            else:
                return connection
        raise problem


def _is_ill(status: int) -> bool:
    return status in (TIMED_OUT, TOO_MANY) or status >= BROKEN


@contextmanager
def only_public(
    *,
    trusted: frozenset[tuple[str, int]] = frozenset(),
    lasts: timedelta = POST_LASTS,
    headers: Mapping[str, str] | None = None,
) -> Iterator[Seen]:
    """Let this thread send, to the whole internet and to `trusted` hosts and ports, for as long as it lasts.

    `trusted` is what the operator named, lower case, as it is asked for. `headers` are added to what is sent.
    """
    with Fuse(lasts) as fuse:
        seen = Seen(trusted, fuse, headers or {})
        _here.seen = seen
        try:
            yield seen
        finally:
            del _here.seen


def here() -> Seen:
    """The block this thread is in. Raises Refused outside of one: nothing leaves by accident."""
    seen: Seen | None = getattr(_here, "seen", None)
    if seen is None:
        raise Refused
    return seen


def wire() -> ModuleType:
    """`wire.py`, with requests in it: loaded when the first message leaves, not before."""
    return importlib.import_module("notify.transports.wire")


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """How long the other side wants to be left alone, up to a minute; None where it does not say.

    A moment is counted from the answer's own Date, so that no clock of ours matters.
    """
    said = headers.get("Retry-After", "").strip()
    try:
        if said.isascii() and said.isdigit():
            wanted = timedelta(seconds=min(int(said), LONGEST_WISH.total_seconds()))
        else:
            wanted = parsedate_to_datetime(said) - parsedate_to_datetime(headers.get("Date", ""))
    except (TypeError, ValueError, OverflowError):
        return None
    return min(max(wanted, timedelta(0)), LONGEST_WISH)


# --- Names ----------------------------------------------------------------------------------------

_Found = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]
# Look-ups that hang cannot be ended from outside: so many may, then names are not looked up at all.
_looking = threading.BoundedSemaphore(8)


def _resolve(host: str, port: int, patience: float) -> list[_Found]:
    """The addresses of a name, asked once. Raises OSError, also where nobody answers in time."""
    if not _looking.acquire(timeout=patience):
        raise TimeoutError
    answers: queue.SimpleQueue[list[_Found] | OSError] = queue.SimpleQueue()
    threading.Thread(target=_look_up, args=(host, port, answers), daemon=True).start()
    try:
        answer = answers.get(timeout=patience)
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def _look_up(host: str, port: int, answers: "queue.SimpleQueue[list[_Found] | OSError]") -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        answers.put([(family, where) for family, _type, _protocol, _name, where in found])  # type: ignore[misc]
    except (OSError, UnicodeError):
        answers.put(OSError())
    finally:
        _looking.release()
