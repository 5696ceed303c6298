"""A real SMTP server on loopback: it keeps what it was given, and answers as it is told."""

import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Server(socketserver.ThreadingTCPServer):
    """`mails` are the raw messages taken; `greetings` what clients called themselves.

    `answers` are replies to the verbs: {"RCPT": "550 no"}. A reply "hang up" closes, "hang" says nothing.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.mails: list[str] = []
        self.greetings: list[str] = []
        self.answers: dict[str, str] = {}

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
            if verb in ("EHLO", "HELO"):
                self.server.greetings.append(rest)
            if not self.reply(verb, "354 go on" if verb == "DATA" else "250 fine") or verb == "QUIT":
                return
            if verb == "DATA" and "DATA" not in self.server.answers and not self.take():
                return

    def reply(self, verb: str, usual: str) -> bool:
        answer = self.server.answers.get(verb, usual)
        if answer == "hang":
            time.sleep(3)
        if answer in ("hang", "hang up"):
            return False
        self.wfile.write(f"{answer}\r\n".encode())
        return True

    def take(self) -> bool:
        lines = []
        while (line := self.rfile.readline().decode()) != ".\r\n":
            lines.append(line.replace("\r\n", "\n"))
        if "BODY" not in self.server.answers:
            self.server.mails.append("".join(lines))
        return self.reply("BODY", "250 taken")


@contextmanager
def listening() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server
        server.shutdown()
