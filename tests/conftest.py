"""What every test stands on: no way out of this machine, and an instance that is set up."""

import ipaddress
import os
import shutil
import socket
from collections.abc import Iterator

import pytest
from django.utils import translation

_connect = socket.socket.connect


def _connect_here_only(self: socket.socket, address: object) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6) and isinstance(address, tuple):
        host = "127.0.0.1" if address[0] == "localhost" else address[0]
        if not ipaddress.ip_address(host).is_loopback:
            raise RuntimeError("A test tried to leave this machine.")
    _connect(self, address)


def pytest_configure() -> None:
    socket.socket.connect = _connect_here_only  # type: ignore[method-assign]


def pytest_unconfigure() -> None:
    socket.socket.connect = _connect  # type: ignore[method-assign]
    if os.environ.get("TEST_CONTROLLER_PID") == str(os.getpid()):
        shutil.rmtree(os.environ["TEST_DIR"], ignore_errors=True)


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """Each test begins in the language of the instance, whatever the one before it switched to."""
    with translation.override(None):
        yield
