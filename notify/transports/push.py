"""Notices as web push, to a browser that somebody who has an account let show them (RFC 8030).

The address is the browser's subscription as JSON. Light: what encrypts and sends is loaded when the first
notice leaves (push_wire.py), for the process that serves pages never needs it.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parseaddr
from hashlib import sha256
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from notify.push_key import WIRE, PushKey
from notify.transports.base import Post, Transport, TransportDown
from privacy.crypto import Unreadable

LONGEST = 2000
TOO_LONG = _("This address is too long.")
MISSING = _("Something was missing in what the browser sent. Please try again.")
# Who makes browsers, and where their push services are: a host, or, with a dot before it, all below it.
SERVICES = {
    "updates.push.services.mozilla.com": "Mozilla",
    "fcm.googleapis.com": "Google",
    # Chrome's own, for its versions to come.
    "jmt17.google.com": "Google",
    ".notify.windows.com": "Microsoft",
    ".push.apple.com": "Apple",
}
LOOPBACK = ("127.0.0.1", "localhost")
# No name, no passphrase, nothing that two libraries could read in two ways.
ENDPOINT = re.compile(
    r"(https?)://([a-z0-9.-]{1,253})(?::([0-9]{1,5}))?(/[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]*)"
)
AUTH_BYTES = 16
# P-256: y² = x³ - 3x + b over the field of P.
P = 2**256 - 2**224 + 2**192 + 2**96 - 1
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B


class Push(Transport):
    label = _("Phone or computer")
    address_label = _("Subscription")
    by_hand = False
    for_askers = False

    def is_set_up(self) -> bool:
        return bool(settings.PUSH)

    def clean(self, address: str) -> str:
        """As a browser's PushSubscription.toJSON() has it; kept are the endpoint and the two keys."""
        if len(address) > LONGEST:
            raise ValidationError(TOO_LONG, code="too_long")
        endpoint, keys = _parts(address)
        if not (_is_point(keys["p256dh"]) and len(keys["auth"]) == AUTH_BYTES):
            raise _incomplete()
        scheme, host, port = _place(endpoint)
        if not _is_ours(scheme, host, port):
            raise ValidationError(
                _("We send nothing to the push service of this browser. Choose another way."), code="foreign"
            )
        kept = {"endpoint": endpoint, "keys": {name: _base64(keys[name]) for name in ("auth", "p256dh")}}
        return json.dumps(kept, separators=(",", ":"))

    def gateway(self, address: str) -> str:
        scheme, host, port = _place(json.loads(address)["endpoint"])
        # Only what the operator listed may be http, and has its port then.
        return f"{host}:{port or (443 if scheme == 'https' else 80)}"

    def hint(self, address: str) -> str:
        """Who carries it."""
        _scheme, host, _port = _place(json.loads(address)["endpoint"])
        return next((who for name, who in SERVICES.items() if _is_at(host, name)), host)

    def mark(self, address: str) -> str:
        return sha256(json.loads(address)["endpoint"].encode()).hexdigest()

    @contextmanager
    def open(self) -> Iterator[Post]:
        key = PushKey.objects.current()
        try:
            private = key.private() if key else None
        except Unreadable:
            private = None
        if private is None:
            # The next start makes another one.
            raise TransportDown
        with import_module(WIRE).opened(private, contact(), _trusted()) as post:
            yield post


def _trusted() -> frozenset[tuple[str, int]]:
    """The hosts and ports of the operator's own list."""
    named = (name.partition(":") for name in settings.PUSH_HOSTS)
    return frozenset((host, int(port or 443)) for host, _colon, port in named)


def contact() -> str:
    """Whom a push service can write to: the sender of our mail where there is one, else our own address."""
    sender = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    if sender.endswith("@localhost") and settings.PUBLIC_URL.startswith("https:"):
        return f"https://{urlsplit(settings.PUBLIC_URL).hostname}"
    return f"mailto:{sender}"


def _parts(address: str) -> tuple[str, dict[str, bytes]]:
    """The endpoint and the two keys. Raises ValidationError."""
    try:
        found: Any = json.loads(address)
    except (ValueError, RecursionError):
        raise _incomplete() from None
    if not (isinstance(found, dict) and isinstance(found.get("keys"), dict)):
        raise _incomplete()
    keys = {name: found["keys"].get(name) for name in ("p256dh", "auth")}
    if not all(isinstance(text, str) for text in (found.get("endpoint"), *keys.values())):
        raise _incomplete()
    return found["endpoint"], {name: _unbase64(text) for name, text in keys.items()}


def _incomplete() -> ValidationError:
    return ValidationError(MISSING, code="shape")


def _place(endpoint: str) -> tuple[str, str, str]:
    """Scheme, host and port ("" where none is written). Raises ValidationError."""
    found = ENDPOINT.fullmatch(endpoint)
    if found is None:
        raise _incomplete()
    return found[1], found[2], found[3] or ""


def _is_ours(scheme: str, host: str, port: str) -> bool:
    """Whether we post there: a browser maker's service at its usual port, or what the operator listed."""
    listed = (f"{host}:{port}" if port else host) in settings.PUSH_HOSTS
    if scheme == "http":
        return listed and host in LOOPBACK
    return listed or (not port and any(_is_at(host, name) for name in SERVICES))


def _is_at(host: str, name: str) -> bool:
    return host == name or (name.startswith(".") and host.endswith(name))


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _unbase64(text: str) -> bytes:
    """URL-safe base64, with or without its padding; nothing where it is none."""
    bare = text.rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), b"-_", validate=True)
    except (ValueError, binascii.Error):
        return b""


def _is_point(raw: bytes) -> bool:
    """Whether these bytes are a point of P-256, uncompressed: a key that can be agreed with."""
    if len(raw) != 65 or raw[0] != 4:
        return False
    x, y = int.from_bytes(raw[1:33], "big"), int.from_bytes(raw[33:], "big")
    return x < P and y < P and (y * y - (x * x * x - 3 * x + B)) % P == 0
