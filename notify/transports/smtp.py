"""Django's SMTP, without the name of this machine in its greeting, and with an end to everything it does."""

import smtplib
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.mail.backends.smtp import EmailBackend
from django.core.mail.utils import DNS_NAME

from notify.transports.base import POST_LASTS
from notify.transports.connect import connect
from notify.transports.fuse import Fuse

# Django asks for this machine's name before each connection, which may hang, to throw it away below.
DNS_NAME._fqdn = "localhost"


def sender_domain() -> str:
    """The domain that mail comes from: the only name of ours that a message shows."""
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"


class _Plain(smtplib.SMTP):
    def __init__(self, *args: Any, fuse: Fuse, **params: Any) -> None:
        self.fuse = fuse
        super().__init__(*args, **params)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return connect(host, port, self.fuse)


class _Encrypted(smtplib.SMTP_SSL):
    def __init__(self, *args: Any, fuse: Fuse, **params: Any) -> None:
        self.fuse = fuse
        super().__init__(*args, **params)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        # Within the time of the fuse, also the handshake.
        return self.context.wrap_socket(connect(host, port, self.fuse), server_hostname=host)


class NeutralBackend(EmailBackend):
    """Greets with the sender's domain: relays write the greeting into every message they pass on."""

    fuse: Fuse | None = None

    @property
    def connection_class(self) -> Callable[..., smtplib.SMTP]:  # type: ignore[override]
        kind = _Encrypted if self.use_ssl else _Plain

        def greet(host: str, port: int, **params: Any) -> smtplib.SMTP:
            assert self.fuse is not None
            return kind(host, port, fuse=self.fuse, **{**params, "local_hostname": sender_domain()})

        return greet

    def open(self) -> bool | None:
        if self.fuse is not None:
            return super().open()
        # Somebody else's mail, through Django's own functions.
        with self.within(POST_LASTS):
            return super().open()

    @contextmanager
    def within(self, lasts: timedelta) -> Iterator[None]:
        """Whatever is done with this connection meanwhile is cut when that time is over."""
        with Fuse(lasts) as self.fuse:
            if self.connection is not None and self.connection.sock is not None:
                self.fuse.watch(self.connection.sock)
            try:
                yield
            finally:
                self.fuse = None
