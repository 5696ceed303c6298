"""The faults that really happen, as figures: what was lost, sent twice, late, tried while nobody answered.

Each beside the same harm done to workers that do the usual: mark done, then send. One run each: these are
counts, not durations. `FAULT_SEED` gives other moments.
"""

import os
from collections.abc import Callable
from pathlib import Path

from bench.figures import say
from tests.faults import down, harm
from tests.faults.gateway import HANGS, REFUSES
from tests.faults.outcome import Outcome
from tests.faults.rig import SEED, Rig, Servers, own_servers, rig
from tests.journeys import loop

USUAL = "bench.usual_order"
GROWN, SMALL = "postgresql", "sqlite"
SMALL_DISK = 64  # megabytes
FAULTS: tuple[tuple[str, str, Callable[[Rig], Outcome]], ...] = (
    ("150 times kill -9 of a worker", GROWN, harm.kills),
    ("150 times kill -9 of a worker", SMALL, harm.kills),
    ("Redis flushed, then away", GROWN, harm.no_redis),
    ("PostgreSQL stopped at once, three times", GROWN, harm.postgres_stops),
    ("the gateway answers 503 for 20 s", GROWN, lambda it: harm.gateway_fails(it, REFUSES)),
    ("the gateway hangs for 20 s", GROWN, lambda it: harm.gateway_fails(it, HANGS)),
    ("one recipient hangs for 60 s", GROWN, harm.one_hangs),
)


def main() -> None:
    folder = Path(os.environ["TEST_DIR"]) / "faults"
    folder.mkdir(mode=0o711)
    with own_servers(folder) as own:
        for number, (what, database, fault) in enumerate(FAULTS):
            servers = own if database == GROWN else None
            found = _run(folder / f"{number}", servers, fault)
            _say(what, database, found, _run(folder / f"{number}-usual", servers, fault, USUAL))
        _full_disk(folder)
        for database, servers in ((GROWN, own), (SMALL, None)):
            _outage(folder / f"down-{database}", database, servers)


def _say(what: str, database: str, found: Outcome, usual: Outcome) -> None:
    say(
        bench="faults",
        what=what,
        database=database,
        seed=SEED,
        **found.figures(),
        baseline={"what": "mark done, then send", **usual.figures()},
    )


def _full_disk(folder: Path) -> None:
    """On a small file system of its own; where this machine can make none, that is said instead."""
    what = "no block of the disk is free for 12 s"
    if needs := loop.missing():
        say(bench="faults", what=what, left_out=f"It needs {', '.join(needs)}.")
        return
    outcomes = []
    for name, modules in (("disk", ()), ("disk-usual", (USUAL,))):
        (folder / name).mkdir()
        with loop.ext4(folder / name, SMALL_DISK) as disk:
            outcomes.append(_run(disk.folder / "data", None, harm.disk_fills, *modules))
    _say(what, SMALL, *outcomes)


def _run(folder: Path, own: Servers | None, fault: Callable[[Rig], Outcome], *modules: str) -> Outcome:
    folder.mkdir(mode=0o700)
    with rig(folder, own) as it:
        it.modules = modules
        return fault(it)


def _outage(folder: Path, database: str, own: Servers | None) -> None:
    folder.mkdir(mode=0o700)
    with rig(folder, own) as it:
        found = down.for_a_quarter_of_an_hour(it)
    say(
        bench="faults",
        what="down for 15 minutes, then two systems at once",
        database=database,
        seed=SEED,
        due=sum(found.before.values()),
        left=found.after["due"],
        told=len(set(found.keys)),
        told_twice=len(found.keys) - len(set(found.keys)),
        seconds=round(found.seconds, 1),
        baseline={"what": "what the quarter of an hour asked for", "told": down.TOLD},
    )


if __name__ == "__main__":
    main()
