"""What every test stands on: no way out of this machine, and servers that are real."""

import contextlib
import ipaddress
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.utils import translation
from nacl.pwhash import argon2id

from mutualaid import assets
from privacy import instance, secret_store
from privacy.keyring import FileKeyring
from tests import live, servers
from tests.clocks import Clocks, can_be_set
from tests.journeys import faketime, loop
from tests.live import LiveSystem

_connect = socket.socket.connect

# What not every machine can do: which tests do it, how it is called, and what is missing for it here.
NEEDING: list[tuple[str, str, Callable[[], list[str]]]] = [
    ("journeys/test_blocks", "Reading the raw blocks of a disk.", loop.missing),
    ("journeys/test_power_cut", "Cutting the power of a disk.", loop.missing),
    ("journeys/test_disk_full", "Filling a disk to its last block.", loop.missing),
    ("faults/test_faults.py::test_a_full_disk", "Filling a disk under a rig.", loop.missing),
    ("journeys/test_clock_set", "Setting the clock of a running system.", faketime.missing),
]


def _connect_here_only(self: socket.socket, address: object) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6) and isinstance(address, tuple):
        host = "127.0.0.1" if address[0] == "localhost" else address[0]
        if not ipaddress.ip_address(host).is_loopback:
            raise RuntimeError("A test tried to leave this machine.")
    _connect(self, address)


def pytest_configure() -> None:
    # No test fails because the machine was busy: how long one example takes is a figure of `make bench`.
    hypothesis.settings.register_profile("no-deadline", deadline=None)
    hypothesis.settings.load_profile("no-deadline")
    socket.socket.connect = _connect_here_only  # type: ignore[method-assign]


def pytest_unconfigure() -> None:
    socket.socket.connect = _connect  # type: ignore[method-assign]
    if os.environ.get("TEST_CONTROLLER_PID") == str(os.getpid()):
        shutil.rmtree(os.environ["TEST_DIR"], ignore_errors=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for which, _what, missing in NEEDING:
        if any(which in item.nodeid for item in items) and missing():
            # Said at the end, in a section of its own.
            items[:] = [item for item in items if which not in item.nodeid]
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "live_system" in fixtures or item.get_closest_marker("browser"):
            # One process keeps the module: it shares the running system, and browsers are heavy.
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
            item.add_marker(pytest.mark.once)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if "drill" not in config.option.markexpr.split("not ")[0]:
        return
    lines = [f"{what} It needs {', '.join(missing())}." for _which, what, missing in NEEDING if missing()]
    if lines:
        terminalreporter.section("left out")
    for line in lines:
        terminalreporter.write_line(line)


@pytest.fixture(scope="session", autouse=True)
def _instance_of_the_tests() -> None:
    """Secrets and a keyring, as set-up makes them; each process has its own."""
    os.environ.pop(secret_store.VARIABLE, None)
    if not secret_store.path().exists():
        secret_store.write(secret_store.StoredSecrets(os.urandom(16), {1: os.urandom(32)}))
    FileKeyring().create()


@pytest.fixture(scope="session", autouse=True)
def _static_files() -> None:
    """Hashed and compressed, as pages name them."""
    assets.collect(Path(settings.STATIC_ROOT))


@pytest.fixture(autouse=True)
def _mask_of_new_files() -> Iterator[None]:
    """Commands that write what is nobody else's set it, and here they share a process with other tests."""
    mask = os.umask(0o022)
    yield
    os.umask(mask)


@pytest.fixture(autouse=True)
def _language_of_the_instance() -> Iterator[None]:
    """Whatever language the test before this one switched to."""
    with translation.override(None):
        yield


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clocks]:
    """This machine's clock and the database's, to be set."""
    with can_be_set(monkeypatch) as moved:
        yield moved


@pytest.fixture
def derivations(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each Argon2id."""
    count: list[int] = []
    real = argon2id.kdf

    def kdf(*args: Any, **kwargs: Any) -> bytes:
        count.append(1)
        return bytes(real(*args, **kwargs))

    monkeypatch.setattr("privacy.derivation.argon2id.kdf", kdf)
    return count


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """The database of the tests belongs to an instance with secrets and a keyring of its own."""
    with django_db_blocker.unblock():
        instance.ensure(create=True)


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """A database of the real PostgreSQL, empty at first, of this process."""
    name = f"spare_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    servers.drop_database(name)
    servers.create_database(name)
    return servers.postgres_url(name)


@pytest.fixture(scope="session")
def redis_url() -> str:
    """A database of the real Redis in which no running system counts."""
    return servers.own_redis_url(2)


@pytest.fixture(scope="module")
def live_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., LiveSystem]]:
    """`live_system(database, broker)`: the whole system running, the same one within a module.

    database "sqlite" or "postgresql", broker "memory" or "redis"; further names are environment variables.
    """
    with contextlib.ExitStack() as stack:
        running: dict[tuple[str, ...], LiveSystem] = {}

        def start(database: str = "sqlite", broker: str = "memory", **extra: str) -> LiveSystem:
            key = (database, broker, *(f"{name}={value}" for name, value in sorted(extra.items())))
            if key not in running:
                folder = _folder(tmp_path_factory)
                running[key] = stack.enter_context(live.instance(database, broker, folder, **extra))
                running[key].start()
            return running[key]

        yield start


def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("live", numbered=True)
