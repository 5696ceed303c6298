"""A PostgreSQL and a Redis of a rig's own: stopped at once, as a crash does it, and started again.

They are children of whoever runs the tests, and end with that process also when it is killed.
"""

import contextlib
import signal
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path
from typing import IO

import psycopg

from tests import servers

Running = contextlib.AbstractContextManager[subprocess.Popen[bytes]]


class OwnServer(ABC):
    """One server that can be stopped at once and started again, with what it stored."""

    STOP_AT_ONCE = signal.SIGKILL

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running = contextlib.ExitStack()
        self.process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def begin(self, log: IO[bytes]) -> Running:
        """The server, running until the end of the block."""

    def start(self) -> None:
        """Returns once it answers."""
        log = self.running.enter_context(self.folder.with_suffix(".log").open("ab"))
        self.process = self.running.enter_context(self.begin(log))

    def stop_at_once(self) -> None:
        """Nothing is finished, nobody is asked to go."""
        assert self.process is not None
        self.process.send_signal(self.STOP_AT_ONCE)
        self.process.wait()

    def is_up(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def end(self) -> None:
        self.running.close()


class OwnPostgres(OwnServer):
    """With fsync on: what was committed is there again after a crash."""

    # `pg_ctl stop -m immediate`.
    STOP_AT_ONCE = signal.SIGQUIT

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        folder.mkdir()
        folder.chmod(0o755)
        servers.make_cluster(folder)

    def begin(self, log: IO[bytes]) -> Running:
        return servers.running_postgres(self.folder, log, max_connections="100", fsync="on")

    def new_database(self, name: str) -> str:
        """Its DATABASE_URL."""
        url = f"postgresql://postgres@/%s?host={self.folder / 'socket'}"
        with psycopg.connect(url % "postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return url % name


class OwnRedis(OwnServer):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        folder.mkdir()
        self.port = servers.free_port()

    def begin(self, log: IO[bytes]) -> Running:
        return servers.running_redis(self.folder, self.port, log)

    def url(self, number: int) -> str:
        return f"redis://127.0.0.1:{self.port}/{number}"

    def flush(self) -> None:
        subprocess.run(["redis-cli", "-p", str(self.port), "FLUSHALL"], check=True, capture_output=True)
