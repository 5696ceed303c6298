"""The real addresses, without the gate. Used by bench/ungated_settings.py only, and loaded before the server
forks: no setting of the product leaves the gate open."""

from collections.abc import Iterator
from contextlib import contextmanager

from mutualaid.urls import urlpatterns
from privacy import gate

__all__ = ["urlpatterns"]


@contextmanager
def _open(wait_seconds: float = 0) -> Iterator[None]:
    yield


def _go_on(seconds: float) -> None:
    return


gate.entered = _open
gate.pause = _go_on
