"""A ticket to try a code: signed, for one use, and good only after a while. Waiting is its price.

Nobody pays while it is calm. The price grows with one's own recent tries and when the gate is full, and
ends at MAX_WAIT: behind an onion address all visitors look the same, so whoever guesses a lot must never
shut the others out. It works by page refresh, without a script. What keeps the machine alive is the gate.
"""

import base64
import binascii
import math
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self
from urllib.parse import urlencode

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from privacy import gate, instance, limits

FREE_TRIES = 30
MAX_WAIT = timedelta(seconds=3)
# From its maturity: long enough to look for the paper, short enough to keep few for later.
GOOD_FOR = timedelta(hours=1)
PARAMETER = "ticket"

_NONCE_BYTES = 12
_TIME_BYTES = 5
_MAC_BYTES = 16


class TicketRefused(Exception):
    """Not ripe yet: wait_seconds > 0. Used, forged or too old: 0, fetch another one."""

    def __init__(self, wait_seconds: int) -> None:
        super().__init__(wait_seconds)
        self.wait_seconds = wait_seconds


@dataclass(frozen=True)
class Ticket:
    """`text` goes into a hidden field, or into the address of the page that waits for it."""

    text: str
    matures_at: datetime

    def __str__(self) -> str:
        return self.text

    def wait(self, at: datetime) -> int:
        """Whole seconds until it may be spent; 0 when ripe."""
        return max(0, math.ceil((self.matures_at - at).total_seconds()))

    @classmethod
    def issue(cls, request: HttpRequest, at: datetime) -> Self:
        """A fresh ticket; counts as one try of whoever asks."""
        price = _price(limits.hit(request, "ticket", at), gate.load())
        ripe = math.ceil((at + price).timestamp()) if price else int(at.timestamp())
        body = secrets.token_bytes(_NONCE_BYTES) + ripe.to_bytes(_TIME_BYTES)
        text = base64.urlsafe_b64encode(body + _mac(body)).rstrip(b"=").decode()
        return cls(text, datetime.fromtimestamp(ripe, UTC))

    @classmethod
    def at_door(cls, request: HttpRequest, at: datetime) -> Self:
        """The ticket the waiting page brought back in its address, else a fresh one."""
        text = request.GET.get(PARAMETER, "")
        try:
            ticket = cls(text, _opened(text)[1])
        except TicketRefused:
            return cls.issue(request, at)
        return cls.issue(request, at) if at > ticket.matures_at + GOOD_FOR else ticket

    @staticmethod
    def spend(text: str, at: datetime) -> None:
        """Take the ticket; raises TicketRefused. Do this before any derivation."""
        nonce, matures_at = _opened(text)
        wait = Ticket(text, matures_at).wait(at)
        if wait:
            raise TicketRefused(wait)
        if at > matures_at + GOOD_FOR:
            raise TicketRefused(0)
        left = matures_at + GOOD_FOR - at
        key = "ticket:" + instance.blind("ticket", nonce)
        if not _first_use(key, math.ceil(left.total_seconds()) + 1):
            raise TicketRefused(0)


def wait_page(request: HttpRequest, ticket: Ticket, at: datetime) -> HttpResponse:
    """A page that comes back to its own address, with the ticket, when the ticket is ripe.

    By the header Refresh, so without a script. `privacy/wait.html` gets `seconds` and `href`.
    """
    seconds = max(1, ticket.wait(at))
    href = f"{request.path}?{urlencode({PARAMETER: ticket.text})}"
    response = render(request, "privacy/wait.html", {"seconds": seconds, "href": href})
    response["Refresh"] = f"{seconds}; url={href}"
    return response


def _first_use(key: str, seconds: int) -> bool:
    """Whether nobody spent it before. Without a cache nobody knows: waiting, and the gate, are left."""
    try:
        return bool(cache.add(key, 1, timeout=seconds))
    except Exception:
        # Each cache has errors of its own, and none of them may stop an asker.
        return True


def _price(tries: int, load: float) -> timedelta:
    own = 0 if tries <= FREE_TRIES else 1 + (tries - FREE_TRIES) // 10
    # A single derivation in progress is no crowd where there is a single slot.
    crowd = 1 if load >= 1 and tries > FREE_TRIES // 2 else 0
    return min(MAX_WAIT, timedelta(seconds=own + crowd))


def _mac(body: bytes) -> bytes:
    return instance.mac("ticket", body)[:_MAC_BYTES]


def _opened(text: str) -> tuple[bytes, datetime]:
    """(nonce, matures_at) of a genuine ticket; raises TicketRefused(0) for anything else."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise TicketRefused(0) from None
    body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    if len(body) != _NONCE_BYTES + _TIME_BYTES or not secrets.compare_digest(mac, _mac(body)):
        raise TicketRefused(0)
    ripe = int.from_bytes(body[_NONCE_BYTES:])
    return body[:_NONCE_BYTES], datetime.fromtimestamp(ripe, UTC)
