"""The worker: a ticker that asks the rows what is due, and a pool that does it.

Nothing depends on a broker. A row that is due is the promise; the ticker only says "look now", to the pool of
its own process. The task `look` lets somebody else say it too: it carries a duty's name and no fact.
"""

import logging
import os
import threading
import time
from datetime import datetime, timedelta
from typing import Any

import django
from celery import Celery, bootsteps
from django.apps import apps
from django.conf import settings
from django.db import close_old_connections, connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mutualaid.settings")
if not apps.ready:
    django.setup()

from mutualaid.duties import DUTIES
from privacy import ballast, clock, due, shared_cache
from privacy.due import Duty, Watch
from privacy.models import HEART, Heartbeat

TICK = 1.0  # seconds between two looks
BEAT = 3.0  # seconds between two heartbeats
SET_BACK = timedelta(minutes=1)
FORGET = 60.0  # seconds between two looks at what ended in the cache
# Nothing waits for a thread because others hang. One that nobody ever needed is not there.
THREADS = sum(duty.lanes for duty in DUTIES)

log = logging.getLogger(__name__)

app = Celery("mutualaid", set_as_current=True)
app.conf.update(
    broker_url=settings.CELERY_BROKER_URL,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_connection_timeout=2,
    # Unacknowledged work comes back after a minute, not after Redis's usual hour.
    broker_transport_options={"socket_timeout": 2, "socket_connect_timeout": 2, "visibility_timeout": 60},
    task_publish_retry=False,
    task_ignore_result=True,
    task_acks_late=True,
    task_serializer="json",
    accept_content=["json"],
    # What was called with which arguments stays out of messages and events.
    task_send_sent_event=False,
    worker_send_task_events=False,
    worker_enable_remote_control=False,
    task_default_queue="look",
    worker_pool="threads",
    worker_concurrency=THREADS,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    enable_utc=True,
    timezone="UTC",
)


def run_duty(duty: Duty) -> bool:
    """Do what is due for one duty; whether it got to its end. No error leaves here with its text."""
    if duty.destroys and clock.jumped():
        return False
    try:
        close_old_connections()
        duty.run(clock.steady())
    except Exception as problem:
        # One duty must not stop the others.
        log.error("duty %s stopped: %s", duty.name, type(problem).__name__)
        return False
    finally:
        connections.close_all()
    return True


@app.task(name="mutualaid.look")  # type: ignore[untyped-decorator]
def look(name: str) -> None:
    """Somebody says that duty `name` may have something to do; an unknown name is ignored."""
    for duty in DUTIES:
        if duty.name == name:
            run_duty(duty)


class Ticker(bootsteps.StartStopStep):  # type: ignore[misc]
    """In every worker, beside its pool: once a second, is anything due? Ticking twice does no harm."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self.stopping = threading.Event()
        # Which lanes of which duties are at work; the duties that got on since the last beat, and those
        # that did not get to their end the last time.
        self.busy: set[tuple[str, int]] = set()
        self.ended: set[str] = set()
        self.failing: set[str] = set()
        self.beaten = self.forgot = float("-inf")
        self.stumbling = self.inherited = False
        self.doubts = False
        self.watch: Watch | None = None
        self.thread: threading.Thread | None = None

    def start(self, worker: Any) -> None:
        self.thread = threading.Thread(target=self.tick_for_ever, args=(worker.pool,), daemon=True)
        self.thread.start()

    def stop(self, worker: Any) -> None:
        self.stopping.set()
        if self.thread is not None:
            self.thread.join(timeout=5)

    def tick_for_ever(self, pool: Any) -> None:
        """Look at once, for whoever died may have left something half done; then once a second."""
        while not self.stopping.is_set():
            try:
                self.tick(pool)
                self.stumbling = False
            except Exception as problem:
                # The database is away, was restarted, or worse: a ticker that ended would end every promise.
                if not self.stumbling:
                    log.error("the ticker cannot look: %s", type(problem).__name__)
                self.stumbling = True
                connections.close_all()
            self.stopping.wait(TICK)
        connections.close_all()

    def tick(self, pool: Any) -> None:
        """Look once, read-only, and hand each duty that has something to do to the pool."""
        # First of all: on a full disk nothing can be looked at either.
        ballast.look_after()
        ballast.fill_holes()
        if time.monotonic() - self.forgot >= FORGET:
            shared_cache.forget_expired()
            self.forgot = time.monotonic()
        if not self.inherited:
            due.inherit()
            self.inherited = True
        clocks = clock.read()
        at, waits = clocks.steady, Heartbeat.objects.clock_is_doubted(clocks.raw)
        self.keep_due(at)
        for duty in DUTIES:
            if waits and duty.destroys:
                # Every query treats what is overdue as over. What is destroyed is gone: that waits.
                continue
            free = self.free_lanes(duty)
            if free and duty.is_due(at):
                self.begin(pool, duty, free[0])
            elif free:
                # Whatever failed before: somebody else did it, or it rests.
                self.failing.discard(duty.name)
        if time.monotonic() - self.beaten >= BEAT:
            self.tell_doubt(clocks.raw)
            self.beat(at, waits)
            self.beaten = time.monotonic()

    def begin(self, pool: Any, duty: Duty, lane: int) -> None:
        self.busy.add((duty.name, lane))
        try:
            pool.apply_async(self.run, (duty, lane))
        except BaseException:
            # No room for another thread: the lane is not at work, and is asked again.
            self.busy.discard((duty.name, lane))
            raise

    def tell_doubt(self, raw: datetime) -> None:
        """Say that this worker doubts the clock, while it does; others who doubt it say so again."""
        before, self.doubts = self.doubts, Heartbeat.objects.doubts_here()
        if before or self.doubts:
            Heartbeat.objects.tell_doubt(self.doubts, raw)

    def keep_due(self, at: datetime) -> None:
        """Where the desk said that an earlier clock is right: what was due by the other is not due later."""
        would_be = self.watch.now() if self.watch else at
        self.watch = Watch(at)
        if would_be - at > SET_BACK:
            for duty in DUTIES:
                if not duty.destroys:
                    duty.keep_due(would_be, at)

    def beat(self, at: datetime, waits: bool) -> None:
        """Say that this worker lives, and which duties it has looked through to their end.

        The first time all of them: from then on it counts how long one was not.
        """
        first = self.beaten == float("-inf")
        ended, self.ended = self.ended, set()
        swept = [duty.name for duty in DUTIES if first or duty.name in ended or self.is_idle(duty)]
        if waits:
            swept = [duty.name for duty in DUTIES if duty.name in swept and not duty.destroys]
        Heartbeat.objects.beat(HEART, swept, at)

    def is_idle(self, duty: Duty) -> bool:
        """Nobody is at it, and it was done to its end the last time there was something to do."""
        return len(self.free_lanes(duty)) == duty.lanes and duty.name not in self.failing

    def free_lanes(self, duty: Duty) -> list[int]:
        return [lane for lane in range(duty.lanes) if (duty.name, lane) not in self.busy]

    def run(self, duty: Duty, lane: int) -> None:
        due.sign_of_life.set(lambda: self.ended.add(duty.name))
        try:
            if run_duty(duty):
                self.ended.add(duty.name)
                self.failing.discard(duty.name)
            else:
                self.failing.add(duty.name)
        finally:
            self.busy.discard((duty.name, lane))


app.steps["worker"].add(Ticker)
