"""`python -m bench [match|pages|memory|gate|due]`: all, or one of them, in a folder gone afterwards."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PATIENCE = 20.0  # seconds for servers to end
ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    # Whoever ends this, the folder goes too.
    signal.signal(signal.SIGTERM, lambda *_signal: sys.exit(1))
    folder = Path(tempfile.mkdtemp(prefix="mutualaid-bench-"))
    # PostgreSQL runs as somebody else when this runs as root.
    folder.chmod(0o711)
    inside = subprocess.Popen(
        [sys.executable, "-m", "bench.sections", *sys.argv[1:]],
        cwd=ROOT,
        env=os.environ | {"TEST_DIR": str(folder)},
        start_new_session=True,
    )
    try:
        return inside.wait()
    except KeyboardInterrupt:
        return 1
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(inside.pid, signal.SIGKILL)
        inside.wait()
        _until_gone(folder / "postgresql")
        shutil.rmtree(folder, ignore_errors=True)


def _until_gone(folder: Path) -> None:
    """A server that was started for the measurement removes its folder when it ends."""
    end = time.monotonic() + PATIENCE
    while folder.exists() and time.monotonic() < end:
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
