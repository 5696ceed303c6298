"""`python -m mutualaid.web`: granian, with the application loaded before it forks the process that serves.

That process is replaced on a steady beat, whether anybody came or not: what people type, their keys and
addresses lie in more places of its memory than anybody could list and overwrite, and are gone with it.
"""

import contextlib
import os
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.mp import MPServer

from mutualaid import parent_death, wsgi
from mutualaid.environment import read
from mutualaid.run import DRAIN, RENEWAL, SETTLE, say
from privacy import gate

# Two would do for pages; whoever waits sleeps in one of the others, which are made when they are needed.
BLOCKING_THREADS = 2 * gate.PLACES + gate.BODIES + 8
# What the process that serves is told before it goes.
CLOSE_THE_DOOR = signal.SIGUSR1


class Server(MPServer):
    """Granian, whose processes replace each other while one socket goes on listening."""

    is_up = False
    # Granian's: the socket while nobody listens on it yet, and once somebody does.
    _ssp: Any
    _shd: Any

    def load(self, _target: str) -> Any:
        """What the forked process serves. A killed granian would leave it behind, listening."""
        parent_death.die_with_parent()
        signal.signal(CLOSE_THE_DOOR, self.close_the_door)
        if not self.is_up:
            say(f"Serving on http://{self.bind_addr}:{self.bind_port} (Ctrl-C stops it).")
        return wsgi.application

    def startup(self, spawn_target: Any, target_loader: Any) -> None:
        # Until `load` has run it is nothing; by itself it would end a process.
        signal.signal(CLOSE_THE_DOOR, signal.SIG_IGN)
        self.on_reload(self.ask_to_close_the_door)
        super().startup(spawn_target, target_loader)  # type: ignore[no-untyped-call]
        self.is_up = True
        threading.Thread(target=self.renew_for_ever, daemon=True).start()

    def renew_for_ever(self) -> None:
        """Not when somebody came: the age of a process would say when that was."""
        while True:
            time.sleep(RENEWAL)
            self.signal_handler_reload()  # type: ignore[no-untyped-call]

    def ask_to_close_the_door(self) -> None:
        """Before one process is replaced: the next lets people in, and SETTLE seconds later this one goes."""
        for worker in self.wrks:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.inner.pid, CLOSE_THE_DOOR)

    def close_the_door(self, *_signal: object) -> None:
        """In the process that is to go: it lets nobody in any more.

        Told to end, granian at once sends away whoever has come in and not yet spoken, as telephones with a
        bad connection do. Its handles are turned to a socket where nobody knocks; closed ones it would try
        again and again.
        """
        listening = os.fstat(self._shd.get_fd())
        with socket.socket(socket.AF_UNIX) as nobody:
            nobody.bind("")
            nobody.listen(1)
            nobody.setblocking(False)
            for handle in [int(one.name) for one in Path("/proc/self/fd").iterdir()]:
                with contextlib.suppress(OSError):
                    if os.path.samestat(os.fstat(handle), listening):
                        os.dup2(nobody.fileno(), handle)

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
        respawn_interval=SETTLE,
        workers_kill_timeout=DRAIN,
    )
    server.serve(target_loader=server.load)


if __name__ == "__main__":
    main()
