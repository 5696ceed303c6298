"""Debian's libfaketime: the clock of a whole running system is set while it runs, and only that one.

The clock nobody can set stays what it is, in the running system as in use.
"""

from dataclasses import dataclass
from pathlib import Path

LIBRARIES = "*/faketime/libfaketime.so.1"

# Sleeping until a moment of the clock that is not faked is refused by this library; waiting is not.
_SLEEP = """
import select, time
time.sleep = lambda seconds: select.select((), (), (), seconds) and None
"""


def library() -> Path | None:
    return next(Path("/usr/lib").glob(LIBRARIES), None)


def missing() -> list[str]:
    """What this machine lacks for setting the clock of a running system; empty where it can be done."""
    return [] if library() else ["Debian's package faketime"]


@dataclass(frozen=True)
class FakeClock:
    """`environment`: of a system whose clock this is."""

    folder: Path
    environment: dict[str, str]

    def set(self, hours: int) -> None:
        """So far ahead of the right time, at once and in every process."""
        new = self.folder / "clock.new"
        new.write_text(f"{hours:+}h\n")
        new.replace(self.folder / "clock")


def clock(folder: Path) -> FakeClock:
    """A clock that is right."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_SLEEP)
    environment = {
        "LD_PRELOAD": str(library()),
        "FAKETIME_TIMESTAMP_FILE": str(folder / "clock"),
        # Looked up once a second: each time it is asked would cost more than all else that is done.
        "FAKETIME_CACHE_DURATION": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": str(folder),
    }
    made = FakeClock(folder, environment)
    made.set(0)
    return made
