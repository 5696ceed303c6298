"""What every transport is: it cleans an address, and posts constant messages to addresses."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

# One post may take this long, so that it ends before its lease does.
POST_LASTS = timedelta(seconds=5)
# Whoever asks us to wait longer is asked again nevertheless: somebody waits for this news.
LONGEST_WISH = timedelta(seconds=60)


class AddressGone(Exception):
    """Nobody is reached there, now or later."""


class NotThisTime(Exception):
    """Tried in vain. `after`: how long the other side asked us to wait, if it did."""

    def __init__(self, after: timedelta | None = None) -> None:
        super().__init__()
        self.after = None if after is None else min(max(after, timedelta(0)), LONGEST_WISH)


class NotNow(NotThisTime):
    """This address could not be reached this time."""


class TransportDown(NotThisTime):
    """Nothing can be sent through this gateway now, to nobody."""


@dataclass(frozen=True)
class Message:
    """What leaves the system. `key` is the same each time the same notice is sent, and says nothing else."""

    sender: str
    subject: str
    body: str
    key: str
    at: datetime


class Post(Protocol):
    """Hand one message over. Raises AddressGone, NotNow, TransportDown, each without any text."""

    def __call__(self, address: str, message: Message) -> None: ...


class Transport(ABC):
    """One way to reach somebody. Stateless: whether it works at the moment, deliver.py knows."""

    label: "str | _StrPromise"
    address_label: "str | _StrPromise"
    # One sentence: what to write as the address, and what it means to be told this way.
    help: "str | _StrPromise" = ""
    # Whether people who ask are offered it too.
    for_askers: bool = True
    # Whether a person can type an address. Where not, only a script of ours finds it out.
    by_hand = True

    @abstractmethod
    def is_set_up(self) -> bool:
        """Whether this instance can send this way at all."""

    @abstractmethod
    def clean(self, address: str) -> str:
        """The address as it is stored. Raises ValidationError in plain words."""

    def clean_for_askers(self, address: str) -> str:
        """The same where nobody knows who types it: it must not choose where this machine connects to."""
        return self.clean(address)

    @property
    def askers_help(self) -> "str | _StrPromise":
        return self.help

    def gateway(self, address: str) -> str:
        """The machine that carries messages to this address; "" where one carries them all.

        What goes wrong with one gateway holds up nobody whose messages go through another.
        """
        return ""

    def hint(self, address: str) -> str:
        """By what its owner recognises an address; whoever looks over their shoulder does not learn it."""
        return f"{address[:2]}…"

    def mark(self, address: str) -> str:
        """By which a browser knows itself among the channels of its owner; "" where it is no browser."""
        return ""

    @abstractmethod
    def open(self) -> AbstractContextManager[Post]:
        """A way to post several messages, closed afterwards. Raises TransportDown."""
