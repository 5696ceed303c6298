"""The duty `deliver`: lease, send outside of any transaction, mark sent.

A crash in between sends twice with one idempotency key, never zero times.
"""

import logging
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from notify import text, transports
from notify.breaker import Breaker
from notify.models import Notice
from notify.transports import POST_LASTS, AddressGone, Message, NotNow, Post, Transport, TransportDown
from privacy.crypto import Unreadable
from privacy.due import URGENT_PAUSE, Lease, Swept, Watch, back_off, lease, wait

# A worker that died holds its notices so long. The last post of a batch begins early enough to end before.
LEASE = timedelta(seconds=8)
BATCH = 20
RUN_LASTS = timedelta(seconds=10)

log = logging.getLogger(__name__)

breakers: defaultdict[str, Breaker] = defaultdict(Breaker)


def run(at: datetime) -> Swept:
    """Send what is due, transport by transport. One that is down costs the others nothing."""
    swept, watch, name = Swept(), Watch(at), text.sender_name()
    for slug, transport in transports.offered().items():
        swept += Round(slug, transport, breakers[slug], watch, name).run()
    return swept


@dataclass(frozen=True)
class Round:
    """One look at what is due through one transport."""

    slug: str
    transport: Transport
    breaker: Breaker
    watch: Watch
    name: str

    def run(self) -> Swept:
        swept, ends = Swept(), self.watch.elapsed() + RUN_LASTS
        while self.watch.elapsed() < ends:
            now = self.watch.now()
            limit = self.breaker.allows(now, BATCH)
            if not limit:
                break
            taken = lease(Notice.objects.due(now).by(self.slug), now, limit, LEASE)
            swept += self.send_all(taken)
            if len(taken.rows) < limit:
                break
        return swept

    def send_all(self, taken: Lease[Notice]) -> Swept:
        """Send a batch over one connection. What was not reached is given back untried."""
        if not taken.rows:
            return Swept()
        swept = Swept()
        try:
            with self.transport.open() as post:
                for notice in taken.rows:
                    if self.watch.now() > taken.until - POST_LASTS:
                        break
                    swept += self.send(notice, post)
        except TransportDown:
            log.warning("transport %s is down", self.slug)
            self.breaker.failed(self.watch.now())
            swept += Swept(failed=1)
        taken.release()
        return swept

    def send(self, notice: Notice, post: Post) -> Swept:
        """Send one. Raises TransportDown; anything else that goes wrong concerns this one alone."""
        if not notice.is_still_ours():
            return Swept()
        opens = notice.channel.opens_at(self.watch.now())
        if opens > self.watch.now():
            notice.postpone(opens)
            return Swept()
        try:
            post(notice.channel.read_address(), self.message(notice))
        except TransportDown:
            # Perhaps it is this message that brings it down: the next probe is another one.
            wait(notice, self.watch.now() + URGENT_PAUSE)
            raise
        except (AddressGone, Unreadable):
            notice.drop(self.watch.now())
            notice.channel.broken(self.watch.now())
        except NotNow:
            back_off(notice, self.watch.now())
            return Swept(failed=1)
        except Exception as problem:
            log.error("a notice through %s failed: %s", self.slug, type(problem).__name__)
            back_off(notice, self.watch.now())
            return Swept(failed=1)
        else:
            notice.sent(self.watch.now())
        self.breaker.worked()
        return Swept(done=1)

    def message(self, notice: Notice) -> Message:
        subject, body = text.compose(self.name, notice.channel.language, notice.pace)
        return Message(self.name, subject, body, notice.message_key(), self.watch.now())
