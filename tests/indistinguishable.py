"""Whether answers can be told apart: by what is in them, or by how long they take on a busy machine.

For the time, all kinds are asked in rounds, each once a round and in an order that changes, so that whatever
else the machine does hits all of them. If a kind makes no difference, it makes none which of a round's times
is called which: its median lies as far from the others' as after the names were shuffled within each round,
which is what several runs of one kind are.
"""

import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

ROUNDS = 200
SHUFFLES = 2000
# Seconds. Reading what was typed differs by that much from one code to the next, whatever is stored; on a
# machine that does nothing else chance is smaller.
RESOLUTION = 0.0005
WRITE = re.compile(r"INSERT|UPDATE|DELETE")


@dataclass(frozen=True)
class Answer:
    """What somebody who only watches from outside can compare, and what the work inside was."""

    status: int
    headers: tuple[tuple[str, str], ...]
    cookies: tuple[tuple[str, str], ...]
    body: bytes
    queries: tuple[str, ...]
    derivations: int

    @property
    def writes(self) -> list[str]:
        return [query for query in self.queries if WRITE.match(query)]


def timed(kinds: Mapping[str, Callable[[], object]], rounds: int = ROUNDS) -> list[list[float]]:
    """Seconds: one list a round, in the order of `kinds`."""
    names, found = list(kinds), []
    for each in range(rounds + 3):
        times = dict.fromkeys(names, 0.0)
        for name in random.sample(names, len(names)):
            begun = time.perf_counter()
            kinds[name]()
            times[name] = time.perf_counter() - begun
        # The first few load what is then kept.
        if each >= 3:
            found.append(list(times.values()))
    return found


def apart(rounds: Sequence[Sequence[float]]) -> tuple[float, float]:
    """(how far the medians of the kinds are apart, how far at most after SHUFFLES shuffles), in seconds;
    the second is at least RESOLUTION."""
    dice = random.Random("the same every time")
    shuffled = (_spread([dice.sample(times, len(times)) for times in rounds]) for _ in range(SHUFFLES))
    return _spread(rounds), max(RESOLUTION, *shuffled)


def is_told_apart(kinds: Mapping[str, Callable[[], object]]) -> bool:
    """Whether it is seen that the kinds differ, and seen once more in one of two further looks: in one look
    in SHUFFLES they seem to by chance."""
    return _look(kinds) and any(_look(kinds) for _more in range(2))


def _look(kinds: Mapping[str, Callable[[], object]]) -> bool:
    found, by_chance = apart(timed(kinds))
    return found > by_chance


def _spread(rounds: Sequence[Sequence[float]]) -> float:
    medians = [median(times) for times in zip(*rounds, strict=True)]
    return max(medians) - min(medians)
