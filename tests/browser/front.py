"""A front before a running system: a proxy that speaks TLS, or one that switches scripts off in every page.

Playwright leaves `java_script_enabled=False` out when it drives Debian's Firefox, and the preference breaks
typing into forms. A sandbox without allow-scripts is what the standard has for it: no script runs, and what
stands in <noscript> shows. Everything else passes through as it is, the Host header too. With TLS it says so
to the system, and hands on nothing that a visitor says about it, as Caddy does.
"""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

SANDBOX = "sandbox allow-forms allow-same-origin allow-top-navigation allow-popups allow-downloads"
# They belong to one connection, and this front has connections of its own.
OWN = {"connection", "transfer-encoding", "keep-alive", "date", "server"}
SAID_BY_PROXIES = {"x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"}


class _Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    target = ("127.0.0.1", 0)
    sandbox = True
    # Over TLS it is a proxy of its own; else it is as if it were not there.
    is_tls = False

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        there = http.client.HTTPConnection(*self.target, timeout=60)
        with contextlib.closing(there):
            there.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in (OWN | SAID_BY_PROXIES if self.is_tls else OWN):
                    there.putheader(name, value)
            if self.is_tls:
                there.putheader("X-Forwarded-For", "127.0.0.1")
                there.putheader("X-Forwarded-Host", self.headers.get("Host", ""))
                there.putheader("X-Forwarded-Proto", "https")
            there.endheaders(body or None)
            answer = there.getresponse()
            self._pass_on(answer, answer.read())

    do_POST = do_HEAD = do_GET

    def _pass_on(self, answer: http.client.HTTPResponse, content: bytes) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in OWN | {"content-length"}:
                self.send_header(name, value)
        if self.sandbox:
            self.send_header("Content-Security-Policy", SANDBOX)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_words: object) -> None:
        """The tests' output is for the tests."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    tls: ssl.SSLContext | None = None

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        if self.tls:
            # Shaken in the connection's own thread: one that never speaks holds nobody up.
            connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that hangs up, or does not like the certificate at first, is none of ours."""


@contextlib.contextmanager
def serving(
    handler: type[BaseHTTPRequestHandler], port: int = 0, tls: ssl.SSLContext | None = None
) -> Iterator[int]:
    """The port of a server on this machine, for as long as this lasts."""
    with _Server(("127.0.0.1", port), handler) as server:
        server.tls = tls
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@contextlib.contextmanager
def before(
    url: str, port: int = 0, *, tls: ssl.SSLContext | None = None, sandbox: bool = True
) -> Iterator[str]:
    """The address of a front before the system at `url`, such as http://127.0.0.1:8000."""
    place = urlsplit(url)
    own = {"target": (place.hostname, place.port), "is_tls": tls is not None, "sandbox": sandbox}
    with serving(type("Front", (_Front,), own), port, tls) as listening:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{listening}"
