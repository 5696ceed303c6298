"""Somewhere neutral: a page about the weather, that remembers what it was told about whoever came."""

import contextlib
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.browser import front

# What says where somebody comes from.
TELLTALE = {"referer", "origin", "cookie"}


@dataclass
class Neutral:
    """A page at `url`. `told`: what each visitor's browser said of where they came from."""

    url: str = ""
    told: list[dict[str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def heard(self) -> list[dict[str, str]]:
        """What was told since the last time."""
        with self.lock:
            heard, self.told = self.told, []
        return heard


@contextlib.contextmanager
def somewhere(tls: ssl.SSLContext | None = None) -> Iterator[Neutral]:
    """It is at another host than the system: a name of this machine, not its number."""
    place = Neutral()

    class Weather(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/weather":
                said = {name.lower(): value for name, value in self.headers.items()}
                with place.lock:
                    place.told.append({name: said[name] for name in TELLTALE & set(said)})
            self.send_response(200 if self.path.startswith("/weather") else 404)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(
                b'<!doctype html><title>Weather</title><p>Rain later. <a href="/weather">More</a>'
            )

        def log_message(self, *_words: object) -> None:
            """Quiet."""

    with front.serving(Weather, tls=tls) as port:
        place.url = f"{'https' if tls else 'http'}://localhost:{port}/weather"
        yield place
