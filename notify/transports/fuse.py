"""A time after which connections end, whatever the other side does: also one byte a second."""

import os
import socket
import threading
import time
from datetime import timedelta
from types import TracebackType
from typing import Self


class Fuse:
    """`with Fuse(lasts) as fuse:` shuts what it was given to `watch` when the time is over.

    Timeouts of sockets count from byte to byte; this counts from the beginning. What reads or writes there
    then meets an end, as if the other side had gone. The caller closes its sockets itself.
    """

    def __init__(self, lasts: timedelta) -> None:
        self._ends = time.monotonic() + lasts.total_seconds()
        self._lock = threading.Lock()
        # Handles of our own: a socket that is wrapped for TLS, or closed and its number used again, is not
        # mistaken for another.
        self._handles: list[socket.socket] = []
        self._timer = threading.Timer(lasts.total_seconds(), self.blow)
        self._timer.daemon = True
        self.blown = False

    @property
    def remaining(self) -> float:
        """Seconds left; never so few that a socket would take them for "do not wait"."""
        return max(self._ends - time.monotonic(), 0.001)

    def watch(self, connection: socket.socket) -> None:
        """End this connection too when the time is over; at once where it is."""
        handle = socket.socket(fileno=os.dup(connection.fileno()))
        with self._lock:
            self._handles.append(handle)
            if self.blown:
                _shut(handle)

    def blow(self) -> None:
        with self._lock:
            self.blown = True
        self.shut()

    def shut(self) -> None:
        """End what was watched, before its time."""
        with self._lock:
            for handle in self._handles:
                _shut(handle)

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            for handle in self._handles:
                handle.close()
            self._handles.clear()


def _shut(handle: socket.socket) -> None:
    try:
        handle.shutdown(socket.SHUT_RDWR)
    except OSError:
        # It has ended already.
        return
