"""What the system knows is not written to a disk because one of its processes crashed."""

import resource
import sys
from pathlib import Path

# Not 0: a program that the kernel pipes a core to (kernel.core_pattern) would get it all the same.
_LIMIT = 1


def leave_no_core() -> None:
    """For this process and all that come from it: a crash writes no core, and a core holds no memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (_LIMIT, _LIMIT))
    if sys.platform == "linux":
        Path("/proc/self/coredump_filter").write_text("0")
