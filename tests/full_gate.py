"""So many people wait, for a turn and for a price, that nobody else may."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from privacy import gate


@contextmanager
def everybody_waits() -> Iterator[None]:
    """While the block runs."""
    with ExitStack() as crowd:
        for places in (gate._turns, gate._prices):
            for _place in range(gate.PLACES):
                crowd.enter_context(gate._a_place(places))
        yield
