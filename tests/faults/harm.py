"""The faults: each harms a rig in one way while 900 notices fall due, and says what became of them."""

import contextlib
import os
import signal
import threading
import time

import psutil

from tests.faults.gateway import EVERYBODY, HANGS, OK
from tests.faults.outcome import Outcome
from tests.faults.rig import MAIL, Rig, address
from tests.journeys import filler

KILLS = 150
KILLING = 40.0  # seconds in which the notices fall due that are due while workers are killed
WORKERS = 3
# Recipients of `one_hangs`, by number; each has an address at one of the two doors.
HANGING, SLOW = (0, 1), (2, 3)


class Killer:
    """Kills workers (kill -9): whoever just came to the gateway, whoever was just heard, or anybody."""

    def __init__(self, rig: Rig, kills: int) -> None:
        self.rig = rig
        self.left = kills
        self.lock = threading.Lock()
        # A third each: before the gateway has it, after, and at whatever moment.
        self.at_the_gateway = 2 * kills // 3
        self.next_after = 0.0

    def come(self, port: int) -> None:
        self._at_the_gateway(port, odd=True)

    def taken(self, port: int) -> None:
        self._at_the_gateway(port, odd=False)

    def _at_the_gateway(self, port: int, odd: bool) -> None:
        with self.lock:
            wanted = self.at_the_gateway > 0 and time.monotonic() > self.next_after
            if wanted and self.at_the_gateway % 2 == odd and (pid := self._whose(port)):
                self.at_the_gateway -= self._kill(pid)
                self.next_after = time.monotonic() + self.rig.chance.uniform(0.1, 0.5)

    def anybody(self) -> None:
        with self.lock:
            if pids := [pid for pid in self.rig.worker_pids() if _lives(pid)]:
                self._kill(self.rig.chance.choice(pids))

    def _whose(self, port: int) -> int:
        for pid in self.rig.everybody_who_works():
            with contextlib.suppress(psutil.Error):
                connections = psutil.Process(pid).net_connections("tcp")
                if any(connection.laddr.port == port for connection in connections):
                    return pid
        return 0

    def _kill(self, pid: int) -> bool:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.left -= 1
            return True
        return False

    def kill_them_all(self) -> None:
        """Until as many were killed as were to be."""
        self.rig.book.when_come, self.rig.book.when_taken = self.come, self.taken
        while self.left > 0:
            time.sleep(self.rig.chance.uniform(0.3, 1.2))
            self.anybody()


def _lives(pid: int) -> bool:
    """Also not one that was killed a moment ago."""
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def kills(rig: Rig, workers: int = 4) -> Outcome:
    """150 times kill -9, under a rig that starts workers anew and a runner that does."""
    rig.workers(workers)
    rig.tree()
    rig.book.takes[EVERYBODY] = 0.02
    rig.lay(lasts=KILLING, by=(MAIL,))
    with rig.fault():
        Killer(rig, KILLS).kill_them_all()
    return rig.settle()


def no_redis(rig: Rig) -> Outcome:
    """Redis forgets everything, and then is away for good; who starts meanwhile starts without it."""
    assert rig.servers
    rig.workers(2)
    rig.tree()
    rig.lay(lasts=20)
    with rig.fault():
        rig.servers.redis.flush()
        time.sleep(2)
        rig.servers.redis.stop_at_once()
        time.sleep(4)
        for pid in rig.worker_pids():
            os.kill(pid, signal.SIGKILL)
    # It never ends: everything is to be in time all the same.
    rig.ended = rig.began
    return rig.settle()


def postgres_stops(rig: Rig, times: int = 3) -> Outcome:
    """PostgreSQL is stopped at once and started again."""
    assert rig.servers
    rig.workers(2)
    rig.tree()
    rig.lay(lasts=40)
    time.sleep(2)
    with rig.fault():
        for _time in range(times):
            rig.servers.postgres.stop_at_once()
            time.sleep(rig.chance.uniform(2, 4))
            rig.servers.postgres.start()
            time.sleep(rig.chance.uniform(1, 3))
    return rig.settle()


def gateway_fails(rig: Rig, does: str, lasts: float = 20) -> Outcome:
    """The gateway refuses everybody, or says nothing to anybody."""
    rig.workers(WORKERS)
    rig.lay(lasts=lasts + 6)
    time.sleep(3)
    rig.book.does[EVERYBODY] = does
    with rig.fault():
        time.sleep(lasts)
    rig.book.does[EVERYBODY] = OK
    return rig.settle()


def one_hangs(rig: Rig, lasts: float = 60) -> Outcome:
    """Of each sort one recipient's address says nothing, another's takes two seconds each time."""
    rig.workers(WORKERS)
    rig.lay(lasts=lasts + 3)
    with rig.fault():
        rig.book.takes |= {address(number): 2.0 for number in SLOW}
        rig.book.does |= {address(number): HANGS for number in HANGING}
        time.sleep(lasts)
        rig.book.does.clear()
    return rig.settle()


def disk_fills(rig: Rig, lasts: float = 12) -> Outcome:
    """No block is free where a rig on a small disk has its folder, also none of those that were kept."""
    disk, ballast = rig.system.data_dir.parent, rig.system.data_dir / "ballast"
    rig.workers(1)
    rig.lay(lasts=3 * lasts)
    with rig.fault():
        filler.fill(disk)
        ends = time.monotonic() + lasts
        while time.monotonic() < ends:
            time.sleep(0.5)
            if not ballast.exists():
                filler.fill(disk, "filler 2")
    filler.empty(disk)
    return rig.settle()
