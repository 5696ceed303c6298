"""Slow faults: what is killed again and again, and what is left when nobody could say goodbye."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.live import LiveSystem
from tests.mutualaid.test_system import eventually, is_healthy

pytestmark = [pytest.mark.drill, pytest.mark.once]
ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 12

SERVERS = """
import os, signal
from tests import settings, servers
servers.postgres_url("postgres"), servers.redis_url()
print(os.environ["TEST_DIR"], flush=True)
signal.pause()
"""


@pytest.mark.parametrize("pair", [("sqlite", "memory"), ("postgresql", "redis")], ids="-".join)
def test_whatever_is_killed_at_whatever_moment_the_system_is_healthy_again(
    live_system: Callable[..., LiveSystem], pair: tuple[str, str]
) -> None:
    system = live_system(*pair)
    assert eventually(lambda: is_healthy(system))
    chance = random.Random(7)
    for _round in range(ROUNDS):
        time.sleep(chance.random() * 2)
        below = system.processes()[1:]
        for victim in chance.sample(below, k=min(len(below), chance.randint(1, 3))):
            if victim.is_running():
                victim.kill()

    # After so many quick deaths the runner gives each some time.
    assert eventually(lambda: is_healthy(system) and len(system.processes()) == 5, seconds=90)


def test_servers_of_the_tests_end_with_tests_that_were_killed(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "TMPDIR": tempfile.gettempdir()}
    tests = subprocess.Popen(
        [sys.executable, "-c", SERVERS], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert tests.stdout is not None
    folder = tests.stdout.readline().strip()
    tests.stdout.close()

    def running() -> list[psutil.Process]:
        return [one for one in psutil.process_iter() if _mentions(one, folder)]

    before = len(running())
    os.kill(tests.pid, signal.SIGKILL)
    tests.wait()

    assert before >= 3
    assert eventually(lambda: not running())


def _mentions(process: psutil.Process, text: str) -> bool:
    try:
        return any(text in word for word in process.cmdline()) or text in process.cwd()
    except psutil.Error:
        return False
