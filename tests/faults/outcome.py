"""What became of the notices of one fault, read from the gateway's book alone."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from tests.faults.gateway import Entry

# Clocks are read a moment before and after what they say: databases keep microseconds, and round.
ROUNDING = 0.002


@dataclass(frozen=True)
class Outcome:
    """Of `laid` notices, with a fault that lasted so many seconds: how many never arrived, arrived more than
    once, or before their time.

    `strangers`: what arrived under a key that no notice has, or at another's address: a duplicate that does
    not carry its first key would be one. `latest`: seconds from the fault's end, or from its own due time
    where that is later, until the last one arrived for the first time. `during`: how often somebody came to
    the gateway while the fault lasted; `again`: duplicates that arrived after its end.
    """

    laid: int
    lasted: float
    lost: int
    duplicates: int
    strangers: int
    early: int
    latest: float
    during: int
    again: int

    def figures(self) -> dict[str, float]:
        return asdict(self)


def of(
    laid: Mapping[str, tuple[str, float]], entries: Sequence[Entry], began: float, ended: float
) -> Outcome:
    """`laid`: key → (address, due); `began` and `ended` by the same clock as the entries."""
    first: dict[str, float] = {}
    strangers, early, again = 0, 0, 0
    taken = [entry for entry in entries if entry.taken]
    for entry in taken:
        address, due = laid.get(entry.key, (None, 0.0))
        if address != entry.address:
            strangers += 1
            continue
        early += entry.at < due - ROUNDING
        again += entry.key in first and entry.at > ended
        first.setdefault(entry.key, entry.at)
    late = [at - max(ended, laid[key][1]) for key, at in first.items()]
    return Outcome(
        laid=len(laid),
        lasted=round(ended - began, 1),
        lost=len(laid) - len(first),
        duplicates=len(taken) - strangers - len(first),
        strangers=strangers,
        early=early,
        latest=round(max([0.0, *late]), 2),
        during=sum(began <= entry.at <= ended for entry in entries),
        again=again,
    )
