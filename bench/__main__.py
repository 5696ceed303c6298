"""`python -m bench [match|pages|memory]`: each of them, or one, in a folder that is gone afterwards."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PATIENCE = 20.0  # seconds for servers to end
ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="mutualaid-bench-"))
    # PostgreSQL runs as somebody else when this runs as root.
    folder.chmod(0o711)
    command = [sys.executable, "-m", "bench.sections", *sys.argv[1:]]
    inside = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"TEST_DIR": str(folder)})
    try:
        return inside.wait()
    except KeyboardInterrupt:
        # It was told too.
        return inside.wait()
    finally:
        _until_gone(folder / "postgresql")
        shutil.rmtree(folder, ignore_errors=True)


def _until_gone(folder: Path) -> None:
    """A server that was started for the measurement removes its folder when it ends."""
    end = time.monotonic() + PATIENCE
    while folder.exists() and time.monotonic() < end:
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
