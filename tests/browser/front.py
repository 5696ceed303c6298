"""A front before a running system that switches scripts off in every page, whatever browser looks at it.

Playwright leaves `java_script_enabled=False` out when it drives Debian's Firefox, and the preference breaks
typing into forms. A sandbox without allow-scripts is what the standard has for it: no script runs, and what
stands in <noscript> shows. Everything else passes through as it is, the Host header too.
"""

import contextlib
import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

SANDBOX = "sandbox allow-forms allow-same-origin allow-top-navigation allow-popups allow-downloads"
# They belong to one connection, and this front has connections of its own.
OWN = {"connection", "transfer-encoding", "keep-alive", "date", "server"}


class _Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    target = ("127.0.0.1", 0)

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        there = http.client.HTTPConnection(*self.target, timeout=30)
        with contextlib.closing(there):
            there.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in OWN:
                    there.putheader(name, value)
            there.endheaders(body or None)
            answer = there.getresponse()
            self._pass_on(answer, answer.read())

    do_POST = do_HEAD = do_GET

    def _pass_on(self, answer: http.client.HTTPResponse, content: bytes) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in OWN | {"content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Security-Policy", SANDBOX)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_words: object) -> None:
        """The tests' output is for the tests."""


@contextlib.contextmanager
def before(url: str) -> Iterator[str]:
    """The address of a front before the system at `url`, such as http://127.0.0.1:8000."""
    place = urlsplit(url)
    handler = type("Front", (_Front,), {"target": (place.hostname, place.port)})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()
