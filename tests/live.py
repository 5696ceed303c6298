"""The whole running system, as `make run` starts it: runner, web server, worker, on a port of its own."""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from mutualaid import parent_death
from tests import servers

PATIENCE = 60.0  # seconds until the first answer, and until it has ended
# The database every instance on PostgreSQL begins as, and what set-up printed when it was made.
TEMPLATE, SAID = "prepared_instance", "setup-said"
ROOT = Path(__file__).resolve().parent.parent


@dataclass
class LiveSystem:
    """A running instance. `url` has no slash at its end; `setup` is what set-up printed; `took`: the seconds
    it needed to answer, on a machine that may have other things to do."""

    url: str
    data_dir: Path
    environment: dict[str, str]
    setup: str = ""
    log: Path = field(default_factory=Path)
    runner: subprocess.Popen[bytes] | None = None
    took: float = 0.0

    def manage(self, *words: str) -> str:
        """What `manage.py <words>` prints on this instance. Raises CalledProcessError when it fails."""
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, check=True, capture_output=True, text=True
        )
        return done.stdout

    def demo(self) -> dict[str, object]:
        """Fill the example organisation; its accounts, passphrases and one return code."""
        return dict(json.loads(self.manage("demo", "--json")))

    def start(self) -> None:
        parent, began = os.getpid(), time.monotonic()
        with self.log.open("ab") as log:
            self.runner = subprocess.Popen(
                [sys.executable, "-m", "mutualaid.run"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=lambda: parent_death.die_with(parent),
            )
        self.wait_until_it_answers()
        self.took = time.monotonic() - began

    def wait_until_it_answers(self) -> None:
        end = time.monotonic() + PATIENCE
        while not self.answers():
            if time.monotonic() > end or self.runner is None or self.runner.poll() is not None:
                raise RuntimeError(f"The system did not answer: {self.log.read_text()[-4000:]}")
            time.sleep(0.05)

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    def processes(self) -> list[psutil.Process]:
        """The runner and everything below it."""
        if self.runner is None:
            return []
        top = psutil.Process(self.runner.pid)
        return [top, *top.children(recursive=True)]

    def memory(self) -> int:
        """Bytes of the whole tree, pages that are shared counted once (summed PSS)."""
        return sum(map(_pss, self.processes()))

    @contextlib.contextmanager
    def watched(self) -> Iterator[list[int]]:
        """`memory()` four times a second while the block runs, whichever process serves; the first is from
        before."""
        found, over = [self.memory()], threading.Event()

        def look() -> None:
            while not over.wait(0.25):
                found.append(self.memory())

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield found
        finally:
            over.set()
            thread.join()

    def stop(self) -> None:
        if self.runner is not None:
            self.runner.send_signal(signal.SIGINT)
            self.runner.wait(PATIENCE)
            self.runner = None


def _pss(process: psutil.Process) -> int:
    """Bytes; 0 of a process that was replaced meanwhile."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return int(process.memory_full_info().pss)
    return 0


@contextlib.contextmanager
def instance(database: str, broker: str, folder: Path, **extra: str) -> Iterator[LiveSystem]:
    """A set-up instance that does not run: database "sqlite" or "postgresql", broker "memory" or "redis"."""
    with contextlib.ExitStack() as stack:
        environment = _environment(folder) | extra
        prepared = _prepared(database)
        shutil.copytree(prepared, folder, dirs_exist_ok=True)
        if database == "postgresql":
            name = f"live_{folder.name}_{os.getpid()}".lower().replace("-", "_")
            environment["DATABASE_URL"] = stack.enter_context(servers.postgres_database(name, TEMPLATE))
        if broker == "redis":
            environment |= _redis()
        port = environment["PORT"]
        system = LiveSystem(f"http://127.0.0.1:{port}", folder, environment, log=folder / "log")
        system.setup = (prepared / SAID).read_text()
        stack.callback(system.stop)
        yield system


def bare(folder: Path, **extra: str) -> LiveSystem:
    """An instance of which there is nothing yet but its folder; `extra` are environment variables."""
    environment = _environment(folder) | extra
    return LiveSystem(
        f"http://127.0.0.1:{environment['PORT']}", folder, environment, log=folder.with_suffix(".log")
    )


def _prepared(database: str) -> Path:
    """The folder of an instance that was set up once in this run, to be copied: what set-up does is the same
    for all, and takes its time. What it prints is beside it."""
    folder = servers.test_dir() / f"prepared-{database}"
    with (servers.test_dir() / f"prepared-{database}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / SAID).exists():
            environment = _environment(folder)
            if database == "postgresql":
                servers.create_database(TEMPLATE)
                environment["DATABASE_URL"] = servers.postgres_url(TEMPLATE)
            folder.mkdir()
            said = LiveSystem("", folder, environment).manage("setup")
            (folder / SAID).write_text(said)
    return folder


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TEST_DIR") if name in os.environ}
    own = {"DATA_DIR": str(folder), "HOST": "127.0.0.1", "PORT": str(servers.free_port()), "ENV_FILE": "-"}
    return {**kept, **own, "DJANGO_SETTINGS_MODULE": "mutualaid.settings"}


def _redis() -> dict[str, str]:
    return {"CELERY_BROKER_URL": servers.own_redis_url(0), "CACHE_URL": servers.own_redis_url(1)}
