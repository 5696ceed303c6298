"""The whole running system keeps its promises whatever is killed beneath it."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable

import psutil
import psycopg
import pytest

from tests.live import LiveSystem

MEGABYTE = 1_000_000


def eventually(true: Callable[[], object], seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.05)
    return False


def health(system: LiveSystem) -> tuple[int, dict[str, object]]:
    try:
        with urllib.request.urlopen(f"{system.url}/healthz", timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def is_healthy(system: LiveSystem) -> bool:
    try:
        return health(system)[0] == 200
    except OSError:
        return False


@pytest.fixture(params=[("sqlite", "memory"), ("postgresql", "redis")], ids=lambda pair: "-".join(pair))
def system(request: pytest.FixtureRequest, live_system: Callable[..., LiveSystem]) -> LiveSystem:
    return live_system(*request.param)


def test_it_says_that_it_is_healthy_once_the_worker_has_looked(system: LiveSystem) -> None:
    assert eventually(lambda: is_healthy(system))


def test_the_whole_tree_needs_at_most_150_megabytes(live_system: Callable[..., LiveSystem]) -> None:
    system = live_system("sqlite", "memory")
    assert eventually(lambda: is_healthy(system))
    for path in ("/", "/healthz", "/accounts/login/"):
        with urllib.request.urlopen(f"{system.url}{path}", timeout=5) as answer:
            assert answer.status == 200

    assert system.memory() <= 150 * MEGABYTE


@pytest.mark.parametrize("number", [1, 2, 3, 4], ids=["nursery", "web or worker", "worker or web", "server"])
def test_whoever_is_killed_is_back_within_seconds(
    live_system: Callable[..., LiveSystem], number: int
) -> None:
    system = live_system("sqlite", "memory")
    assert eventually(lambda: is_healthy(system) and len(system.processes()) == 5)
    victim = system.processes()[number]
    victim.kill()

    assert eventually(lambda: not victim.is_running() and len(system.processes()) == 5)
    assert eventually(lambda: is_healthy(system))


def test_a_broker_that_is_away_delays_nothing(live_system: Callable[..., LiveSystem]) -> None:
    nobody = "redis://127.0.0.1:1/0"
    system = live_system("sqlite", "memory", CELERY_BROKER_URL=nobody)

    assert eventually(lambda: is_healthy(system))


def test_the_worker_looks_again_after_the_database_was_restarted(
    live_system: Callable[..., LiveSystem],
) -> None:
    system = live_system("postgresql", "redis")
    assert eventually(lambda: is_healthy(system))
    with psycopg.connect(system.environment["DATABASE_URL"]) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        connection.execute("DELETE FROM privacy_heartbeat")

    assert eventually(lambda: is_healthy(system))


@pytest.fixture
def started(live_system: Callable[..., LiveSystem]) -> LiveSystem:
    """A system of its own for those who end it."""
    system = live_system("sqlite", "memory", LOG_LEVEL="ERROR")
    if system.runner is None:
        system.start()
    return system


def test_one_ctrl_c_leaves_nothing_behind_and_says_so(started: LiveSystem) -> None:
    processes, runner, began = started.processes(), started.runner, time.monotonic()
    started.stop()

    assert runner is not None
    assert runner.returncode == 0
    # Nobody had to be killed, which comes after ten seconds.
    assert time.monotonic() - began < max(10, 3 * started.took)
    assert not any(process.is_running() for process in processes)
    assert started.log.read_text().splitlines()[-1] == "Stopped."


def test_kill_9_of_the_runner_leaves_nothing_behind(started: LiveSystem) -> None:
    # While one process that serves replaces another there are six.
    assert eventually(lambda: len(started.processes()) == 5)
    processes, runner = started.processes(), started.runner
    assert runner is not None
    runner.kill()
    runner.wait()
    started.runner = None
    gone, alive = psutil.wait_procs(processes, timeout=10)

    assert (len(gone), alive) == (len(processes), [])
