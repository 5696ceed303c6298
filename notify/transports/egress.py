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
from notify.transports.connect import Refused, connect
from notify.transports.fuse import Fuse

TIMED_OUT, TOO_MANY, BROKEN = 408, 429, 500
NOBODY_THERE = frozenset({404, 410})

_here = threading.local()


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
        self.tried, host = True, host.strip("[]").lower()
        try:
            if (host, port) in self.trusted:
                return connect(host, port, self.fuse)
            return connect(host, port, self.fuse, is_public)
        except Refused:
            self.refused = True
            raise


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
            # Nothing is left for a later block, which would not watch it: it connects anew.
            fuse.shut()


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
