"""The duty `deliver`: lease, send outside of any transaction, mark sent.

A crash in between sends twice with one idempotency key, never zero times. Several lanes of one worker, and
several workers, do it side by side; what may last long is tried by some of them only.
"""

import logging
import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from notify import text, transports
from notify.breaker import Breaker
from notify.models import HOPELESS_AFTER, QUEUED, Channel, Notice, NoticeQuerySet
from notify.transports import POST_LASTS, AddressGone, Message, NotNow, Post, Transport, TransportDown
from privacy.crypto import Unreadable
from privacy.due import (
    OTHERS_FIRST,
    URGENT_ATTEMPTS,
    URGENT_PAUSE,
    Lease,
    Swept,
    Watch,
    goes_on,
    lease,
    suspect,
)

# A worker that died holds its notices so long. The last post of a batch begins early enough to end, and to be
# marked, before.
LEASE = timedelta(seconds=7)
LAST_POST = POST_LASTS + timedelta(milliseconds=500)
BATCH = 20
RUN_LASTS = timedelta(seconds=5)
# So many lanes of one worker send what goes well, and so many others what may last until it is cut: of those,
# one is never held by a machine that people named and that has not worked yet.
FRESH, RISKS = 3, 4
LANES = FRESH + RISKS
# So long a batch goes without asking the database whether its notices are still to be sent, and without
# marking those that were: a worker that is killed sends so much again.
MOMENT = timedelta(milliseconds=5)

log = logging.getLogger(__name__)

# By transport and gateway.
breakers: defaultdict[tuple[str, str], Breaker] = defaultdict(Breaker)
_fresh, _risks = threading.BoundedSemaphore(FRESH), threading.BoundedSemaphore(RISKS)
_strangers = threading.BoundedSemaphore(RISKS - 1)


def run(at: datetime) -> Swept:
    """Send what is due, gateway by gateway. One that is down, or hangs, costs the others nothing."""
    swept, watch, name = Swept(), Watch(at), text.sender_name()
    ways = [(slug, gateway) for slug in transports.offered() for gateway in Channel.objects.gateways(slug)]
    # Each lane begins elsewhere, so that a long queue is not the first for all of them.
    random.shuffle(ways)
    rounds = [Round(*way, transports.get(way[0]), _breaker(way), watch, name) for way in ways]
    while True:
        with _taken(_fresh) as free:
            swept += sum((one.run() for one in rounds if free), Swept())
        # Whoever was not asked for longest goes first: those that hang must not be all that is ever asked.
        by_turn = sorted(rounds, key=lambda one: one.breaker.risked_at)
        risked = sum((one.risk() for one in by_turn), Swept())
        swept += risked
        if not risked.done:
            return swept


def _breaker(way: tuple[str, str]) -> Breaker:
    """The same for all lanes, also where two ask for the first time at once."""
    return breakers.setdefault(way, Breaker())


@contextmanager
def _taken(*places: threading.Semaphore) -> Iterator[bool]:
    """Whether all of them are ours until the end of the block; nobody waits for them."""
    with ExitStack() as held:
        for place in places:
            if not place.acquire(blocking=False):
                yield False
                break
            held.callback(place.release)
        else:
            yield True


