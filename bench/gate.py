"""Thirty people guess codes, each as soon as the last answer came: what another page, an honest code and the
memory pay, with the gate and without it, beside the same system while nobody guesses.
"""

import os
import time
from pathlib import Path
from statistics import median

from bench.figures import medians, say
from tests import door, live
from tests.live import LiveSystem

PEOPLE = 30
# After so many tries in all everybody pays the whole price.
TRIES = 2 * PEOPLE
LOOKS, ENTRIES = 40, 2
MB = 1_000_000
SETTINGS = {"with": {}, "without": {"DJANGO_SETTINGS_MODULE": "bench.ungated_settings"}}


def main() -> None:
    folder = Path(os.environ["DATA_DIR"])
    measured = {}
    for gate, extra in SETTINGS.items():
        with live.instance("sqlite", "memory", folder / gate, **extra) as system:
            system.start()
            code = door.code_of_somebody(system.url)
            quiet = medians(lambda: _quiet(system, code))  # noqa: B023 - called at once
            with door.guessing(system.url, PEOPLE) as crowd, system.watched() as peak:
                crowd.until(TRIES)
                crowded = medians(lambda: _crowded(system, code, crowd))  # noqa: B023 - called at once
            assert not crowd.broken, crowd.broken
            measured[gate] = {
                **{name: crowded[name] for name in ("page_p50_ms", "entry_max_s", "tries_per_second")},
                "page_added_ms": round(crowded["page_p50_ms"] - quiet["page_p50_ms"], 1),
                "pss_peak_mb": round(max(peak) / MB, 1),
                "answers": dict(crowd.statuses()),
                "quiet": quiet,
            }
    for what in ("page_p50_ms", "page_added_ms", "entry_max_s", "pss_peak_mb", "tries_per_second"):
        of, to = measured["with"][what], measured["without"][what]
        say(
            bench="gate",
            what=what,
            gate=of,
            baseline={"what": "without the gate", what: to},
            ratio=round(of / to, 3) if to else None,
        )
    for gate, found in measured.items():
        say(
            bench="gate",
            what=f"{gate} the gate",
            people=PEOPLE,
            **{k: found[k] for k in ("quiet", "answers")},
        )


def _quiet(system: LiveSystem, code: str) -> dict[str, float]:
    return {
        "page_p50_ms": 1000 * median(door.page_seconds(system.url, LOOKS)),
        "entry_max_s": max(door.entry_seconds(system.url, code, "127.0.0.2") for _try in range(ENTRIES)),
        "pss_mb": system.memory() / MB,
    }


def _crowded(system: LiveSystem, code: str, crowd: door.Crowd) -> dict[str, float]:
    """The honest code comes from the same address as the guesses, as all do on an onion address."""
    before, begun = len(crowd.answers), time.monotonic()
    return {
        "page_p50_ms": 1000 * median(door.page_seconds(system.url, LOOKS)),
        "entry_max_s": max(door.entry_seconds(system.url, code) for _try in range(ENTRIES)),
        "tries_per_second": (len(crowd.answers) - before) / (time.monotonic() - begun),
    }


if __name__ == "__main__":
    main()
