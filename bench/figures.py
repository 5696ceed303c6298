"""Figures as JSON lines: medians of five, percentiles, memory as summed PSS."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median

RUNS = 5


def say(**figure: object) -> None:
    """One figure, on one line, at once."""
    sys.stdout.write(json.dumps(figure) + "\n")
    sys.stdout.flush()


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of `values` that at least `share` (0 to 1) of them do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = -(-len(ordered) * round(share * 1000) // 1000)
    return ordered[max(rank, 1) - 1]


def medians(measure: Callable[[], Mapping[str, float]], runs: int = RUNS) -> dict[str, float]:
    """Name by name the median of what `measure` gives when it is called `runs` times."""
    measured = [measure() for _run in range(runs)]
    return {name: round(median(run[name] for run in measured), 3) for name in measured[0]}


def spread(milliseconds: Sequence[float]) -> dict[str, float]:
    """Half, nearly all, and the mean of some durations."""
    return {
        "p50_ms": percentile(milliseconds, 0.5),
        "p99_ms": percentile(milliseconds, 0.99),
        "mean_ms": sum(milliseconds) / len(milliseconds),
    }


def ratios(of: Mapping[str, float], to: Mapping[str, float]) -> dict[str, float]:
    """Name by name, how many times as large."""
    return {name: round(of[name] / to[name], 2) for name in of}


def summed_pss(processes: Iterable[int]) -> int:
    """Bytes of several processes, a page shared by some of them counted once between them."""
    return 1024 * sum(_pss_kb(Path(f"/proc/{pid}/smaps_rollup").read_text()) for pid in processes)


def _pss_kb(text: str) -> int:
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
