"""Where a random walk of tests/mutualaid/test_model.py takes place: an instance in use, a model, a moment."""

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db import transaction

from notify import deliver
from privacy.crypto import Unreadable
from privacy.states import MoveRefused, SomebodyWasFaster
from requests_app.models import Claim, KeyChanged, Mailbox, Need, NotForYou, NotNow, TooLate
from requests_app.visits import Visit
from tests.mutualaid.model import (
    DECLINED,
    Chosen,
    Has,
    Her,
    Model,
    Part,
    Somebody,
    Wanted,
)
from tests.mutualaid.vault import Vault
from tests.notify.pigeons import Pigeons
from tests.requests_app.world import World
from tests.volunteers.people import AT, Person
from volunteers.models import Volunteer

REFUSED = (SomebodyWasFaster, MoveRefused, NotNow, NotForYou, TooLate, KeyChanged, Unreadable)
SECOND, MINUTE, HOUR, DAY = (
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
)


@dataclass(frozen=True)
class Step:
    """What somebody, or time, can do: how often it is drawn, and what from."""

    weight: int
    drawn: dict[str, Sequence[Any]]


def step(weight: int, **drawn: Sequence[Any]) -> Callable[[Any], Any]:
    def mark(verb: Any) -> Any:
        STEPS[verb.__name__] = Step(weight, drawn)
        return verb

    return mark


STEPS: dict[str, Step] = {}


class Ground:
    """One instance in use. `people` and the coordinator were there before; what a walk adds is undone.

    `did`: how often each step was done and not refused. `told`: key of a message → what it was about.
    """

    world: World
    people: list[Person]
    did: Counter[str]
    loft: Pigeons
    set_clock: Callable[[datetime], None]
    keyring_path: Any

    def __init__(self) -> None:
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.at = AT
        self.set_clock(AT)
        self.model = Model(Chosen(self._until, self._purge))
        self.persons: dict[Somebody, Person] = {}
        self.visits: dict[Her, Visit] = {}
        self.second: dict[Her, tuple[Visit, str, Her]] = {}
        self.vault = Vault()
        self.told: dict[str, str] = {}
        self.owners: dict[str, Somebody | Wanted] = {}
        self.loft.posted.clear()
        self.loft.trouble.clear()
        deliver.breakers.clear()
        # The walk before this one tried the same roofs.
        cache.clear()
        self.roofs = self.turn = 0

    # What the system chose

    def _until(self, has: Has) -> datetime:
        until = Claim.objects.get(pk=has.id).held_until
        return until or self.at

    def _purge(self, need: Wanted) -> datetime | None:
        return Need.objects.get(pk=need.id).purge_after

    # Whom and what a step is about

    def _somebody(self, n: int) -> Somebody:
        return self.model.people[n % len(self.model.people)]

    def _volunteer(self, who: Somebody) -> Volunteer:
        return Volunteer.objects.get(pk=self.persons[who].volunteer.pk)

    def _need(self, n: int) -> Wanted | None:
        needs = self.model.needs()
        return needs[n % len(needs)] if needs else None

    def _part(self, n: int, m: int) -> Part | None:
        need = self._need(n)
        return need.parts[m % len(need.parts)] if need else None

    def _has(self, n: int, m: int, k: int, *states: str) -> tuple[Part, Has] | None:
        """Somebody's claim on a part; most often one in which something goes on."""
        claims = [pair for need in self.model.needs() for pair in need.claims()]
        wanted = [pair for pair in claims if pair[1].status in states] or claims
        return wanted[(n + 6 * m + 36 * k) % len(wanted)] if wanted else None

    def _row(self, has: Has) -> Claim:
        related = ("task", "need", "need__mailbox", "volunteer", "offer")
        return Claim.objects.select_related(*related).get(pk=has.id)

    def _done(self, verb: Callable[[], object]) -> bool:
        """Whether it was not refused; counted under the step that did it."""
        try:
            verb()
        except REFUSED:
            return False
        self.did[sys._getframe(1).f_code.co_name] += 1
        return True

    def _open(self, her: Her) -> Visit | None:
        """Her open page, as the session looks for it at every request."""
        visit = self.visits[her]
        found = Mailbox.objects.visited(str(visit.mailbox.pk), visit.mailbox.epoch, visit.seed, self.at)
        if her.open and not her.hidden(self.at):
            assert found is not None
        if not her.open:
            assert found is None
        return Visit(found, visit.seed, visit.secret) if found else None

    def _leaves(self, pair: tuple[Part, Has] | None, to: str, never: bool) -> None:
        if pair is None:
            return
        claim = self._row(pair[1])
        verb = claim.decline if to == DECLINED else claim.release
        done = self._done(lambda: verb(self.at, never_again=never))
        assert done == self.model.leave(*pair, to, self.at, never)
