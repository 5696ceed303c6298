"""The disk is full, to the last block: nothing that was accepted is lost, and what ends can be ended."""

import json
import signal
import sqlite3
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests import live
from tests.journeys import filler, loop, post_office
from tests.journeys.clockwork import eventually
from tests.journeys.conftest import Stage, on_stage
from tests.journeys.laid_rows import LaidRows
from tests.journeys.page import NotThere
from tests.journeys.slots import live_keys
from tests.journeys.story import COMPANY, RIDE, STAY, Asker, tomorrow
from tests.live import LiveSystem

pytestmark = [pytest.mark.once, pytest.mark.drill, pytest.mark.timeout(300)]
MEGABYTES = 64
PATIENCE = 60.0  # seconds for what happens within ten, on a machine that has much to do


@dataclass
class Machine:
    """A running system on a small disk of its own."""

    stage: Stage
    rows: LaidRows
    disk: Path

    @property
    def system(self) -> LiveSystem:
        return self.stage.system

    @property
    def ballast(self) -> Path:
        return self.system.data_dir / "ballast"

    def health(self) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(f"{self.system.url}/healthz", timeout=20) as answer:
                return {"status": answer.status, **json.load(answer)}
        except urllib.error.HTTPError as refused:
            return {"status": refused.code, **json.load(refused)}

    def is_well(self) -> bool:
        return bool(self.health()["status"] == 200)

    def says_full(self) -> bool:
        report = self.health()
        return (report["status"], report.get("disk")) == (503, False)

    def keys(self) -> list[bytes]:
        return live_keys(self.system.data_dir / "keyring" / "slots")

    def answers(self) -> list[str]:
        """Every answer with an error, as the log has it."""
        return [line for line in self.system.log.read_text().splitlines() if "answered 5" in line]

    def worker(self) -> psutil.Process:
        found = [process for process in self.system.processes()[2:4] if not process.children()]
        assert len(found) == 1
        return found[0]

    def worker_that_stands_still(self) -> psutil.Process:
        """Not in the middle of writing: nobody else could write then."""
        worker = self.worker()

        def stands_still() -> bool:
            worker.send_signal(signal.SIGSTOP)
            with closing(sqlite3.connect(self.rows.sqlite, timeout=1, isolation_level=None)) as rows:
                try:
                    rows.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError:
                    worker.send_signal(signal.SIGCONT)
                    return False
            return True

        assert eventually(stands_still)
        return worker


@pytest.fixture
def machine() -> Iterator[Machine]:
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
        loop.ext4(Path(name), MEGABYTES) as disk,
        post_office.opened() as post,
        live.instance(
            "sqlite", "memory", disk.folder / "data", LOG_LEVEL="ERROR", **post.environment
        ) as system,
    ):
        system.log = Path(name) / "log"
        # What was copied is as large as the disk it was made for.
        (system.data_dir / "ballast").unlink()
        system.start()
        stage = on_stage(system, post)
        made = Machine(stage, LaidRows(system), disk.folder)
        assert eventually(lambda: made.ballast.exists() and made.is_well())
        yield made


def ask(machine: Machine, kind: str) -> Asker:
    asker = machine.stage.asker()
    asker.asks(kind, note="Seventh bell.", desk_reads="no")
    return asker


def refused(asker: Asker, note: str) -> None:
    """Asking on a full disk: a calm page, with what was typed."""
    asker.browser.visit("/")
    asker.browser.follow(RIDE)
    asker.browser.bears = (503,)
    page = asker.browser.press("Ask", day=tomorrow(), note=note, desk_reads="no")
    asker.browser.bears = ()
    assert page.status == 503, page.text
    page.says("We cannot store it just now. Press Ask once more in a minute.", note)


def test_what_ends_is_ended_what_is_asked_is_refused_and_what_was_promised_is_kept(machine: Machine) -> None:
    stage, rows = machine.stage, machine.rows
    stage.volunteer("Ben")
    erases, lives, expires = (ask(machine, kind) for kind in (RIDE, STAY, COMPANY))
    needs = {"lives": lives.need(), "expires": expires.need()}
    assert eventually(lambda: machine.is_well() and rows.notices("sent"))
    keys = machine.keys()
    # The process that serves finds the disk full before the worker does, and before anything falls due.
    worker = machine.worker_that_stands_still()
    soon = datetime.now(UTC) + timedelta(seconds=15)
    notices = [rows.notice(soon) for _ in range(50)]
    rows.lay("requests_app_need", "expires_at", soon, "id", needs["expires"])
    filler.fill(machine.disk)

    newcomer = stage.asker()
    refused(newcomer, "Under the lamp.")
    page = erases.erases()
    page.says("Everything you wrote here is erased.")
    assert (len(machine.keys()), machine.ballast.exists()) == (len(keys) - 1, False)

    # The worker goes on: what ran out is destroyed, what was promised is sent.
    worker.send_signal(signal.SIGCONT)
    assert eventually(machine.says_full, PATIENCE), machine.health()
    stage.coordinator.desk().says("The disk is full. Nobody can ask. Erasing still works.")
    assert eventually(lambda: rows.status(needs["expires"]) == "expired", PATIENCE)
    assert eventually(lambda: {rows.notice_status(notice) for notice in notices} == {"sent"}, PATIENCE)
    assert len(machine.keys()) == len(keys) - 2
    refused(newcomer, "Under the lamp.")

    # Somebody makes room: all of it ends by itself.
    filler.empty(machine.disk)
    assert eventually(machine.is_well, PATIENCE), machine.health()
    assert eventually(machine.ballast.exists)
    newcomer.browser.press("Ask", day=tomorrow(), note="Under the lamp.", desk_reads="no").says(
        "Write this on paper now."
    )
    lives.looks().says("Seventh bell.")
    assert [line for line in machine.answers() if "answered 500" in line] == []


def test_a_disk_with_no_room_at_all_delays_and_loses_nothing(machine: Machine) -> None:
    stage, rows = machine.stage, machine.rows
    stage.volunteer("Ben")
    asker = ask(machine, RIDE)
    need = asker.need()
    assert eventually(machine.is_well)
    soon = datetime.now(UTC) + timedelta(seconds=6)
    notices = [rows.notice(soon) for _ in range(50)]
    rows.lay("requests_app_need", "expires_at", soon, "id", need)
    filler.fill(machine.disk)
    # The worker let go of the ballast: somebody else takes that, too.
    assert eventually(lambda: not machine.ballast.exists())
    filler.fill(machine.disk, "filler 2")
    refused(stage.asker(), "Under the lamp.")
    assert eventually(machine.says_full, PATIENCE)
    # Nothing is read here meanwhile: without any room even a reader of SQLite may be refused.
    assert eventually(lambda: datetime.now(UTC) > soon + timedelta(seconds=3), PATIENCE)

    filler.empty(machine.disk)

    assert eventually(lambda: {rows.notice_status(notice) for notice in notices} == {"sent"}, PATIENCE)
    assert eventually(lambda: rows.status(need) != "open", PATIENCE)
    assert eventually(machine.is_well, PATIENCE), machine.health()
    with sqlite3.connect(machine.system.data_dir / "db.sqlite3") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert [line for line in machine.answers() if "answered 500" in line] == []
    with pytest.raises(NotThere):
        asker.looks().says("Seventh bell.")
