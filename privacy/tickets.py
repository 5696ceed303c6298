"""A ticket to try something that costs a derivation: signed, and worth a wait that is over already.

Nobody waits while it is calm. The price grows with the tries from one's own address, and when the gate is
full, and ends at MAX_WAIT: behind an onion address all visitors look the same, so whoever guesses a lot must
never shut the others out. A ticket ripens while its form is filled, so people do not notice. Whoever posts
before that, without one, or with one that was used, is kept waiting for the answer: no script, no second
page, and nothing that was typed is lost. What keeps the machine alive is the gate.
"""

import base64
import binascii
import math
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from django.core.cache import cache
from django.http import HttpRequest

from privacy import gate, instance, limits

MAX_WAIT = timedelta(seconds=2)
# From its maturity: long enough to look for the paper, short enough to keep few for later.
GOOD_FOR = timedelta(hours=1)
PARAMETER = "ticket"

_NONCE_BYTES = 12
_TIME_BYTES = 6
_MAC_BYTES = 16
_MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Purpose:
    """What is tried. Tries of one purpose count together, and its tickets are good for nothing else.

    `free_tries`: from one address, in five to ten minutes. `uses`: of one ticket, where a form sent twice
    must be answered twice.
    """

    name: str
    free_tries: int = 30
    uses: int = 1


class TicketRefused(Exception):
    """Not ripe yet: wait_seconds > 0. Used, forged or too old: 0, fetch another one."""

    def __init__(self, wait_seconds: float) -> None:
        super().__init__(wait_seconds)
        self.wait_seconds = wait_seconds


@dataclass(frozen=True)
class Ticket:
    """`text` goes into a hidden field named PARAMETER."""

    text: str
    matures_at: datetime

    def __str__(self) -> str:
        return self.text

    def wait(self, at: datetime) -> float:
        """Seconds until it may be spent; 0 when ripe."""
        return max(0.0, (self.matures_at - at).total_seconds())

    @classmethod
    def issue(cls, request: HttpRequest, purpose: Purpose, at: datetime) -> Self:
        """A fresh ticket; counts as one try of whoever asks."""
        tries = limits.hit(request, purpose.name, at)
        ripe = (at + _price(tries, purpose.free_tries, gate.load()) - _EPOCH) // _MILLISECOND
        body = secrets.token_bytes(_NONCE_BYTES) + ripe.to_bytes(_TIME_BYTES)
        text = base64.urlsafe_b64encode(body + _mac(purpose, body)).rstrip(b"=").decode()
        return cls(text, _EPOCH + ripe * _MILLISECOND)

    @classmethod
    def for_form(cls, request: HttpRequest, purpose: Purpose, at: datetime) -> Self:
        """The ticket that a form brought back, where it is still good, else a fresh one."""
        text = request.POST.get(PARAMETER, "")
        try:
            ticket = cls(text, _opened(text, purpose)[1])
        except TicketRefused:
            return cls.issue(request, purpose, at)
        return ticket if at <= ticket.matures_at + GOOD_FOR else cls.issue(request, purpose, at)

    @staticmethod
    def spend(text: str, purpose: Purpose, at: datetime) -> None:
        """Take the ticket; raises TicketRefused. Do this before any derivation."""
        nonce, matures_at = _opened(text, purpose)
        wait = Ticket(text, matures_at).wait(at)
        if wait:
            raise TicketRefused(wait)
        if at > matures_at + GOOD_FOR:
            raise TicketRefused(0)
        left = matures_at + GOOD_FOR - at
        key = "ticket:" + instance.blind("ticket", nonce)
        if not _was_unused(key, math.ceil(left.total_seconds()) + 1, purpose.uses):
            raise TicketRefused(0)


def pay(request: HttpRequest, purpose: Purpose, at: datetime) -> datetime:
    """Take the ticket that a form brought, and wait for what is still owed: the whole price, without one.

    Gives the time when that is over. Raises Busy, at once, where too many wait already.
    """
    text = request.POST.get(PARAMETER, "")
    try:
        Ticket.spend(text, purpose, at)
        return at
    except TicketRefused as refused:
        owed = refused.wait_seconds or Ticket.issue(request, purpose, at).wait(at)
    if owed:
        gate.pause(owed)
        at += timedelta(seconds=owed)
        with suppress(TicketRefused):
            # One that ripened in here is used up all the same.
            Ticket.spend(text, purpose, at)
    return at


def _was_unused(key: str, seconds: int, times: int) -> bool:
    """Whether it was used less often. Without a cache nobody knows: waiting, and the gate, are left."""
    try:
        if cache.add(key, 1, timeout=seconds):
            return True
        return times > 1 and cache.incr(key) <= times
    except Exception:
        # Each cache has errors of its own, and none of them may stop an asker.
        return True


def _price(tries: int, free: int, load: float) -> timedelta:
    own = 0 if tries <= free else 1 + (tries - free) // 10
    # A single derivation in progress is no crowd where there is a single slot.
    crowd = 1 if load >= 1 and tries > free // 2 else 0
    return min(MAX_WAIT, timedelta(seconds=own + crowd))


def _mac(purpose: Purpose, body: bytes) -> bytes:
    return instance.mac("ticket", purpose.name.encode(), body)[:_MAC_BYTES]


def _opened(text: str, purpose: Purpose) -> tuple[bytes, datetime]:
    """(nonce, matures_at) of a genuine ticket; raises TicketRefused(0) for anything else."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise TicketRefused(0) from None
    body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    if len(body) != _NONCE_BYTES + _TIME_BYTES or not secrets.compare_digest(mac, _mac(purpose, body)):
        raise TicketRefused(0)
    return body[:_NONCE_BYTES], _EPOCH + int.from_bytes(body[_NONCE_BYTES:]) * _MILLISECOND
