"""A push service on loopback, and a browser that lets itself be told: it opens what arrives by itself.

Nothing here is shared with the code that sends: the payload is opened as RFC 8291 and RFC 8188 say, by hand.
"""

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVE = ec.SECP256R1()


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def unbase64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(frozen=True)
class Posted:
    """One message as the push service got it."""

    path: str
    headers: dict[str, str]
    body: bytes

    def claims(self) -> dict[str, Any]:
        """What the sender says of itself, once its signature is found right under the key it names."""
        scheme, _space, rest = self.headers["authorization"].partition(" ")
        assert scheme == "vapid"
        said = dict(part.strip().split("=", 1) for part in rest.split(","))
        head, claims, signature = said["t"].split(".")
        assert json.loads(unbase64url(head)) == {"typ": "JWT", "alg": "ES256"}
        raw = unbase64url(signature)
        key = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, self.sender())
        der = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        key.verify(der, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
        return dict(json.loads(unbase64url(claims)))

    def sender(self) -> bytes:
        """The public key it names."""
        return unbase64url(self.headers["authorization"].rpartition("k=")[2])


class Server(ThreadingHTTPServer):
    """`posted` is what arrived. `answers`: path ("": any) → status, or "hang", "hang up", "drip".

    `said` are headers of its answers.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Talk)
        self.posted: list[Posted] = []
        self.answers: dict[str, int | str] = {}
        self.said: dict[str, str] = {}
        self.over = threading.Event()

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever hangs up on it, hangs up."""


class _Talk(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.posted.append(Posted(self.path, headers, body))
        answer = self.server.answers.get(self.path, self.server.answers.get("", 201))
        if isinstance(answer, int):
            self.send_response(answer)
            for name, value in self.server.said.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.close_connection = True
        if answer == "hang":
            self.server.over.wait(30)
        elif answer == "drip":
            self.drip()
        else:
            self.connection.shutdown(socket.SHUT_RDWR)

    def drip(self) -> None:
        """A byte now and then: each comes sooner than any patience with single bytes."""
        for letter in b"HTTP/1.1 201 Created\r\nX-Slow: " + b"." * 10_000:
            if self.server.over.wait(0.05):
                return
            try:
                self.wfile.write(bytes([letter]))
            except OSError:
                return

    def log_message(self, *_words: object) -> None:
        """Quiet."""


@contextmanager
def listening(port: int = 0) -> Iterator[Server]:
    with Server(port) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server
        server.over.set()
        server.shutdown()


@dataclass
class Browser:
    """A browser that subscribed at a push service."""

    endpoint: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(CURVE))
    auth: bytes = b"sixteen bytes it"

    @property
    def point(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def subscription(self) -> str:
        """As PushSubscription.toJSON() has it."""
        keys = {"p256dh": base64url(self.point), "auth": base64url(self.auth)}
        return json.dumps({"endpoint": self.endpoint, "expirationTime": None, "keys": keys})

    def opens(self, posted: Posted) -> bytes:
        """The plaintext, its padding included. Raises InvalidTag for anybody else's."""
        salt, size = posted.body[:16], int.from_bytes(posted.body[16:20], "big")
        length = posted.body[20]
        sender, rest = posted.body[21 : 21 + length], posted.body[21 + length :]
        assert len(rest) <= size, "more than one record"
        shared = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, sender))
        info = b"WebPush: info\0" + self.point + sender
        agreed = _hkdf(self.auth, shared, info, 32)
        key = _hkdf(salt, agreed, b"Content-Encoding: aes128gcm\0", 16)
        nonce = _hkdf(salt, agreed, b"Content-Encoding: nonce\0", 12)
        record = AESGCM(key).decrypt(nonce, rest, None).rstrip(b"\0")
        assert record[-1] == 2, "not the last record"
        return record[:-1]

    def shows(self, posted: Posted) -> dict[str, str]:
        return dict(json.loads(self.opens(posted)))


def _hkdf(salt: bytes, material: bytes, info: bytes, length: int) -> bytes:
    return _hmac(_hmac(salt, material), info + b"\1")[:length]


def _hmac(key: bytes, text: bytes) -> bytes:
    made = HMAC(key, hashes.SHA256())
    made.update(text)
    return made.finalize()


def wait_until(true: Any, patience: float = 30.0) -> None:
    """For what happens in another process."""
    end = time.monotonic() + patience
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
