"""Notices through one library that speaks many services: one notice, one call of it.

The library (`library.py`) is loaded in the worker only, when the first such message leaves. What leaves goes
through `egress.py`: to the whole internet, and inside of it to what the operator named in the environment.
"""

import importlib
import json
import re
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import ModuleType
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from notify.transports import egress
from notify.transports.addresses import NoPlace, clean_host
from notify.transports.base import POST_LASTS, AddressGone, Message, NotNow, Post, Transport, TransportDown

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

LONGEST = 500
NOT_THERE = _("We cannot send there. Use a server that everybody on the internet can reach.")


class Messenger(Transport):
    """What all of them are: an address becomes a URL of the library, and its answer one of ours."""

    # Answers that say that nobody is reached there, now or later.
    gone = frozenset({404, 410})
    # Answers that are about the gateway, not about this address.
    ill: frozenset[int] = frozenset()
    # What it means that the library makes nothing of the URL.
    unusable: type[Exception] = AddressGone
    # Whether the message has a line above the text.
    titled = False

    @abstractmethod
    def url(self, address: str) -> str:
        """What the library is given for an address that was cleaned."""

    def trusted(self) -> frozenset[tuple[str, int]]:
        """Hosts and ports the operator named: they may lie inside the machine."""
        return frozenset()

    def headers(self, message: Message) -> dict[str, str]:
        """What this protocol has for a message that is sent twice."""
        return {}

    @contextmanager
    def open(self) -> Iterator[Post]:
        yield self.post

    def post(self, address: str, message: Message) -> None:
        """Send one. The library swallows what went wrong; `egress` saw it."""
        library = _library()
        with egress.only_public(
            trusted=self.trusted(), lasts=POST_LASTS, headers=self.headers(message)
        ) as seen:
            try:
                accepted = library.send(self.url(address), message, self.titled)
            except library.Unusable:
                raise self.unusable from None
        if accepted and seen.status is None and not seen.tried:
            # Not every gateway an operator may name speaks HTTP.
            return
        self.judge(seen)
        if not accepted:
            raise NotNow(seen.after)

    def judge(self, seen: egress.Seen) -> None:
        """What the answer means here. Raises AddressGone, NotNow, TransportDown, or nothing."""
        if seen.status in self.ill:
            raise TransportDown(seen.after)
        seen.judge(self.gone)


def _library() -> ModuleType:
    # The guard before the guarded.
    egress.wire()
    return importlib.import_module("notify.transports.library")


# --- ntfy -----------------------------------------------------------------------------------------


class Ntfy(Messenger):
    """A topic: of the operator's server by its name alone; of any other by its link, with an account."""

    label = _("ntfy")
    address_label = _("Topic of ntfy")
    help = _("An app that needs no account. Write the link of your topic, like https://ntfy.sh/your-topic.")
    titled = True

    TOPIC = r"[A-Za-z0-9_-]{1,64}"
    LINK = re.compile(
        rf"https://(?P<host>[^/@?#]+?)(?P<port>:\d{{1,5}})?/(?P<topic>{TOPIC})/?", re.IGNORECASE
    )

    def is_set_up(self) -> bool:
        return bool(settings.NTFY_SERVER)

    def clean(self, address: str) -> str:
        address = address.strip()
        if _is_too_long(address):
            raise ValidationError(_("This address is too long."), code="too_long")
        if settings.NTFY_SERVER and re.fullmatch(self.TOPIC, address):
            return address
        if self._topic_of_ours(address):
            return f"{_origin(settings.NTFY_SERVER)}/{self._topic_of_ours(address)}"
        if not (link := self.LINK.fullmatch(address)):
            raise ValidationError(_("Give the link of your topic, like https://ntfy.sh/your-topic."))
        host, port = _host_and_port(link["host"], link["port"])
        return f"https://{host}{port}/{link['topic']}"

    def clean_for_askers(self, address: str) -> str:
        """On the operator's server only: whoever owns another one sees where this machine is, and can let it
        wait, and anybody can ask."""
        try:
            cleaned = self.clean(address)
            if "://" not in cleaned or self._topic_of_ours(cleaned):
                return cleaned
        except ValidationError as problem:
            if problem.code == "too_long":
                raise
        raise ValidationError(_("Write only the name of your topic, on the server we use."))

    @property
    def askers_help(self) -> "_StrPromise":
        return _("An app that needs no account. Write the name of your topic, on the server we use.")

    def gateway(self, address: str) -> str:
        """None for the operator's own server: while it is down that is the operator's business."""
        if "://" not in address or self._topic_of_ours(address):
            return ""
        return "{}:{}".format(*_host_of(address))

    def hint(self, address: str) -> str:
        return super().hint(address.rpartition("/")[2])

    def url(self, address: str) -> str:
        link = self._link(address)
        login = urlsplit(settings.NTFY_SERVER).netloc.rpartition("@")
        scheme, _colon, rest = link.partition("://")
        ours = bool(settings.NTFY_SERVER) and link.startswith(f"{_origin(settings.NTFY_SERVER)}/")
        return f"{'ntfys' if scheme == 'https' else 'ntfy'}://{login[0] + login[1] if ours else ''}{rest}"

    def trusted(self) -> frozenset[tuple[str, int]]:
        return frozenset({_host_of(settings.NTFY_SERVER)}) if settings.NTFY_SERVER else frozenset()

    def headers(self, message: Message) -> dict[str, str]:
        # Always the same, so that it says nothing: a phone that sleeps is woken for nothing less. The number
        # lets the second of two be shown in place of the first.
        return {"X-Priority": "high", "X-Sequence-ID": message.key}

    def _link(self, address: str) -> str:
        """The link of a cleaned address."""
        return address if "://" in address else f"{_origin(settings.NTFY_SERVER)}/{address}"

    def _topic_of_ours(self, address: str) -> str:
        """The topic in a link to the operator's own server, wherever that lies; else ""."""
        if not settings.NTFY_SERVER:
            return ""
        ours, _slash, topic = address.rpartition("/")
        same = ours.lower() == _origin(settings.NTFY_SERVER)
        return topic if same and re.fullmatch(self.TOPIC, topic) else ""


