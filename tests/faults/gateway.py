"""A gateway on loopback: it writes down who was to be told, under which key and when; it fails as told.

Two doors, one book: an SMTP server (the key is the Message-ID), and an HTTP server as ntfy is one (the key is
its number for what is shown in place of another). What the book says is all a rig believes.
"""

import contextlib
import json
import re
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

OK, REFUSES, HANGS = "ok", "refuses", "hangs"
EVERYBODY = ""
KEY = re.compile(r"^Message-ID: <([^@>]+)@", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """Somebody came with something. `address` and `key` are "" where it did not get so far.

    `at` is this machine's wall clock, which is also the database's; `port` is the sender's.
    """

    at: float
    address: str
    key: str
    taken: bool
    port: int


@dataclass
class Book:
    """What the gateway does (to an address, or to EVERYBODY), and everything that came."""

    does: dict[str, str] = field(default_factory=dict)
    # Seconds that each message takes, to an address or to everybody.
    takes: dict[str, float] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    # Called with the sender's port: somebody came with something; it was taken, and they do not know it yet.
    when_come: Callable[[int], None] = field(default=lambda port: None)
    when_taken: Callable[[int], None] = field(default=lambda port: None)
    closed: threading.Event = field(default_factory=threading.Event)

    def behaviour(self, address: str = EVERYBODY) -> str:
        return self.does.get(address, OK)

    def write(self, address: str, key: str, taken: bool, port: int) -> None:
        entry = Entry(time.time(), address, key, taken, port)
        self.entries.append(entry)
        if taken:
            self.when_taken(port)

    def take_time(self, address: str) -> None:
        self.closed.wait(self.takes.get(address, self.takes.get(EVERYBODY, 0.0)))

    def hang(self, caller: socket.socket) -> None:
        """Say nothing to this caller any more, also when it works again: until they go."""
        with contextlib.suppress(OSError):
            caller.settimeout(0.1)
            while not self.closed.is_set():
                with contextlib.suppress(TimeoutError):
                    if not caller.recv(1):
                        return

    def taken(self) -> list[Entry]:
        return [entry for entry in list(self.entries) if entry.taken]


class _Door:
    """What both doors have in common: threads that end with the tests."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128


class SmtpDoor(_Door, socketserver.ThreadingTCPServer):
    def __init__(self, book: Book) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.book = book


class _Refused(Exception):
    """The door was shut, or the caller went."""


class _Talk(socketserver.StreamRequestHandler):
    """One connection of a mail client."""

    server: SmtpDoor

    def handle(self) -> None:
        self.address = ""
        with contextlib.suppress(_Refused, OSError):
            self.stand_before("")
            self.say("220 ready")
            while line := self.rfile.readline().decode().strip():
                self.answer(line)

    def answer(self, line: str) -> None:
        verb = line.partition(" ")[0].upper()
        if verb == "QUIT":
            self.say("221 bye")
            raise _Refused
        if verb == "MAIL":
            self.stand_before(EVERYBODY)
        if verb == "RCPT":
            self.address = line.partition("<")[2].partition(">")[0]
            self.stand_before(self.address)
            self.server.book.when_come(self.client_address[1])
        if verb == "DATA":
            self.say("354 go on")
            self.take(self.read())
        self.say("250 fine")

    def stand_before(self, address: str) -> None:
        """Return where the door is open for this address."""
        does, book, port = self.server.book.behaviour(address), self.server.book, self.client_address[1]
        if does == OK:
            return
        book.write(address, "", False, port)
        if does == HANGS:
            book.hang(self.connection)
        else:
            self.say("421 not now" if address == EVERYBODY else "451 not now")
        raise _Refused

    def read(self) -> str:
        lines = []
        while (line := self.rfile.readline().decode()) != ".\r\n":
            if not line:
                raise _Refused
            lines.append(line.replace("\r\n", "\n"))
        return "".join(lines)

    def take(self, mail: str) -> None:
        key = KEY.search(mail)
        self.server.book.take_time(self.address)
        self.server.book.write(self.address, key[1] if key else "", True, self.client_address[1])

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class HttpDoor(_Door, ThreadingHTTPServer):
    """Publications of ntfy: the address is the topic, the key the number of what is replaced."""

    def __init__(self, book: Book) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.book = book


class _Request(BaseHTTPRequestHandler):
    server: HttpDoor
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.server.book.when_come(self.client_address[1])
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        address, key = json.loads(body)["topic"], self.headers.get("X-Sequence-ID", "")
        book, port = self.server.book, self.client_address[1]
        for whose in (EVERYBODY, address):
            if (does := book.behaviour(whose)) != OK:
                book.write(address, key, False, port)
                self.close_connection = True
                if does == HANGS:
                    book.hang(self.connection)
                else:
                    self.reply(503)
                return
        book.take_time(address)
        book.write(address, key, True, port)
        self.reply(200)

    def reply(self, status: int) -> None:
        with contextlib.suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

    def log_message(self, format: str, *args: Any) -> None:
        """Not on the terminal of the tests."""


@contextlib.contextmanager
def opened(door: "SmtpDoor | HttpDoor") -> Iterator[int]:
    """The port at which it listens."""
    threading.Thread(target=door.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield int(door.server_address[1])
    finally:
        door.book.closed.set()
        door.shutdown()
        door.server_close()
