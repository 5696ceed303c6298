"""The two addresses of one instance, as browsers come to them: https by a proxy, http as an onion address.

Both names lead to this machine (conftest.py). The proxy speaks TLS with a certificate of its own and does to
requests what Caddy does; Tor would hand an onion's requests straight to the system, so here they go there.
"""

import contextlib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests import servers
from tests.browser import front
from tests.live import LiveSystem

NAME = "notes.example"
ONION = f"{'a2b3' * 14}.onion"
DOORS = ("https", "onion")
COOKIES = {"s": "Lax", "c": "Strict", "l": "Lax"}


@dataclass(frozen=True)
class Door:
    """One of the addresses of a running system; `url` is what somebody types in this browser."""

    scheme: str
    url: str
    system: LiveSystem

    @property
    def host(self) -> str:
        return NAME if self.scheme == "https" else ONION

    def cookies(self, *names: str) -> set[tuple[Any, ...]]:
        """Each of them, exactly as this browser must keep it."""
        safe = self.scheme == "https"
        return {
            (f"__Host-{name}" if safe else name, self.host, "/", safe, True, COOKIES[name], -1)
            for name in names
        }


def kept(cookies: Any) -> set[tuple[Any, ...]]:
    """What a browser keeps, in the same shape."""
    fields = ("name", "domain", "path", "secure", "httpOnly", "sameSite", "expires")
    return {tuple(cookie[field] for field in fields) for cookie in cookies}


def addresses() -> dict[str, str]:
    """The settings of a system that has both; the proxy's port has to be known before it starts."""
    return {"PUBLIC_URL": f"https://{NAME}:{servers.free_port()}", "ONION_URL": f"http://{ONION}"}


@contextlib.contextmanager
def opened(system: LiveSystem, scheme: str, folder: Path, *, sandbox: bool) -> Iterator[Door]:
    """The door of this scheme. `sandbox`: the browser's scripts can only be switched off by the answers."""
    with contextlib.ExitStack() as stack:
        if scheme == "https":
            url = system.environment["PUBLIC_URL"]
            port = int(url.rpartition(":")[2])
            stack.enter_context(front.before(system.url, port, tls=tls(folder), sandbox=sandbox))
        else:
            inside = stack.enter_context(front.before(system.url)) if sandbox else system.url
            url = f"http://{ONION}:{inside.rpartition(':')[2]}"
        yield Door(scheme, url, system)


def tls(folder: Path) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate made a moment ago that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(NAME), x509.DNSName("localhost")]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    chain = folder / "chain.pem"
    chain.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context
