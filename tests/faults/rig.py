"""A rig: one instance, real workers, a gateway that records, and notices that fall due while something fails.

The instance runs on a PostgreSQL and a Redis of its own, which can be stopped, or on SQLite and memory. What
happens is read from the gateway's book and its clock, which is the machine's, as the database's is.
"""

import contextlib
import json
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg

from mutualaid import parent_death
from tests import live, servers
from tests.faults import outcome
from tests.faults.gateway import Book, HttpDoor, SmtpDoor, opened
from tests.faults.outcome import Outcome
from tests.faults.own_servers import OwnPostgres, OwnRedis
from tests.journeys.clockwork import Rows
from tests.live import LiveSystem

# Other moments, and another order, with another number.
SEED = int(os.environ.get("FAULT_SEED", "4"))
NOTICES = 900
RECIPIENTS = 30
MAIL, NTFY = "email", "ntfy"
PATIENCE = 90.0  # seconds until what was promised must have happened; the promise itself is shorter
ROOT = Path(__file__).resolve().parents[2]


def address(number: int, by: str = "") -> str:
    """Of recipient `number`; unless told otherwise the even ones have mail, the odd ones a topic."""
    return f"r{number}@example.org" if (by or (MAIL, NTFY)[number % 2]) == MAIL else f"topic-{number}"


@dataclass
class Servers:
    """What an instance that grew stands on."""

    postgres: OwnPostgres
    redis: OwnRedis
    databases: int = 0

    def environment(self) -> dict[str, str]:
        """For one more instance, on a database of its own; whatever was stopped runs again."""
        for server in (self.postgres, self.redis):
            if not server.is_up():
                server.start()
        self.redis.flush()
        self.databases += 1
        return {
            "DATABASE_URL": self.postgres.new_database(f"rig{self.databases}"),
            "CELERY_BROKER_URL": self.redis.url(0),
            "CACHE_URL": self.redis.url(1),
        }


@contextlib.contextmanager
def own_servers(folder: Path) -> Iterator[Servers]:
    """Both running; `folder` is where other accounts may go (PostgreSQL refuses to run as root)."""
    both = Servers(OwnPostgres(folder / "own-postgresql"), OwnRedis(folder / "own-redis"))
    with contextlib.ExitStack() as stack:
        for server in (both.postgres, both.redis):
            stack.callback(server.end)
            server.start()
        yield both


@dataclass
class Rig:
    """`laid`: key → (address, due in seconds since 1970). `began`, `ended`: the fault, by the same clock."""

    system: LiveSystem
    book: Book
    rows: Rows
    stack: contextlib.ExitStack
    servers: Servers | None = None
    chance: random.Random = field(default_factory=lambda: random.Random(SEED))
    laid: dict[str, tuple[str, float]] = field(default_factory=dict)
    nests: list[subprocess.Popen[bytes]] = field(default_factory=list)
    # Imported by workers before they begin; there is no whole tree then, but one worker more.
    modules: tuple[str, ...] = ()
    began: float = 0.0
    ended: float = 0.0

    # Who works

    def workers(self, count: int) -> None:
        """Real workers, forked again at once when killed; returns when one of them has looked."""
        self.nests.append(self._run("tests.faults.nest", str(count), *self.modules))
        wait_until(lambda: len(self.worker_pids()) >= count)
        self.wait_for_a_look()

    def tree(self) -> None:
        """The whole system, as `make run` starts it."""
        if self.modules:
            self.workers(1)
        else:
            self.system.start()
        self.wait_for_a_look()

    def another_tree(self) -> LiveSystem:
        """A second one, by mistake: the same folder, the same database, another port. Not started yet."""
        port = str(servers.free_port())
        environment = self.system.environment | {"PORT": port}
        folder = self.system.data_dir
        tree = LiveSystem(f"http://127.0.0.1:{port}", folder, environment, log=folder.with_suffix(".2.log"))
        self.stack.callback(tree.stop)
        return tree

    def wait_for_a_look(self) -> None:
        wait_until(lambda: self.rows.count("privacy_heartbeat") > 1)

    def worker_pids(self) -> list[int]:
        """Of all nests."""
        found: list[int] = []
        for nest in self.nests:
            with contextlib.suppress(psutil.NoSuchProcess):
                found += [child.pid for child in psutil.Process(nest.pid).children()]
        return found

    def everybody_who_works(self) -> list[int]:
        """Whoever may come to the gateway: of all nests, and of the whole tree."""
        with contextlib.suppress(psutil.Error):
            return [*self.worker_pids(), *(process.pid for process in self.system.processes())]
        return self.worker_pids()

    def _run(self, *words: str) -> subprocess.Popen[bytes]:
        parent = os.getpid()
        with self.system.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *words],
                cwd=ROOT,
                env=self.system.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=lambda: parent_death.die_with(parent),
            )
        self.stack.callback(_end, process)
        return process

    # What falls due, and what became of it

    def lay(self, lasts: float, by: tuple[str, ...] = (MAIL, NTFY)) -> None:
        """Notices for several recipients, due between two seconds ago and in `lasts` seconds."""
        now = time.time()
        due = sorted(self.chance.uniform(now - 2, now + lasts) for _ in range(NOTICES))
        ways = [by[number % len(by)] for number in range(RECIPIENTS)]
        channels = [(way, address(number, way)) for number, way in enumerate(ways)]
        self.laid |= self.ask("tests.faults.lay", channels=channels, due=due)

    def ask(self, module: str, **question: object) -> dict[str, Any]:
        """What a program says that runs in the instance's environment."""
        done = subprocess.run(
            [sys.executable, "-m", module],
            cwd=ROOT,
            env=self.system.environment,
            input=json.dumps(question),
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        return dict(json.loads(done.stdout))

    @contextlib.contextmanager
    def fault(self) -> Iterator[None]:
        """Something fails while the block runs."""
        self.began = time.time()
        yield
        self.ended = time.time()

    def settle(self) -> Outcome:
        """Wait until nothing is left to be sent, or patience ends; what became of it."""
        wait_until(self._nothing_is_left, PATIENCE)
        return outcome.of(self.laid, list(self.book.entries), self.began, self.ended)

    def _nothing_is_left(self) -> bool:
        last = max(due for _address, due in self.laid.values())
        return time.time() > last and self.rows.notices("queued") == 0


@contextlib.contextmanager
def rig(folder: Path, own: Servers | None) -> Iterator[Rig]:
    """An instance that was set up, with nobody at work yet; without servers of its `own`, on SQLite."""
    with contextlib.ExitStack() as stack:
        book = Book()
        mail, web = stack.enter_context(opened(SmtpDoor(book))), stack.enter_context(opened(HttpDoor(book)))
        doors = {
            "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": str(mail),
            "EMAIL_STARTTLS": "no",
            "NTFY_SERVER": f"http://127.0.0.1:{web}",
        }
        if own is None:
            system = stack.enter_context(live.instance("sqlite", "memory", folder, **doors))
        else:
            system = live.bare(folder, **doors, **own.environment())
            system.manage("setup")
            stack.callback(system.stop)
        yield Rig(system, book, Rows(system), stack, own)


def wait_until(true: Callable[[], object], seconds: float = PATIENCE) -> bool:
    """Whether it became so. A database that is away says no."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(psutil.Error, psycopg.Error, sqlite3.Error, OSError):
            if true():
                return True
        threading.Event().wait(0.1)
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
    process.kill()
    process.wait()
