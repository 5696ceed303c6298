"""What the figures of `make bench` mean."""

import os
import subprocess
import sys
import time

from bench import figures
from mutualaid import urls


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(n) for n in range(1, 101)]

    assert [figures.percentile(values, share) for share in (0.5, 0.99, 1)] == [50.0, 99.0, 100.0]
    assert figures.percentile([7.0], 0.99) == 7.0


def test_each_figure_is_the_median_of_five_runs() -> None:
    runs = iter([3.0, 100.0, 1.0, 2.0, 4.0])

    assert figures.medians(lambda: {"ms": next(runs)}) == {"ms": 3.0}
    assert next(runs, None) is None


def test_memory_shared_by_two_processes_counts_once() -> None:
    """A fork shares what its parent holds: together they take about what the parent took alone."""
    held = bytearray(os.urandom(1_000_000) * 64)
    alone = figures.summed_pss([os.getpid()])
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    try:
        together = figures.summed_pss([os.getpid(), child])
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)

    assert together - alone < len(held)


def test_an_unknown_figure_is_named() -> None:
    command = [sys.executable, "-m", "bench", "speed"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "No such figures: speed. Known: match, pages, memory, gate, due, faults.\n"


def test_the_bare_addresses_are_not_served() -> None:
    assert [str(pattern.pattern) for pattern in urls.urlpatterns if "bench" in str(pattern.pattern)] == []
