"""A real HTTP server on loopback, in the place of what carries messages: it records, and fails as told."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One request, whole."""

    method: str
    path: str
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class Answer:
    """`drip` is sent instead of an answer, a byte at a time; `hang` sends nothing; `hang_up` only closes."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    drip: bytes = b""
    hang: bool = False
    hang_up: bool = False


class Server(http.server.ThreadingHTTPServer):
    """`asked` are the requests that came. `answer` is given to each but for paths that are in `answers`."""

    daemon_threads = True

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__((host, port), _Talk)
        self.asked: list[Asked] = []
        self.answer = Answer()
        self.answers: dict[str, Answer] = {}
        # How many connections were made; and whether they are kept, whatever the other side wants.
        self.connections, self.keeps_alive = 0, False
        self.over = threading.Event()
        # Whether somebody listened to a drip until it was over.
        self.heard_out = False

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.port}"

    def get_request(self) -> Any:
        self.connections += 1
        return super().get_request()

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever was cut off has gone: writing to them fails, as it should."""

    @property
    def all_text(self) -> str:
        """Everything that reached it, to look for what must not have."""
        return "\n".join(f"{one.method} {one.path} {one.headers} {one.text}" for one in self.asked)


class _Talk(http.server.BaseHTTPRequestHandler):
    server: Server

    @property
    def protocol_version(self) -> str:  # type: ignore[override]
        return "HTTP/1.1" if self.server.keeps_alive else "HTTP/1.0"

    def talk(self) -> None:
        self.close_connection = not self.server.keeps_alive
        text = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.server.asked.append(Asked(self.command, self.path, dict(self.headers), text))
        answer = next(
            (answer for start, answer in self.server.answers.items() if self.path.startswith(start)),
            self.server.answer,
        )
        if answer.hang:
            self.server.over.wait(60)
        if answer.hang or answer.hang_up:
            self.close_connection = True
            return
        for byte in answer.drip:
            self.wfile.write(bytes([byte]))
            if self.server.over.wait(0.05):
                return
        self.server.heard_out = self.server.heard_out or bool(answer.drip)
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if self.server.keeps_alive:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_PUT = talk

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def listening(host: str = "127.0.0.1", port: int = 0) -> Iterator[Server]:
    with Server(host, port) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server
        server.over.set()
        server.shutdown()
