"""The running system says within fifteen seconds that a promise is not kept, and that it is kept again."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from mutualaid import parent_death
from tests import live, servers
from tests.journeys import post_office
from tests.journeys.clockwork import eventually
from tests.journeys.conftest import STAGES, Stage, on_stage
from tests.journeys.laid_rows import LaidRows
from tests.journeys.page import NotThere
from tests.journeys.story import RIDE
from tests.live import LiveSystem
from tests.notify import mailbox

pytestmark = [pytest.mark.once, pytest.mark.drill, pytest.mark.timeout(300)]
WITHIN = 15.0  # seconds
STOPPED = "The background work has stopped. No message leaves."
WAIT = "Messages wait. By: E-mail."


def health(system: LiveSystem) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(f"{system.url}/healthz", timeout=10) as answer:
            return {"status": answer.status, **json.load(answer)}
    except urllib.error.HTTPError as refused:
        return {"status": refused.code, **json.load(refused)}


def limit(stage: Stage) -> float:
    """So many seconds, and what this machine needs for a few pages while it has other things to do."""
    began = time.monotonic()
    stage.coordinator.desk()
    health(stage.system)
    return WITHIN + 4 * (time.monotonic() - began)


def is_well(system: LiveSystem) -> bool:
    return bool(health(system)["status"] == 200)


def worker(system: LiveSystem) -> psutil.Process:
    found = [process for process in system.processes()[2:4] if not process.children()]
    assert len(found) == 1
    return found[0]


def says(stage: Stage, words: str) -> bool:
    """Whether the desk says so to whoever loads it, with no script."""
    try:
        stage.coordinator.desk().says(words)
    except NotThere:
        return False
    return True


@contextmanager
def begun(database: str, broker: str, folder: Path, **more: str) -> Iterator[Stage]:
    with (
        post_office.opened() as post,
        live.instance(database, broker, folder, **{**post.environment, **more}) as system,
    ):
        system.start()
        stage = on_stage(system, post)
        assert eventually(lambda: is_well(system))
        yield stage


@pytest.fixture(params=STAGES, ids=lambda pair: "-".join(pair))
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with begun(*request.param, tmp_path_factory.mktemp("trouble")) as stage:
        yield stage


def test_a_worker_that_stands_still_is_said_and_so_is_that_it_goes_on(stage: Stage) -> None:
    stopped, within = worker(stage.system), limit(stage)
    stopped.send_signal(signal.SIGSTOP)
    since = time.monotonic()

    assert eventually(lambda: not is_well(stage.system), within)
    assert eventually(lambda: says(stage, STOPPED), within - (time.monotonic() - since))
    stage.coordinator.desk().says("Since about", "Call people instead.")

    stopped.send_signal(signal.SIGCONT)
    assert eventually(lambda: is_well(stage.system) and not says(stage, STOPPED), within)


def test_of_two_workers_one_is_enough_and_none_is_said(stage: Stage) -> None:
    parent = os.getpid()
    first, rows = worker(stage.system), LaidRows(stage.system)
    stage.volunteer("Ben")
    stage.asker().asks(RIDE)
    assert eventually(lambda: stage.post.letters(stage.address("Ben")))
    with stage.system.log.open("ab") as log:
        second = subprocess.Popen(
            [sys.executable, "-m", "mutualaid.worker"],
            cwd=live.ROOT,
            env=stage.system.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=lambda: parent_death.die_with(parent),
        )
    try:
        first.send_signal(signal.SIGSTOP)
        # Only the other one can have sent this.
        assert eventually(lambda: is_well(stage.system))
        notice = rows.notice(datetime.now(UTC) + timedelta(seconds=12))
        assert eventually(lambda: rows.notice_status(notice) == "sent", 60)
        assert eventually(lambda: is_well(stage.system))
        within = limit(stage)
        second.send_signal(signal.SIGSTOP)
        assert eventually(lambda: not is_well(stage.system), within)
    finally:
        second.kill()
        second.wait()
        first.send_signal(signal.SIGCONT)
    assert eventually(lambda: is_well(stage.system), within)


def test_messages_whose_server_is_away_are_said_with_what_carries_them(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    port = servers.free_port()
    server = {"EMAIL_PORT": str(port)}
    with begun("sqlite", "memory", tmp_path_factory.mktemp("away"), **server) as stage:
        ben = stage.volunteer("Ben")
        stage.asker().asks(RIDE)
        within = limit(stage)

        assert eventually(lambda: not is_well(stage.system), within)
        assert eventually(lambda: says(stage, WAIT), within)
        late = health(stage.system)["duties"]["deliver"]
        stage.coordinator.desk().says(WAIT, "Since about", "look at what carries messages")
        with mailbox.listening(port=port) as back:
            assert eventually(lambda: is_well(stage.system) and not says(stage, WAIT), within)
            told = [mail for mail in back.mails if f"To: {stage.address('Ben')}" in mail]

    assert (late["healthy"], len(told) >= 1, ben.handle) == (False, True, "Ben")
