"""What a rig says is worth nothing unless it would see a notice that is lost; and nothing of it may stay."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.faults import outcome
from tests.faults.gateway import Entry
from tests.faults.rig import wait_until

ROOT = Path(__file__).resolve().parents[2]
BEGAN, ENDED = 100.0, 120.0
LAID = {"a": ("ana", 90.0), "b": ("ben", 110.0), "c": ("cleo", 130.0)}

RIG = """
import os, signal
from pathlib import Path
from tests import settings
from tests.faults.rig import own_servers, rig
folder = Path(os.environ["TEST_DIR"]) / "rig"
folder.mkdir(mode=0o711)
(folder / "instance").mkdir()
with own_servers(folder) as own, rig(folder / "instance", own) as it:
    it.workers(2)
    it.tree()
    print("running", flush=True)
    signal.pause()
"""


def taken(at: float, address: str, key: str) -> Entry:
    return Entry(at, address, key, True, 0)


def found(*entries: Entry) -> dict[str, float]:
    figures = outcome.of(LAID, entries, BEGAN, ENDED).figures()
    return {name: value for name, value in figures.items() if value and name not in ("laid", "lasted")}


ONCE = (taken(90.5, "ana", "a"), taken(121.0, "ben", "b"), taken(130.5, "cleo", "c"))


@pytest.mark.once
def test_when_each_arrives_once_and_in_time_nothing_is_said_but_how_late_the_last_was() -> None:
    assert found(*ONCE) == {"latest": 1.0}


@pytest.mark.once
def test_what_never_arrives_is_lost_also_where_it_was_tried() -> None:
    assert found(*ONCE[:2], Entry(131.0, "cleo", "", False, 0)) == {"latest": 1.0, "lost": 1}


@pytest.mark.once
def test_the_same_key_again_is_a_duplicate_and_counts_by_itself_after_the_end() -> None:
    assert found(*ONCE, taken(119.0, "ana", "a")) == {"latest": 1.0, "duplicates": 1, "during": 1}
    assert found(*ONCE, taken(122.0, "ben", "b")) == {"latest": 1.0, "duplicates": 1, "again": 1}


@pytest.mark.once
def test_another_key_or_anothers_address_is_a_stranger() -> None:
    assert found(*ONCE, taken(131.0, "ana", "d")) == {"latest": 1.0, "strangers": 1}
    assert found(*ONCE, taken(131.0, "ben", "a")) == {"latest": 1.0, "strangers": 1}


@pytest.mark.once
def test_before_its_time_is_early() -> None:
    assert found(*ONCE[:2], taken(129.9, "cleo", "c")) == {"latest": 1.0, "early": 1}


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where PostgreSQL may go, whoever it runs as."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.mark.once
@pytest.mark.drill
def test_nothing_of_a_rig_stays_when_its_tests_are_killed(folder: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "TEST_DIR": str(folder)}
    tests = subprocess.Popen(
        [sys.executable, "-c", RIG], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert tests.stdout is not None
    assert "running\n" in iter(tests.stdout.readline, "")
    tests.stdout.close()
    below = psutil.Process(tests.pid).children(recursive=True)
    names = sorted({process.name() for process in below})
    os.kill(tests.pid, signal.SIGKILL)
    tests.wait()
    wait_until(lambda: not any(process.is_running() for process in below), 15)

    assert [name for name in names if name in ("postgres", "redis-server")] == ["postgres", "redis-server"]
    # Two servers with what belongs to them, a nest of two, the tree of five.
    assert len(below) >= 2 + 3 + 5
    assert [process for process in below if process.is_running()] == []
