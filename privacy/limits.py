"""How often somebody tried, without keeping who.

Counted in the cache under a keyed hash of the address. The salt is random, dies with its day, and lives
only in the cache, beside the counts it makes meaningless when it goes.
"""

import ipaddress
import math
import secrets
from datetime import UTC, datetime, timedelta

from django.core.cache import cache
from django.http import HttpRequest

from privacy import instance
from privacy.gate import Busy

WINDOW = timedelta(minutes=10)
_SLICE_SECONDS = int(WINDOW.total_seconds()) // 2
_SALT_BYTES = 32


def hit(request: HttpRequest, purpose: str, at: datetime) -> int:
    """Count this try and say how many there were, this one included, in the last five to ten minutes.

    Tries from addresses one household or circuit shares (an IPv6 /64) count together; behind an onion
    address everybody does. Without a cache nobody is counted.
    """
    return often(purpose, _origin(request), at)


def often(purpose: str, what: bytes, at: datetime, slice_seconds: int = _SLICE_SECONDS) -> int:
    """The same for whatever else is counted: so many in this slice of time and the one before. `what` is not
    kept either."""
    try:
        who = instance.blind(purpose, _salt(at) + what)
        this = int(at.timestamp()) // slice_seconds
        before = cache.get(f"limits:{who}:{this - 1}", 0)
        return int(before) + _count(f"limits:{who}:{this}", 2 * slice_seconds)
    except Exception:
        # Each cache has errors of its own, and none of them may stop an asker.
        return 1


def must_be_counted() -> None:
    """Raises Busy (a calm 503) where nothing is kept: what only counting protects is not asked for then."""
    key = f"probe:{secrets.token_hex(8)}"
    cache.set(key, 1, timeout=5)
    if cache.get(key) != 1:
        raise Busy


def _count(key: str, lasts: int) -> int:
    cache.add(key, 0, timeout=lasts)
    try:
        return cache.incr(key)
    except ValueError:
        # It ran out between the two calls.
        return 1


def _salt(at: datetime) -> bytes:
    day = at.astimezone(UTC)
    key = f"limits:salt:{day:%Y%j}"
    salt = cache.get(key)
    if salt is None:
        midnight = day.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        cache.add(key, secrets.token_bytes(_SALT_BYTES), timeout=math.ceil((midnight - day).total_seconds()))
        salt = cache.get(key)
    return bytes(salt)


def _origin(request: HttpRequest) -> bytes:
    """What the address has in common with others of the same household; empty for a local socket."""
    address = request.META.get("REMOTE_ADDR", "")
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return str(address).encode("utf-8", "replace")
    if isinstance(ip, ipaddress.IPv6Address):
        return ip.ipv4_mapped.packed if ip.ipv4_mapped else ip.packed[:8]
    return ip.packed
