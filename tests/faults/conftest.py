"""Rigs for drills; the seed is said where one fails."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import servers
from tests.faults.rig import SEED, Rig, Servers, own_servers, rig

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def grown() -> Iterator[Servers]:
    """PostgreSQL and Redis of this process alone: other tests do not notice that they stop."""
    folder = _folder("servers")
    folder.chmod(0o711)
    with own_servers(folder) as both:
        yield both


@pytest.fixture
def a_rig(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Rig]]:
    """`a_rig("sqlite")` or `a_rig("postgresql")`: an instance of its own, with nobody at work yet."""
    print(f"FAULT_SEED={SEED}")
    with ExitStack() as stack:

        def make(database: str) -> Rig:
            both = request.getfixturevalue("grown") if database == "postgresql" else None
            made = stack.enter_context(rig(_folder("rig"), both))
            stack.callback(lambda: print(made.system.log.read_text()[-3000:]))
            return made

        yield make


def _folder(name: str) -> Path:
    """In the folder of this run, where PostgreSQL may go, whoever it runs as."""
    folder = servers.test_dir() / f"{name}-{next(_numbers)}-{servers.free_port()}"
    folder.mkdir(mode=0o700)
    return folder
