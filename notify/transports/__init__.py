"""The ways a notice can travel. A new one is one file here and one line in the table below.

Columns hold the plain slug, so that a new transport needs no migration.
"""

from notify.transports.base import (
    POST_LASTS,
    AddressGone,
    Message,
    NotNow,
    NotThisTime,
    Post,
    Transport,
    TransportDown,
)
from notify.transports.email import Email
from notify.transports.messengers import Matrix, Ntfy, Other, Signal, Sms
from notify.transports.push import Push

__all__ = [
    "POST_LASTS",
    "PUSH",
    "AddressGone",
    "Message",
    "NotNow",
    "NotThisTime",
    "Post",
    "Transport",
    "TransportDown",
    "get",
    "is_ours",
    "known",
    "offered",
    "register",
    "typed",
]

PUSH = "push"

_transports: dict[str, Transport] = {}


def register(slug: str, transport: Transport) -> None:
    """Make a transport known. A slug is never given to another one later: rows name it."""
    _transports[slug] = transport


def get(slug: str) -> Transport:
    """The transport of that name. Raises KeyError for an unknown one."""
    return _transports[slug]


def known() -> list[str]:
    return list(_transports)


def offered() -> dict[str, Transport]:
    """The transports this instance is set up for, in the order in which they are shown."""
    return {slug: transport for slug, transport in _transports.items() if transport.is_set_up()}


def is_ours(slug: str, gateway: str) -> bool:
    """Whether the operator chose the machine that carries it, and not whoever typed an address."""
    return not gateway or (slug in _transports and not _transports[slug].by_hand)


def typed() -> dict[str, Transport]:
    """Those of them whose address a person can type: all there are for somebody without a script."""
    return {slug: transport for slug, transport in offered().items() if transport.by_hand}


register("email", Email())
register("ntfy", Ntfy())
register("signal", Signal())
register("sms", Sms())
register("matrix", Matrix())
register("other", Other())
register(PUSH, Push())
