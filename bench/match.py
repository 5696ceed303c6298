"""The best twenty for a task among 10,000 and among 1,000,000 offers; also where nobody fits.

Needs DJANGO_SETTINGS_MODULE, DATA_DIR and, for PostgreSQL, DATABASE_URL: see bench/sections.py.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID

import django
from django.apps import apps

if not apps.ready:
    django.setup()

from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bench import country, load, needs
from bench.country import AT
from bench.figures import medians, ratios, say, spread
from privacy import instance
from requests_app import matching
from requests_app.models import Task

FEW, MANY = 10_000, 1_000_000
SOME_NEEDS, NEEDS_OF_NOBODY = 400, 200
COUNT = 20
WHY_NEEDS = 5


def main() -> None:
    call_command("migrate", interactive=False, verbosity=0)
    instance.ensure(create=True)
    _timed("areas", load.areas)
    _timed(f"offers up to {FEW}", lambda: load.offers(0, FEW))
    asked = needs.ask(country.needs(SOME_NEEDS, NEEDS_OF_NOBODY))
    needs.turn_some_away([task for _why, task in asked])
    needs.fill_beds(asked[0][1])
    load.analyze()
    few = _measure(asked, FEW)
    _measure_why(asked, FEW)
    _timed(f"offers up to {MANY}", lambda: load.offers(FEW, MANY))
    many = _measure(asked, MANY)
    _measure_why(asked, MANY)
    for why in few:
        say(
            bench="match",
            database=connection.vendor,
            what=f"{MANY} offers over {FEW}",
            fits=why,
            ratios=ratios(many[why], few[why]),
        )


def _measure(asked: Sequence[tuple[str, Task]], offers: int) -> dict[str, dict[str, float]]:
    """ "some" and "nobody" → p50, p99 and mean in milliseconds, said beside one look-up by key."""
    measured = {}
    for why in ("some", "nobody"):
        ids = [task.pk for found, task in asked if found == why]
        found = _found(ids)
        baseline = medians(lambda ids=ids: _durations(ids, _one_row))  # type: ignore[misc]
        measured[why] = medians(lambda ids=ids: _durations(ids, _best))  # type: ignore[misc]
        say(
            bench="match",
            database=connection.vendor,
            what="best 20 for a task",
            offers=offers,
            areas=country.AREAS,
            fits=why,
            tasks=len(ids),
            **measured[why],
            most_queries=max(queries for queries, _count in found),
            found_nobody=sum(count == 0 for _queries, count in found),
            found_all=sum(count == COUNT for _queries, count in found),
            baseline={"what": "one row by its key", **baseline},
            ratios=ratios(measured[why], baseline),
        )
    return measured


def _measure_why(asked: Sequence[tuple[str, Task]], offers: int) -> None:
    """Why nobody fits: the desk's page of one need asks it. No promise, only a figure."""
    ids = [task.pk for why, task in asked if why == "nobody"][:WHY_NEEDS]
    say(
        bench="match",
        database=connection.vendor,
        what="why nobody",
        offers=offers,
        tasks=len(ids),
        **medians(lambda: _durations(ids, _why)),
        baseline={"what": "best 20 for the same", **medians(lambda: _durations(ids, _best))},
    )


def _why(task: Task) -> object:
    return matching.why_nobody(task, AT)


def _best(task: Task) -> object:
    return matching.best(task, AT, COUNT)


def _one_row(task: Task) -> object:
    return Task.objects.filter(pk=task.pk).values_list("status").get()


def _durations(ids: Sequence[UUID], look: Callable[[Task], object]) -> dict[str, float]:
    """How long each look takes, at a task as a duty has it: without its need.

    "cpu" is the time on a core of this process and the database's: it says the same on a machine that
    has other things to do, where the time on the clock says mostly how long it had to wait.
    """
    cpu = _Cpu()
    walls, cpus = [], []
    for task in Task.objects.filter(pk__in=ids):
        used, begun = cpu.seconds(), time.perf_counter()
        look(task)
        walls.append((time.perf_counter() - begun) * 1000)
        cpus.append((cpu.seconds() - used) * 1000)
    return spread(walls) | {f"cpu_{name}": value for name, value in spread(cpus).items()}


class _Cpu:
    """Seconds this thread has run, and the process of PostgreSQL that answers it."""

    def __init__(self) -> None:
        self.backend: Path | None = None
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                self.backend = Path(f"/proc/{cursor.fetchone()[0]}/schedstat")

    def seconds(self) -> float:
        theirs = int(self.backend.read_text().split()[0]) / 1e9 if self.backend else 0.0
        return time.thread_time() + theirs


def _found(ids: Sequence[UUID]) -> list[tuple[int, int]]:
    """(queries, matches) of each task."""
    counted = []
    for task in Task.objects.filter(pk__in=ids):
        with CaptureQueriesContext(connection) as queries:
            matches = matching.best(task, AT, COUNT)
        counted.append((len(queries), len(matches)))
    return counted


def _timed(what: str, work: Callable[[], object]) -> None:
    begun = time.monotonic()
    work()
    say(bench="match", database=connection.vendor, what=what, load_s=round(time.monotonic() - begun, 1))


if __name__ == "__main__":
    main()
