"""The keyring for several machines: one of them keeps the file, the others ask it over the network.

Same slots, same promises: what is destroyed is overwritten in place and synced before the answer leaves.
While that machine cannot be reached, nothing is sealed or opened.
Source: docs/decisions/backups-and-rotation.md
"""

import socket
import socketserver
import threading
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from privacy import keyring_wire as wire
from privacy.crypto import SealingImpossible, Unreadable
from privacy.keyring import (
    Destroyed,
    FileKeyring,
    Keyring,
    KeyringDamaged,
    KeyringForeign,
    KeyringMissing,
    Orphan,
    Slot,
)
from privacy.keyring_wire import Words

SECONDS = 10.0
AT_ONCE = 32
# What may go wrong there, by the name it travels under; the narrowest first.
ERRORS: dict[str, type[Exception]] = {
    "destroyed": Destroyed,
    "damaged": KeyringDamaged,
    "foreign": KeyringForeign,
    "missing": KeyringMissing,
    "impossible": SealingImpossible,
}


class NetworkKeyring:
    """A keyring another machine keeps (`manage.py keyring` there). `url`: tcp://host:port."""

    def __init__(self, url: str = "") -> None:
        self.url = url or settings.KEYRING_URL

    def create(self, anew: bool = False) -> None:
        self._ask("create", anew=anew)

    def check(self) -> None:
        self._ask("check")

    def allocate(self, owner: str) -> Slot:
        said = self._ask("allocate", owner=owner)
        return Slot(said["number"], bytes.fromhex(said["key"]))

    def read(self, number: int, owner: str) -> bytes:
        return bytes.fromhex(self._ask("read", number=number, owner=owner)["key"])

    def destroy(self, number: int, owner: str) -> None:
        self._ask("destroy", number=number, owner=owner)

    def release(self, number: int, owner: str) -> None:
        self._ask("release", number=number, owner=owner)

    def missing(self, slots: Iterable[tuple[int, str]]) -> list[str]:
        return list(self._ask("missing", slots=list(slots))["owners"])

    def unowned(self, owners: Iterable[str]) -> list[Orphan]:
        found = self._ask("unowned", owners=list(owners))["orphans"]
        return [Orphan(number, bytes.fromhex(tag)) for number, tag in found]

    def reclaim(self, orphans: Iterable[Orphan]) -> int:
        named = [(orphan.number, orphan.tag.hex()) for orphan in orphans]
        return int(self._ask("reclaim", orphans=named)["count"])

    def _ask(self, verb: str, **words: Any) -> Words:
        address = urlsplit(self.url)
        if address.scheme != "tcp" or not address.hostname or not address.port:
            raise SealingImpossible("KEYRING_URL must be tcp://host:port.")
        try:
            with socket.create_connection((address.hostname, address.port), SECONDS) as line:
                said = wire.ask(line, {"do": verb, **words})
        except (OSError, Unreadable):
            raise SealingImpossible("The keyring does not answer.") from None
        if "error" in said:
            raise ERRORS[said["error"]]("The keyring refused.")
        return said


def _allocate(ring: Keyring, said: Words) -> Words:
    slot = ring.allocate(said["owner"])
    return {"number": slot.number, "key": slot.key.hex()}


def _unowned(ring: Keyring, said: Words) -> Words:
    return {"orphans": [(found.number, found.tag.hex()) for found in ring.unowned(said["owners"])]}


def _reclaim(ring: Keyring, said: Words) -> Words:
    named = (Orphan(number, bytes.fromhex(tag)) for number, tag in said["orphans"])
    return {"count": ring.reclaim(named)}


VERBS: dict[str, Callable[[Keyring, Words], Words | None]] = {
    "create": lambda ring, said: ring.create(anew=said["anew"]),
    "check": lambda ring, said: ring.check(),
    "allocate": _allocate,
    "read": lambda ring, said: {"key": ring.read(said["number"], said["owner"]).hex()},
    "destroy": lambda ring, said: ring.destroy(said["number"], said["owner"]),
    "release": lambda ring, said: ring.release(said["number"], said["owner"]),
    "missing": lambda ring, said: {"owners": ring.missing([(n, owner) for n, owner in said["slots"]])},
    "unowned": _unowned,
    "reclaim": _reclaim,
}


def answer(ring: Keyring, said: Words) -> Words:
    """What the keyring says to one question. What goes wrong travels by its name, without a text."""
    try:
        return VERBS[said["do"]](ring, said) or {}
    except tuple(ERRORS.values()) as problem:
        return {"error": next(name for name, error in ERRORS.items() if isinstance(problem, error))}


class KeyringServer(socketserver.ThreadingTCPServer):
    """Answers for the file keyring of this machine. Whoever is not of this instance hears nothing."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, host: str, port: int, ring: Keyring | None = None) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.ring: Keyring = ring or FileKeyring()
        self.places = threading.BoundedSemaphore(AT_ONCE)
        super().__init__((host, port), _Question)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: the usual one prints addresses."""


class _Question(socketserver.BaseRequestHandler):
    """One connection, one question."""

    server: KeyringServer
    request: socket.socket

    def handle(self) -> None:
        self.request.settimeout(SECONDS)
        with self.server.places:
            said, key = wire.hear(self.request)
            wire.answer(self.request, key, answer(self.server.ring, said))
