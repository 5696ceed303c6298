"""Memory of the whole running system while nobody does anything, as summed PSS; beside a bare Python."""

import os
import subprocess
import sys
import time
from pathlib import Path

from bench.figures import medians, say, summed_pss
from bench.visitor import Visitor
from tests import live

SETTLE = 10.0  # seconds until the start's own work is over
BETWEEN = 1.0
MB = 1_000_000


def main() -> None:
    with live.instance("sqlite", "memory", Path(os.environ["DATA_DIR"]) / "live") as system:
        system.start()
        visitor = Visitor(system.url)
        # What is loaded at the first visit is part of what stays.
        for path in ("/", "/a/stay/", "/a/ride/", "/a/accompaniment/", "/a/return/"):
            visitor.get(path)
        visitor.connection.close()
        time.sleep(SETTLE)
        idle = medians(lambda: _pss([process.pid for process in system.processes()]))
        parts = {
            f"{process.pid} {' '.join(process.cmdline()[1:4])}": round(summed_pss([process.pid]) / MB, 1)
            for process in system.processes()
        }
    with subprocess.Popen(
        [sys.executable, "-c", "import django, time; print(flush=True); time.sleep(60)"],
        stdout=subprocess.PIPE,
    ) as bare:
        assert bare.stdout is not None
        bare.stdout.readline()
        baseline = medians(lambda: _pss([bare.pid]))
        bare.kill()
    say(
        bench="memory",
        what="the whole system, idle",
        pss_mb=idle["pss_mb"],
        processes=parts,
        baseline={"what": "a Python that imported django", "pss_mb": baseline["pss_mb"]},
        ratio=round(idle["pss_mb"] / baseline["pss_mb"], 1),
    )


def _pss(processes: list[int]) -> dict[str, float]:
    time.sleep(BETWEEN)
    return {"pss_mb": summed_pss(processes) / MB}


if __name__ == "__main__":
    main()
