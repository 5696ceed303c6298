"""Notices by e-mail, through whichever backend Django is set to."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from email.utils import format_datetime, formataddr, parseaddr
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.validators import EmailValidator
from django.utils.translation import gettext_lazy as _

from notify.transports.base import POST_LASTS, AddressGone, Message, NotNow, Post, Transport, TransportDown
from notify.transports.smtp import NeutralBackend, sender_domain

NOWHERE = "django.core.mail.backends.dummy.EmailBackend"
# RFC 5321: the longest path is 256 characters with its brackets.
LONGEST = 254
# Numbers in the place of a domain: our relay would connect to whatever they name, also inside.
NO_NAME = re.compile(r"@(?:\[.*|[^@]*\.[0-9]+)$")
# The server closes, is full, or does not know us: the answer is not about this message.
CLOSING, NO_SPACE, LOGIN_FIRST = 421, 452, 530
# What a server without finer words says where an address leads to nobody.
NOBODY = frozenset(range(500, 600)) - {LOGIN_FIRST, 552}
# In finer words (RFC 3463): no such mailbox, domain, address; moved; not accepting mail any more.
GONE = frozenset((1, detail) for detail in (0, 1, 2, 3, 6, 10)) | {(2, 1)}


class Email(Transport):
    label = _("E-mail")
    address_label = _("E-mail address")
    help = _("Write an address like name@example.org.")

    def is_set_up(self) -> bool:
        return settings.EMAIL_BACKEND != NOWHERE

    def clean(self, address: str) -> str:
        address = address.strip()
        if len(address) > LONGEST:
            raise ValidationError(_("This address is too long."), code="too_long")
        wrong = _("Give an address like name@example.org.")
        EmailValidator(message=wrong, allowlist=[])(address)
        if NO_NAME.search(address):
            raise ValidationError(wrong, code="invalid")
        return address

    @contextmanager
    def open(self) -> Iterator[Post]:
        connection = get_connection(timeout=POST_LASTS.total_seconds())
        try:
            yield _Post(connection)
        finally:
            _close(connection)


class _Post:
    def __init__(self, connection: BaseEmailBackend) -> None:
        self.connection = connection

    def __call__(self, address: str, message: Message) -> None:
        """The errors of smtplib hold the address in their text: none leaves here, not even as a cause."""
        problem: type[Exception]
        try:
            with _within(self.connection):
                # The first post connects, within its own time: a server slow to greet must not use up that
                # of a whole batch.
                self.connection.open()
                self.connection.send_messages([_mail(address, message)])
            return
        except SMTPRecipientsRefused as refused:
            # One message, one recipient.
            problem = next((_meaning(*answer, NOBODY) for answer in refused.recipients.values()), NotNow)
        except SMTPDataError as refused:
            problem = _meaning(refused.smtp_code, refused.smtp_error, frozenset())
        except (SMTPException, OSError):
            problem = TransportDown
        except ValueError:
            # The backend could not write this address in a header.
            problem = AddressGone
        raise problem


def _meaning(code: int, text: bytes | str, nobody: frozenset[int]) -> type[Exception]:
    """Whether an answer is about this address, this time, or the whole server.

    The three numbers of RFC 3463 say it where a server has them: .1 is the address, .3 the server, .7 its
    rules. Without them it is the code: those in `nobody` say that nobody is there.
    """
    if isinstance(text, str):
        text = text.encode()
    found = re.match(rb"\s*[245]\.(\d{1,3})\.(\d{1,3})\b", text)
    subject, detail = (int(found[1]), int(found[2])) if found else (0, 0)
    of_the_server = code < 500 and subject == 3
    if code == CLOSING or of_the_server or (code in (NO_SPACE, LOGIN_FIRST) and subject not in (1, 2)):
        return TransportDown
    if code >= 500 and (subject, detail) in GONE:
        return AddressGone
    return AddressGone if code in nobody and not found else NotNow


def _within(connection: BaseEmailBackend) -> AbstractContextManager[None]:
    """Cut what is done with this connection when the time of a post is over."""
    return connection.within(POST_LASTS) if isinstance(connection, NeutralBackend) else nullcontext()


def _mail(address: str, message: Message) -> EmailMessage:
    """A message whose headers say no more than they must: no zone, no second, no machine, no software."""
    sender = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    return EmailMessage(
        subject=message.subject,
        body=message.body,
        from_email=formataddr((message.sender, sender)),
        to=[address],
        headers={
            "Date": format_datetime(message.at.replace(second=0, microsecond=0)),
            "Message-ID": f"<{message.key}@{sender_domain()}>",
        },
    )


def _close(connection: BaseEmailBackend) -> None:
    try:
        with _within(connection):
            connection.close()
    except (SMTPException, OSError):
        # Whatever was accepted before stays accepted.
        return
