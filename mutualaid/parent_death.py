"""A process that the runner started ends with the process that started it, even after kill -9."""

import ctypes
import multiprocessing
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
SUPERVISED = "MUTUALAID_SUPERVISED"

# Loaded at import: between fork and exec is no time to look for a library.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with(parent: int) -> None:
    """Ask the kernel for SIGKILL when process `parent`, which must be ours, ends; exit if it already has."""
    if _libc is None:
        return
    _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def die_with_parent_if_supervised() -> None:
    """The same for a grandchild of the runner: the signal above reaches only the direct child."""
    if SUPERVISED in os.environ:
        parent = multiprocessing.parent_process()
        die_with(parent.pid if parent and parent.pid else os.getppid())


def adopt_orphans() -> None:
    """Become the parent of whatever a child leaves behind, so that nothing stays as a zombie."""
    if _libc is not None:
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