# --- A gateway of the operator's own --------------------------------------------------------------


class Gateway(Messenger):
    """The operator has one gateway for all addresses: the setting is a URL of the library with {to} in it."""

    setting: str
    # Only that is about the address: what an operator's gateway does not know is the operator's to mend.
    gone = frozenset({410})
    ill = frozenset({301, 302, 303, 307, 308, 401, 404, 405, 407})
    unusable = TransportDown

    def is_set_up(self) -> bool:
        return bool(self._template())

    def url(self, address: str) -> str:
        return self._template().replace("{to}", quote(address, safe=""))

    def trusted(self) -> frozenset[tuple[str, int]]:
        return frozenset({_host_of(self._template())}) if self._template() else frozenset()

    def _template(self) -> str:
        return str(getattr(settings, self.setting))


class Phone(Gateway):
    """Addresses that are numbers of phones, as they are called from abroad."""

    address_label = _("Phone number")

    def clean(self, address: str) -> str:
        number = re.sub(r"[\s().\u2010-\u2015/-]", "", address)
        number = re.sub(r"^00", "+", number)
        if not re.fullmatch(r"\+[1-9][0-9]{6,14}", number):
            raise ValidationError(_("Give the number with its country, like +32 470 12 34 56."))
        return number


class Signal(Phone):
    label = _("Signal")
    help = _("Write the phone number that you use in Signal, with its country.")
    setting = "SIGNAL_GATEWAY"

    def judge(self, seen: egress.Seen) -> None:
        """The gateway answers 400 to much: only its text tells who is not there."""
        if seen.status == 400 and b"Unregistered user" in seen.body:
            raise AddressGone
        if seen.status == 400 and b"is not registered" in seen.body:
            raise TransportDown(seen.after)
        super().judge(seen)


class Sms(Phone):
    label = _("Text message (SMS)")
    help = _("Write your phone number, with its country. Your phone company can read the message.")
    setting = "SMS_GATEWAY"


class Matrix(Gateway):
    label = _("Matrix")
    address_label = _("Matrix room")
    help = _("Make a room, invite our account, and write the room’s address, like #room:example.org.")
    setting = "MATRIX_GATEWAY"
    ROOM = r"(?:#[A-Za-z0-9._=-]{1,200}:|![A-Za-z0-9._=-]{1,200}(?::|$))(?:[A-Za-z0-9.-]{1,200})?"

    def clean(self, address: str) -> str:
        address = address.strip()
        if not re.fullmatch(self.ROOM, address) or (address.endswith(":")):
            raise ValidationError(_("Give the room’s address, like #room:example.org."))
        return address

    def judge(self, seen: egress.Seen) -> None:
        said = _object(seen.body)
        if seen.status == 404 and said.get("errcode") == "M_NOT_FOUND":
            raise AddressGone
        wait = said.get("retry_after_ms")
        if seen.after is None and isinstance(wait, int) and 0 <= wait < 10**9:
            seen.after = timedelta(milliseconds=wait)
        super().judge(seen)