@dataclass(frozen=True)
class Round:
    """One look at what is due through one gateway."""

    slug: str
    gateway: str
    transport: Transport
    breaker: Breaker
    watch: Watch
    name: str

    def run(self) -> Swept:
        """Send what was never tried, through a gateway that worked the last time."""
        swept = Swept()
        while self.breaker.works and self.watch.elapsed() < RUN_LASTS:
            batch = self.lease(self.due().fresh(), BATCH)
            swept += self.send_all(batch)
            if len(batch) < BATCH:
                break
        return swept

    def risk(self) -> Swept:
        """Send what failed before, or what may show whether it works; unless another lane is at it."""
        swept = Swept()
        with _taken(self.breaker.risk, _risks, *(_strangers,) * self.is_strange()) as free:
            while free and self.watch.elapsed() < RUN_LASTS:
                batch = self.lease_risky()
                if not batch:
                    break
                self.breaker.risked_at = time.monotonic()
                swept += self.send_all(batch)
        return swept

    def is_strange(self) -> bool:
        """Whether it may be anybody's machine: people named it, and nothing ever went through."""
        return not (transports.is_ours(self.slug, self.gateway) or self.breaker.is_known)

    def lease_risky(self) -> Lease[Notice]:
        one = int(self.breaker.may_probe(self.watch.now()))
        if self.breaker.is_down:
            # Somebody else's, where there is one: perhaps it is the address that brings it down.
            return self.lease(self.due().fresh(), one) or self.lease(self.due(), one)
        strangers = 0 if self.breaker.works else BATCH
        return self.lease(self.due().fresh(), strangers) or self.lease(self.due().suspect(), one)

    def due(self) -> NoticeQuerySet:
        return Notice.objects.due(self.watch.now()).by(self.slug, self.gateway)

    def lease(self, due: NoticeQuerySet, limit: int) -> Lease[Notice]:
        now = self.watch.now()
        return lease(due, now, limit, LEASE) if limit else Lease.of_none(Notice, now)

    def send_all(self, taken: Lease[Notice]) -> Swept:
        """Send a batch over one connection. What was not reached is given back untried."""
        if not taken:
            return Swept()
        swept, batch, began = Swept(), Batch(taken, self.watch), self.watch.now()
        try:
            with self.transport.open() as post, batch:
                for notice in taken.rows:
                    began = self.watch.now()
                    if began > taken.until - LAST_POST:
                        break
                    if batch.is_still_ours(notice):
                        swept += self.send(notice, post, batch)
        except TransportDown as down:
            if not self.breaker.is_down:
                log.warning("transport %s is down", self.slug)
            # One that hung until it was cut has waited for long enough; a wish counts from when it was told.
            self.breaker.failed(self.watch.now() if down.after else began, down.after)
            swept += Swept(failed=1)
        taken.release()
        return swept

    def send(self, notice: Notice, post: Post, batch: "Batch") -> Swept:
        """Send one. Raises TransportDown; anything else that goes wrong concerns this one alone."""
        goes_on()
        began = self.watch.now()
        opens = notice.channel.opens_at(began)
        if opens > began:
            notice.postpone(opens)
            return Swept()
        try:
            post(notice.channel.read_address(), self.message(notice))
        except (AddressGone, Unreadable):
            notice.lead_nowhere(self.watch.now())
            batch.look_again()
        except TransportDown as down:
            tried_for_minutes = notice.attempts > URGENT_ATTEMPTS
            if self.is_strange() and tried_for_minutes and began - notice.send_after > HOPELESS_AFTER:
                notice.lead_nowhere(self.watch.now())
                raise
            if self.breaker.is_to_blame(began, failed_before=notice.attempts > 0):
                # Perhaps it is this message that brings it down: the next probe is another one.
                now = self.watch.now()
                until = max(began + URGENT_PAUSE, now + max(OTHERS_FIRST, down.after or OTHERS_FIRST))
                suspect(notice, until, counts=self.is_strange())
                raise
            notice.failed(self.watch.now(), began, down.after)
            return Swept(failed=1)
        except NotNow as refused:
            notice.failed(self.watch.now(), began, refused.after)
            self.breaker.worked(self.watch.now())
            return Swept(failed=1)
        except Exception as problem:
            log.error("a notice through %s failed: %s", self.slug, type(problem).__name__)
            notice.failed(self.watch.now(), began)
            return Swept(failed=1)
        else:
            batch.handed_over(notice)
        self.breaker.worked(self.watch.now())
        return Swept(done=1)

    def message(self, notice: Notice) -> Message:
        subject, body = text.compose(self.name, notice.channel.language, notice.pace)
        return Message(self.name, subject, body, notice.message_key(), self.watch.now())


class Batch:
    """Leased notices on their way. Whatever ends its block, what was handed over is marked as sent."""

    def __init__(self, taken: Lease[Notice], watch: Watch) -> None:
        self.taken, self.watch = taken, watch
        self.ours: set[int] = set()
        self.looked_at: timedelta | None = None
        self.handed: list[Notice] = []

    def is_still_ours(self, notice: Notice) -> bool:
        """Whether it is still to be sent, and by us: forgotten since it was taken, it is not."""
        now = self.watch.elapsed()
        if self.looked_at is None or now - self.looked_at >= MOMENT:
            self.mark()
            self.ours = set(self.taken.held().filter(status=QUEUED).values_list("pk", flat=True))
            self.looked_at = now
        return notice.pk in self.ours

    def look_again(self) -> None:
        """Others of the batch were dropped as well."""
        self.looked_at = None

    def handed_over(self, notice: Notice) -> None:
        self.handed.append(notice)

    def mark(self) -> None:
        if self.handed:
            Notice.objects.mark_sent(self.taken, self.handed, self.watch.now())
            self.handed = []

    def __enter__(self) -> "Batch":
        return self

    def __exit__(self, *_raised: object) -> None:
        self.mark()
