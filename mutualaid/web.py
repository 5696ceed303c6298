"""`python -m mutualaid.web`: granian, with the application loaded before it forks the process that serves."""

from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels

from mutualaid import parent_death, wsgi
from mutualaid.environment import read
from mutualaid.run import say

BLOCKING_THREADS = 2


def application(_target: str) -> Any:
    """What the forked process serves. A killed granian would leave it behind, listening."""
    parent_death.die_with_parent()
    host, port = address()
    say(f"Serving on http://{host}:{port} (Ctrl-C stops it).")
    return wsgi.application


def address() -> tuple[str, int]:
    """Where it listens: HOST and PORT."""
    return read("HOST", "127.0.0.1"), int(read("PORT", "8000"))


def main() -> None:
    host, port = address()
    server = Granian(
        "mutualaid.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=BLOCKING_THREADS,
        http=HTTPModes.http1,
        websockets=False,
        log_level=LogLevels.warning,
        log_access=False,
        respawn_failed_workers=True,
        respawn_interval=0.2,
        workers_kill_timeout=5,
    )
    server.serve(target_loader=application)


if __name__ == "__main__":
    main()
