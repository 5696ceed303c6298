"""The whole tree as `make run` starts it: each process of it that dies is started again within two seconds,
and nothing of it stays when its supervisor is killed.

When a process began is read from the kernel, not from when a test came to look.
"""

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from mutualaid.run import QUICK_DEATHS
from tests import live
from tests.faults.rig import wait_until
from tests.live import LiveSystem
from tests.mutualaid.test_system import is_healthy

pytestmark = [pytest.mark.drill, pytest.mark.once, pytest.mark.timeout(300)]

SOON = 2.0  # seconds until what died was started again
TICKS = os.sysconf("SC_CLK_TCK")
ROLES = ("nursery", "web", "worker", "server")
# The server is replaced every half minute anyway.
STAY = ROLES[:3]


class Tree:
    """A running system, its processes by what they do."""

    def __init__(self, system: LiveSystem) -> None:
        self.system = system
        assert system.runner
        self.runner = system.runner

    def roles(self) -> dict[str, psutil.Process]:
        """Those that are there: nursery below runner; below it the worker, and the web with a server."""
        found: dict[str, psutil.Process] = {}
        for nursery in psutil.Process(self.runner.pid).children():
            found["nursery"] = nursery
            for child in nursery.children():
                servers = child.children()
                found["web" if servers else "worker"] = child
                if servers:
                    # Granian replaces it from time to time: the newest.
                    found["server"] = max(servers, key=lambda one: one.create_time())
        return found

    def wait_until_whole(self) -> dict[str, psutil.Process]:
        assert wait_until(lambda: is_healthy(self.system) and set(self.roles()) == set(ROLES), 60)
        return self.roles()

    def killed(self, role: str, process: psutil.Process) -> float:
        """Seconds from its death until the one in its place began."""
        died, found = time.clock_gettime(time.CLOCK_BOOTTIME), [0]
        process.kill()

        def is_replaced() -> int:
            found[0] = self._successor(role, process)
            return found[0]

        assert wait_until(is_replaced, 60)
        return began(found[0]) - died

    def _successor(self, role: str, process: psutil.Process) -> int:
        found = self.roles().get(role)
        if role == "web" and found is None:
            return 0
        return found.pid if found and found.pid != process.pid else 0


def began(pid: int) -> float:
    """In seconds since the machine began, by the kernel: by up to one of its ticks too early."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]) / TICKS


@pytest.fixture(scope="module")
def lasting_tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tree]:
    """One for those that leave it whole."""
    with live.instance("sqlite", "memory", tmp_path_factory.mktemp("tree") / "instance") as system:
        system.start()
        yield Tree(system)


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    with live.instance("sqlite", "memory", tmp_path / "instance") as system:
        system.start()
        yield Tree(system)


@pytest.mark.xdist_group("one tree")
@pytest.mark.parametrize("role", ROLES)
def test_whoever_is_killed_is_started_again_within_two_seconds(lasting_tree: Tree, role: str) -> None:
    tree = lasting_tree
    before = tree.wait_until_whole()
    took = tree.killed(role, before[role])
    after = tree.wait_until_whole()
    below = {"nursery": ROLES, "web": ("web", "server")}.get(role, (role,))

    assert took <= SOON
    # What the dead one had below it is gone with it, and there anew; nothing else was touched.
    same = [name for name in STAY if after[name].pid == before[name].pid]
    assert same == [name for name in STAY if name not in below]
    assert not any(before[name].is_running() for name in below)


def test_a_worker_that_dies_at_once_again_and_again_is_given_time_only_from_the_third_on(tree: Tree) -> None:
    worker = tree.wait_until_whole()["worker"]
    pauses = []
    for _death in range(QUICK_DEATHS + 1):
        pauses.append(tree.killed("worker", worker))
        worker = tree.roles()["worker"]
    quick, slow = pauses[: QUICK_DEATHS - 1], pauses[QUICK_DEATHS - 1 :]

    assert max(quick) <= SOON
    assert [took >= least - 1 / TICKS for took, least in zip(slow, (1.0, 2.0), strict=True)] == [True, True]
    assert max(quick) < min(slow)
    tree.wait_until_whole()


@pytest.mark.parametrize(
    "also", [(), ("nursery",), ("web", "worker")], ids=lambda also: " and ".join(also) or "alone"
)
def test_kill_9_of_the_supervisor_leaves_nothing_running(tree: Tree, also: tuple[str, ...]) -> None:
    before = tree.wait_until_whole()
    processes = [tree.runner.pid, *(before[role].pid for role in also)]
    # One that stands still cannot hear anything, and goes all the same.
    before["server"].suspend()
    for pid in processes:
        os.kill(pid, signal.SIGKILL)
    tree.runner.wait()
    tree.system.runner = None
    _gone, alive = psutil.wait_procs(list(before.values()), timeout=10)

    assert alive == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(tree.system.environment["PORT"])), timeout=5)
