"""Pages and asks per second of the running system, beside one bare view and one bare INSERT there.

This process is the load: a few visitors at once, on 127.0.0.1, for a bounded number of requests.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from bench.figures import medians, say
from bench.visitor import Visitor, first_choice, hidden
from privacy.tickets import MAX_WAIT
from tests import live
from tests.live import LiveSystem

TABLE = "bench_row"  # as in bench/live_urls.py, which only the server can load
VISITORS = 2
VIEWS, ASKS = 150, 10  # for each visitor and run
Thing = TypeVar("Thing")


def main() -> None:
    folder = Path(os.environ["DATA_DIR"]) / "live"
    extra = {"DJANGO_SETTINGS_MODULE": "bench.live_settings"}
    with live.instance("sqlite", "memory", folder, **extra) as system:
        with sqlite3.connect(folder / "db.sqlite3") as database:
            database.execute(f"CREATE TABLE {TABLE} (id integer PRIMARY KEY, word text NOT NULL)")
        database.close()
        system.start()
        # Each run goes through all of them: what else the machine does hits all of them.
        rates = medians(lambda: _run(system))
    for what, baseline in (
        ("/", "bare view"),
        ("/a/stay/", "bare view"),
        ("ask", "bare INSERT"),
        ("ask", "bare view"),
    ):
        say(
            bench="pages",
            what=what,
            per_second=rates[what],
            baseline={"what": baseline, "per_second": rates[baseline]},
            ratio=round(rates[what] / rates[baseline], 4),
        )


def _run(system: LiveSystem) -> dict[str, float]:
    """What → how many a second, all visitors together."""
    return {
        "bare view": _views(system, "/bench/view/"),
        "/": _views(system, "/"),
        "/a/stay/": _views(system, "/a/stay/"),
        "bare INSERT": _views(system, "/bench/insert/"),
        "ask": _asks(system),
    }


def _views(system: LiveSystem, path: str) -> float:
    visitors = [Visitor(system.url) for _visitor in range(VISITORS)]
    for visitor in visitors:
        visitor.get(path)
    return _rate(visitors, lambda visitor: visitor.get(path), VIEWS)


def _asks(system: LiveSystem) -> float:
    """Only the POST counts; each visitor has its own form on the screen already."""
    groups = [[_form(system) for _ask in range(ASKS)] for _visitor in range(VISITORS)]
    # As long as nobody is quicker to fill it: then nobody waits for a ticket.
    time.sleep(MAX_WAIT.total_seconds())
    return _rate(groups, lambda forms: _send(forms.pop()), ASKS)


def _form(system: LiveSystem) -> tuple[Visitor, dict[str, str]]:
    visitor = Visitor(system.url)
    page = visitor.get("/a/stay/")
    typed = {name: hidden(page, name) for name in ("csrfmiddlewaretoken", "token", "ticket")}
    return visitor, typed | {name: first_choice(page, name) for name in ("area", "day")}


def _send(form: tuple[Visitor, dict[str, str]]) -> None:
    visitor, typed = form
    visitor.post("/a/stay/", **typed)


def _rate(things: Sequence[Thing], work: Callable[[Thing], object], times: int) -> float:
    """How often a second `work` was done, `times` for each thing, all things at once."""

    def repeat(thing: Thing) -> None:
        for _time in range(times):
            work(thing)

    with ThreadPoolExecutor(len(things)) as pool:
        begun = time.perf_counter()
        list(pool.map(repeat, things))
        return len(things) * times / (time.perf_counter() - begun)


if __name__ == "__main__":
    main()
