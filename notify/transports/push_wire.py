"""What web push needs beyond an address: encryption (RFC 8291), our signature (RFC 8292), the post itself.

Loaded by name in the worker, when the first notice of this kind leaves (push.py), and where set-up makes the
key pair: it is heavy.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import http_ece
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02

from notify.transports import egress
from notify.transports.base import POST_LASTS, Message, Post, TransportDown

CURVE = ec.SECP256R1()
# A phone that was off for a night still rings. After that there may be nothing left to look at.
# It does not depend on the pace: this header is in clear.
TTL = timedelta(hours=12)
# Far from now in either direction, so that a clock that is wrong by hours is not refused. At most 24.
SIGNED_FOR = timedelta(hours=12)
# Of the payload before it is encrypted: the longest cover name, the longest language and pace fit with ease.
PAYLOAD_BYTES = 1024


def new_pair() -> tuple[bytes, bytes]:
    """The public half, 65 bytes, and the private one, 32."""
    key = ec.generate_private_key(CURVE)
    point = key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    return point, key.private_numbers().private_value.to_bytes(32, "big")


@contextmanager
def opened(private: bytes, contact: str, trusted: frozenset[tuple[str, int]]) -> Iterator[Post]:
    """A way to post, signed with the private half of the pair. `contact` is who we say that we are.

    `trusted` are hosts and ports that the operator named: they may lie inside the machine.
    """
    signer = Vapid02.from_raw(base64.urlsafe_b64encode(private))
    # Who may be written to is decided by whoever runs this, not by the library.
    signer.conf = {"no-strict": True}
    with egress.wire().Session() as session:
        yield _Post(session, signer, contact, trusted)


@dataclass(frozen=True)
class _Post:
    session: Any
    signer: Vapid02
    contact: str
    trusted: frozenset[tuple[str, int]]

    def __call__(self, address: str, message: Message) -> None:
        subscription = json.loads(address)
        endpoint = subscription["endpoint"]
        headers = {**_headers(message), **self._signature(endpoint, message)}
        body = _encrypted(_payload(message), subscription["keys"])
        # What went wrong is in `seen`; the texts of these errors hold addresses.
        with egress.only_public(trusted=self.trusted, lasts=POST_LASTS) as seen, suppress(OSError):
            self.session.post(endpoint, data=body, headers=headers)
        if seen.refused:
            # It is one of the push services we know, and where its name leads to today is not there: that
            # says nothing about whoever waits for this.
            raise TransportDown
        seen.judge()

    def _signature(self, endpoint: str, message: Message) -> dict[str, str]:
        """For the push service alone, whoever it is that reads there."""
        place = urlsplit(endpoint)
        claims = {
            "aud": f"{place.scheme}://{place.netloc}",
            "exp": int((message.at + SIGNED_FOR).timestamp()),
            "sub": self.contact,
        }
        return dict(self.signer.sign(claims))


def _headers(message: Message) -> dict[str, str]:
    return {
        "TTL": str(int(TTL.total_seconds())),
        "Urgency": "high",
        # What was not delivered yet is replaced by the same once more.
        "Topic": message.key,
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
    }


def _payload(message: Message) -> bytes:
    """What the browser shows, as long as any other: JSON, and spaces after it."""
    said = {"title": message.sender, "body": message.body.removeprefix(message.sender).strip()}
    return json.dumps(said, ensure_ascii=False).encode().ljust(PAYLOAD_BYTES)


def _encrypted(payload: bytes, keys: dict[str, str]) -> bytes:
    """For the browser alone: no push service reads it."""
    body: bytes = http_ece.encrypt(
        payload,
        private_key=ec.generate_private_key(CURVE),
        dh=_unbase64(keys["p256dh"]),
        auth_secret=_unbase64(keys["auth"]),
        version="aes128gcm",
    )
    return body


def _unbase64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
