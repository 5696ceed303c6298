"""Django's SMTP, without the name of this machine in its greeting."""

import smtplib
from collections.abc import Callable
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.mail.backends.smtp import EmailBackend


def sender_domain() -> str:
    """The domain that mail comes from: the only name of ours that a message shows."""
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"


class NeutralBackend(EmailBackend):
    """Greets with the sender's domain: relays write the greeting into every message they pass on."""

    @property
    def connection_class(self) -> Callable[..., smtplib.SMTP]:  # type: ignore[override]
        connect = super().connection_class

        def greet(host: str, port: int, **params: Any) -> smtplib.SMTP:
            return connect(host, port, **{**params, "local_hostname": sender_domain()})

        return greet
