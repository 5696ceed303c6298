"""Notices by e-mail, through whichever backend Django is set to."""

from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import format_datetime, formataddr, parseaddr
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.validators import EmailValidator
from django.utils.translation import gettext_lazy as _

from notify.transports.base import POST_LASTS, AddressGone, Message, NotNow, Post, Transport, TransportDown
from notify.transports.smtp import sender_domain

NOWHERE = "django.core.mail.backends.dummy.EmailBackend"
# RFC 5321: the longest path is 256 characters with its brackets.
LONGEST = 254
# The server closes: its answer is not about this message.
CLOSING = 421


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
        EmailValidator(message=_("Give an address like name@example.org."))(address)
        return address

    @contextmanager
    def open(self) -> Iterator[Post]:
        connection = get_connection(timeout=POST_LASTS.total_seconds())
        try:
            connection.open()
        except (SMTPException, OSError):
            raise TransportDown from None
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
            self.connection.send_messages([_mail(address, message)])
            return
        except SMTPRecipientsRefused as refused:
            problem = _refusal(refused)
        except SMTPDataError as refused:
            problem = TransportDown if refused.smtp_code == CLOSING else NotNow
        except (SMTPException, OSError):
            problem = TransportDown
        except ValueError:
            # The backend could not write this address in a header.
            problem = AddressGone
        raise problem


def _refusal(refused: SMTPRecipientsRefused) -> type[Exception]:
    codes = [code for code, _answer in refused.recipients.values()]
    return AddressGone if codes and all(500 <= code < 600 for code in codes) else NotNow


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
        connection.close()
    except (SMTPException, OSError):
        # Whatever was accepted before stays accepted.
        return
