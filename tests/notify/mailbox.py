"""A real SMTP server on loopback: it keeps what it was given, and answers as it is told."""

import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Server(socketserver.ThreadingTCPServer):
    """`mails` are the raw messages taken; `greetings` what clients called themselves; `asked` all verbs.

    `answers` are replies to the verbs: {"RCPT": "550 no"}. A reply "hang up" closes, "hang" says nothing,
    "drip" says more and more, a byte at a time, without ever coming to an end.
    """

    daemon_threads = True
    block_on_close = False

    allow_reuse_address = True

    def __init__(self, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Talk)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.mails: list[str] = []
        self.greetings: list[str] = []
        self.asked: list[str] = []
        self.answers: dict[str, str] = {}
        self.over = threading.Event()
        # Whether somebody listened to a drip until it was over.
        self.heard_out = False

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Talk(socketserver.StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        if not self.reply("CONNECT", "220 ready"):
            return
        while line := self.rfile.readline().decode().strip():
            verb, _space, rest = line.partition(" ")
            verb = verb.upper()
            self.server.asked.append(verb)
            if verb in ("EHLO", "HELO"):
                self.server.greetings.append(rest)
            if not self.reply(verb, "354 go on" if verb == "DATA" else "250 fine") or verb == "QUIT":
                return
            if verb == "DATA" and "DATA" not in self.server.answers and not self.take():
                return

    def reply(self, verb: str, usual: str) -> bool:
        answer = self.server.answers.get(verb, usual)
        if answer == "hang":
            self.server.over.wait(60)
        if answer == "drip":
            self.drip()
        if answer in ("hang", "hang up", "drip"):
            return False
        self.wfile.write(f"{answer}\r\n".encode())
        return True

    def drip(self) -> None:
        for byte in b"250-and so on\r\n" * 100:
            try:
                self.wfile.write(bytes([byte]))
            except OSError:
                return
            if self.server.over.wait(0.05):
                return
        self.server.heard_out = True

    def take(self) -> bool:
        lines = []
        while (line := self.rfile.readline().decode()) != ".\r\n":
            lines.append(line.replace("\r\n", "\n"))
        if "BODY" not in self.server.answers:
            self.server.mails.append("".join(lines))
        return self.reply("BODY", "250 taken")


@contextmanager
def listening(tls: ssl.SSLContext | None = None, port: int = 0) -> Iterator[Server]:
    with Server(tls, port) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server
        server.over.set()
        server.shutdown()
