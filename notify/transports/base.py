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


class AddressGone(Exception):
    """Nobody is reached there, now or later."""


class NotNow(Exception):
    """This address could not be reached this time."""


class TransportDown(Exception):
    """Nothing can be sent this way now, to nobody."""


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

    @abstractmethod
    def is_set_up(self) -> bool:
        """Whether this instance can send this way at all."""

    @abstractmethod
    def clean(self, address: str) -> str:
        """The address as it is stored. Raises ValidationError in plain words."""

    @abstractmethod
    def open(self) -> AbstractContextManager[Post]:
        """A way to post several messages, closed afterwards. Raises TransportDown."""
