"""What gives somebody away without being typed: addresses, their hashes, what a browser says of itself."""

import hashlib
import ipaddress
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from urllib.parse import urlsplit

from tests.journeys.canary import Canaries
from tests.live import ROOT, LiveSystem

ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "blake2b", "blake2s")
# So much of a hash is found wherever more of it stands.
PREFIX_BYTES = 10

# What the instance itself can make of an address, and the names under which its cache counts it.
KEYED = """
import hashlib, hmac, ipaddress, json, sys
import django
django.setup()
from django.conf import settings
from django.core.cache import cache
from django.utils.crypto import salted_hmac
from privacy import clock, instance, limits

PURPOSES = ("ticket", "code", "ask", "sign in", "return", "login", "cache key", "limits", "")
at, found = clock.now(), instance.secrets()
salt = limits._salt(at)
keys = [str(settings.SECRET_KEY).encode(), found.id, salt]
keys += [key for kind in (found.peppers, found.mac_keys, found.service_keys) for key in kind.values()]
slices = {int(at.timestamp()) // limits._SLICE_SECONDS - n for n in range(3)}
nowhere, counted = set(), set()
for address in sys.argv[1:]:
    ip = ipaddress.ip_address(address)
    origin = ip.packed if ip.version == 4 else ip.packed[:8]
    for form in (address.encode(), ip.packed, origin):
        for key in keys:
            for name in ("md5", "sha1", "sha256", "sha512"):
                nowhere |= {hmac.digest(key, form, name).hex(), hashlib.new(name, key + form).hexdigest()}
            nowhere |= {hashlib.blake2b(form, key=key[:64], digest_size=n).hexdigest() for n in (16, 32, 64)}
        nowhere |= {instance.blind(purpose, form) for purpose in PURPOSES}
        nowhere |= {salted_hmac(purpose, form).hexdigest() for purpose in PURPOSES}
        nowhere |= {hashlib.sha256(salt + form).hexdigest()}
        counters = {instance.blind(purpose, salt + form) for purpose in PURPOSES}
        nowhere |= counters
        counted |= {cache.make_key(f"limits:{who}:{part}") for who in counters for part in slices}
print(json.dumps({"nowhere": sorted(nowhere), "counted": sorted(counted)}))
"""


def texts(address: str) -> set[str]:
    """How an address can be written."""
    ip = ipaddress.ip_address(address)
    other = {str(int(ip)), f"::ffff:{address}"} if isinstance(ip, ipaddress.IPv4Address) else set()
    return {address, ip.exploded, ip.compressed} | other


def hashes(address: str) -> Iterator[bytes]:
    """What anybody can make of it, who has no key."""
    packed = ipaddress.ip_address(address).packed
    for name, form in product(ALGORITHMS, [*(text.encode() for text in texts(address)), packed, packed[:8]]):
        yield hashlib.new(name, form).digest()[:PREFIX_BYTES]


def keyed(system: LiveSystem, addresses: list[str]) -> tuple[list[bytes], list[bytes]]:
    """Hashes under the instance's keys and today's salt, which must be nowhere; names of counts."""
    command = [sys.executable, "-c", KEYED, *addresses]
    done = subprocess.run(
        command, cwd=ROOT, env=system.environment, check=True, capture_output=True, text=True
    )
    told = json.loads(done.stdout)
    return [bytes.fromhex(text)[:PREFIX_BYTES] for text in told["nowhere"]], [
        name.encode() for name in told["counted"]
    ]


@dataclass
class Stranger:
    """Somebody at an address of their own who names it, and themselves, in whatever a request can hold."""

    system: LiveSystem
    address: str
    behind: str
    traces: Canaries
    cookies: dict[str, str] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        new = self.traces.new
        for address in (self.address, self.behind):
            # Not the four bytes of an old one, which stand in any noise.
            packed = ipaddress.ip_address(address).packed
            raw = [packed] if len(packed) > 4 else []
            self.traces.secret(f"address {address}", *(text.encode() for text in texts(address)), *raw)
            self.traces.hashes(f"hash of {address}", *hashes(address))
        self.headers = {
            "X-Forwarded-For": f"{self.behind}, {self.address}",
            "Forwarded": f'for="[{self.behind}]";by={self.address}',
            "X-Real-IP": self.behind,
            "User-Agent": new(f"{self.address}: user agent", "Mozilla/5.0 (", ")"),
            "Referer": new(f"{self.address}: where from", "https://", ".example/"),
            "Accept-Language": new(f"{self.address}: language", "en;q=0.9, x-"),
            "X-Request-ID": new(f"{self.address}: request id"),
        }
        self.cookies["other"] = new(f"{self.address}: a cookie of others")
        self.query = new(f"{self.address}: query", "?next=", "&q=1")

    def asks(self, method: str, path: str, body: bytes = b"", **more: str) -> int:
        """The status of the answer; 0 where there is none."""
        named = {name.replace("_", "-"): value for name, value in more.items()}
        given = {"Host": urlsplit(self.system.url).netloc, "Content-Length": str(len(body)), **self.headers}
        given |= {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()), **named}
        head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        return self.says(f"{method} {path}{self.query} HTTP/1.1\r\n{head}\r\n".encode() + body)

    def says(self, raw: bytes) -> int:
        """Whatever bytes."""
        parts = urlsplit(self.system.url)
        there = (parts.hostname or "", parts.port or 0)
        answer = b""
        with socket.create_connection(there, timeout=20, source_address=(self.address, 0)) as line:
            try:
                line.sendall(raw)
                answer = line.recv(65536)
            except OSError:
                # Hung up before everything was said, as on a body that is too large.
                pass
        words = answer.split(b" ", 2)
        self.statuses.append(int(words[1]) if len(words) > 1 and words[1].isdigit() else 0)
        return self.statuses[-1]