# --- Whatever else is good enough -----------------------------------------------------------------

# Scheme: whether a host follows it, and how the rest is written. docs/decisions/channels.md says why these.
SERVICES: dict[str, tuple[bool, str]] = {
    "discord": (False, r"[0-9]+/[\w-]+"),
    "gchat": (False, r"[\w-]+/[\w-]+/[\w-]+"),
    "gotifys": (True, r"[\w.-]+"),
    "mmosts": (True, r"[\w-]+"),
    "nctalks": (True, r"[\w-]+"),
    "ntfys": (True, r"[\w-]{1,64}"),
    "pover": (False, r"\w+@\w+"),
    "slack": (False, r"[\w-]+/[\w-]+/[\w-]+"),
    "tgram": (False, r"[0-9]+:[\w-]+/-?[0-9]+"),
    "threema": (False, r"\*\w+@\w+/\+?\w+"),
    "zulip": (False, r"[\w-]+@[\w-]+/\w+/[\w-]+"),
}


class Other(Messenger):
    """A whole URL of the library, for people who know what that is."""

    label = _("Another service")
    address_label = _("Address of the service")
    help = _("For example discord://, gotifys://, slack:// or tgram://, written as Apprise has it.")
    for_askers = False
    titled = True

    URL = re.compile(r"(?P<scheme>[a-z]+)://(?P<rest>[!-~]+)")
    WITH_HOST = re.compile(
        r"(?:(?P<login>[^/@]+)@)?(?P<host>\[[0-9a-f:]+\]|[^/@:\[\]]+)(?P<port>:\d{1,5})?/(?P<path>[^@]+)",
        re.IGNORECASE,
    )

    def is_set_up(self) -> bool:
        return bool(settings.OTHER_SERVICES)

    def clean(self, address: str) -> str:
        address = address.strip().rstrip("/")
        if _is_too_long(address):
            raise ValidationError(_("This address is too long."), code="too_long")
        if "?" in address or "#" in address:
            raise ValidationError(_("Leave out the “?” or “#”, and what follows it."))
        url = self.URL.fullmatch(address)
        if not url or url["scheme"] not in SERVICES:
            names = ", ".join(f"{name}://" for name in SERVICES)
            raise ValidationError(_("Begin with one of these: %(names)s.") % {"names": names})
        scheme, rest = url["scheme"], url["rest"]
        has_host, written = SERVICES[scheme]
        if has_host:
            return f"{scheme}://{self._with_host(rest, written)}"
        if not re.fullmatch(written, rest, re.ASCII):
            raise ValidationError(_("This is not how such an address is written. Please check it."))
        return address

    def _with_host(self, rest: str, written: str) -> str:
        parts = self.WITH_HOST.fullmatch(rest)
        if not parts or not re.fullmatch(written, parts["path"], re.ASCII):
            raise ValidationError(_("This is not how such an address is written. Please check it."))
        host, port = _host_and_port(parts["host"], parts["port"])
        login = f"{parts['login']}@" if parts["login"] else ""
        return f"{login}{host}{port}/{parts['path']}"

    def gateway(self, address: str) -> str:
        scheme, _colon, rest = address.partition("://")
        if not SERVICES.get(scheme, (False, ""))[0]:
            return scheme
        return "{}:{}".format(*_host_of(f"https://{rest}"))

    def hint(self, address: str) -> str:
        return address.partition("/")[0]

    def url(self, address: str) -> str:
        return address


# --- Addresses ------------------------------------------------------------------------------------


def _is_too_long(address: str) -> bool:
    return len(address) > LONGEST


def _host_and_port(host: str, port: str | None) -> tuple[str, str]:
    """As they are stored, the usual port left out. Raises ValidationError for what points inside."""
    try:
        host = clean_host(host)
    except NoPlace:
        raise ValidationError(NOT_THERE) from None
    number = int((port or ":443")[1:])
    if not 0 < number < 65536:
        raise ValidationError(NOT_THERE)
    return host, "" if number == 443 else f":{number}"


def _host_of(url: str) -> tuple[str, int]:
    """Host and port as the library asks for them: it takes a scheme that ends in s for the encrypted one."""
    parts = urlsplit(url)
    return (parts.hostname or "").lower(), parts.port or (443 if parts.scheme.endswith("s") else 80)


def _origin(server: str) -> str:
    """`https://host:port` of a server, without the login that may stand in it."""
    parts = urlsplit(server)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}"


def _object(body: bytes) -> dict[str, object]:
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
