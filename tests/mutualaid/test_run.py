"""The runner keeps its children alive, and takes them along when it ends, however it ends."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from mutualaid.run import LONGEST_PAUSE, QUICK, Child

pytestmark = pytest.mark.once
ROOT = Path(__file__).resolve().parents[2]

# Two children as awkward as the real ones: the first has a child of its own, which it forks as granian does.
CHILD_WITH_CHILD = """
import multiprocessing, os, sys, time
from pathlib import Path
from mutualaid.parent_death import die_with_parent
def inner():
    die_with_parent()
    Path(sys.argv[1], "inner").write_text(str(os.getpid()))
    time.sleep(600)
multiprocessing.Process(target=inner).start()
Path(sys.argv[1], "web").write_text(str(os.getpid()))
time.sleep(600)
"""
SIMPLE_CHILD = """
import os, signal, sys, time
from pathlib import Path
def stop(*_):
    web = Path("/proc", Path(sys.argv[1], "web").read_text())
    Path(sys.argv[1], "worker-was-asked").write_text(f"web runs: {web.exists()}")
    sys.exit()
signal.signal(signal.SIGTERM, stop)
Path(sys.argv[1], "worker").write_text(str(os.getpid()))
time.sleep(600)
"""
RUNNER = """
import os, sys
from mutualaid.run import Child, Runner
folder, *programs = sys.argv[1:]
def become(program):
    return lambda: os.execv(sys.executable, [sys.executable, "-c", program, folder])
Runner([Child(name, become(program), 2) for name, program in zip(["web", "worker"], programs)]).run()
print("modules", "django" in sys.modules)
"""


def eventually(true: Callable[[], object], seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.02)
    return False


def alive(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


class Tree:
    """A runner with two children that write their process numbers into a folder. `took`: seconds until they
    did, on a machine that may have other things to do."""

    def __init__(self, folder: Path) -> None:
        self.folder, began = folder, time.monotonic()
        words = [textwrap.dedent(RUNNER), str(folder), CHILD_WITH_CHILD, SIMPLE_CHILD]
        self.runner = subprocess.Popen(
            [sys.executable, "-c", *words],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert eventually(lambda: all(self.pids()))
        self.took = time.monotonic() - began

    def pid(self, name: str) -> int:
        path = self.folder / name
        return int(path.read_text() or 0) if path.exists() else 0

    def pids(self) -> list[int]:
        return [self.pid(name) for name in ("web", "inner", "worker")]

    def nothing_runs(self) -> bool:
        return not any(alive(pid) for pid in self.pids())


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    tree = Tree(tmp_path)
    yield tree
    tree.runner.kill()
    tree.runner.communicate()


@pytest.mark.parametrize("polite", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_ctrl_c_ends_everything_cleanly(tree: Tree, polite: signal.Signals) -> None:
    tree.runner.send_signal(polite)
    said, _ = tree.runner.communicate(timeout=30)

    assert (tree.runner.returncode, said) == (0, "modules False\n")
    # Whoever was killed shuts what it had open a moment before it is gone.
    assert eventually(tree.nothing_runs)


def test_the_web_ends_before_the_worker_is_asked_to(tree: Tree) -> None:
    psutil.Process(tree.pid("web")).suspend()  # it cannot hear; the runner waits for it, then kills it
    tree.runner.send_signal(signal.SIGINT)
    tree.runner.communicate(timeout=30)

    assert (tree.folder / "worker-was-asked").read_text() == "web runs: False"


def test_kill_9_of_the_runner_leaves_nothing_running(tree: Tree) -> None:
    tree.runner.kill()

    assert eventually(tree.nothing_runs)


def test_kill_9_of_runner_and_web_together_leaves_nothing_running(tree: Tree) -> None:
    for pid in (tree.runner.pid, tree.pid("web")):
        os.kill(pid, signal.SIGKILL)

    assert eventually(tree.nothing_runs)


@pytest.mark.parametrize("victim", ["web", "worker"])
def test_a_dead_child_runs_again_within_a_second(tree: Tree, victim: str) -> None:
    old = tree.pid(victim)
    os.kill(old, signal.SIGKILL)

    # Within a second it is begun; to be there takes what it takes here.
    within = 1 + tree.took
    assert eventually(lambda: tree.pid(victim) not in (0, old) and alive(tree.pid(victim)), within)


def test_what_a_dead_child_left_behind_is_gone_before_the_next_one_starts(tree: Tree) -> None:
    orphan = tree.pid("inner")
    os.kill(tree.pid("web"), signal.SIGKILL)

    assert eventually(lambda: tree.pid("inner") != orphan)
    assert not alive(orphan)


def test_a_child_that_dies_at_once_again_and_again_is_given_time() -> None:
    child = Child("web", work=list)
    pauses = [child.pause(lived=0.1) for _ in range(9)]

    assert pauses[:6] == [0.2, 0.2, 1.0, 2.0, 4.0, 5.0]
    assert pauses[-1] == LONGEST_PAUSE
    assert child.pause(lived=QUICK) == 0.2


def test_a_busy_port_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        environment = {**os.environ, "HOST": "127.0.0.1", "PORT": port}
        done = subprocess.run(
            [sys.executable, "-m", "mutualaid.run"], cwd=ROOT, env=environment, capture_output=True, text=True
        )

    sentence = f"Cannot listen on 127.0.0.1:{port} (Address already in use). Set HOST or PORT to another.\n"
    assert (done.returncode, done.stderr) == (1, sentence)
