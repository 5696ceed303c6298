"""`python -m mutualaid.web`: granian, with the application loaded before it forks the process that serves.

That process is replaced on a steady beat, whether anybody came or not: what people type, their keys and
addresses lie in more places of its memory than anybody could list and overwrite, and are gone with it.
"""

import threading
import time
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.mp import MPServer

from mutualaid import parent_death, wsgi
from mutualaid.environment import read
from mutualaid.run import DRAIN, RENEWAL, say
from privacy import gate

# Two would do for pages; whoever waits sleeps in one of the others, which are made when they are needed.
BLOCKING_THREADS = 2 * gate.PLACES + gate.BODIES + 8


class Server(MPServer):
    """Granian, whose processes replace each other while one socket goes on listening."""

    is_up = False
    # Granian's: the socket while nobody listens on it yet, and once somebody does.
    _ssp: Any
    _shd: Any

    def load(self, _target: str) -> Any:
        """What the forked process serves. A killed granian would leave it behind, listening."""
        parent_death.die_with_parent()
        if not self.is_up:
            say(f"Serving on http://{self.bind_addr}:{self.bind_port} (Ctrl-C stops it).")
        return wsgi.application

    def startup(self, spawn_target: Any, target_loader: Any) -> None:
        super().startup(spawn_target, target_loader)  # type: ignore[no-untyped-call]
        self.is_up = True
        threading.Thread(target=self.renew_for_ever, daemon=True).start()

    def renew_for_ever(self) -> None:
        """Not when somebody came: the age of a process would say when that was."""
        while True:
            time.sleep(RENEWAL)
            self.signal_handler_reload()  # type: ignore[no-untyped-call]

    def _init_shared_socket(self) -> None:
        super()._init_shared_socket()  # type: ignore[no-untyped-call]
        # On Linux each process would open one of its own, and whoever waits there when it ends is sent away.
        if self._shd is None:
            self._shd, self._ssp = self._ssp.build(), None


def main() -> None:
    server = Server(
        "mutualaid.wsgi:application",
        address=read("HOST", "127.0.0.1"),
        port=int(read("PORT", "8000")),
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=BLOCKING_THREADS,
        http=HTTPModes.http1,
        websockets=False,
        # Its warnings would say when a visit was cut short.
        log_level=LogLevels.error,
        log_access=False,
        respawn_failed_workers=True,
        respawn_interval=0,
        workers_kill_timeout=DRAIN,
    )
    server.serve(target_loader=server.load)


if __name__ == "__main__":
    main()
