"""A process that the runner started ends with the process that started it, even after kill -9."""

import ctypes
import multiprocessing
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

# Loaded at import: between fork and exec is no time to look for a library.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with(parent: int) -> None:
    """Ask the kernel for SIGKILL when process `parent`, which must be ours, ends; exit if it already has.

    The signal reaches the process that asks, not its children: each generation asks for itself.
    """
    if _libc is None:
        return
    _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def die_with_parent() -> None:
    """The same in a process that multiprocessing started."""
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid is not None:
        die_with(parent.pid)


def adopt_orphans() -> None:
    """Become the parent of whatever a child leaves behind, so that nothing stays as a zombie."""
    if _libc is not None:
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
