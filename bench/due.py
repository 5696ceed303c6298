"""A million due notices: what one costs to be sent and purged, beside ten thousand; then bench/crew.py.

Needs DJANGO_SETTINGS_MODULE, DATA_DIR and, for PostgreSQL, DATABASE_URL: see bench/sections.py.
"""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import django
from django.apps import apps

if not apps.ready:
    django.setup()

from django.core.management import call_command
from django.db import connection

from bench import crew
from bench.figures import medians, ratios, say
from bench.outbox import Channels, fill
from notify import deliver, tasks, transports
from notify.models import Channel, Notice
from notify.transports import Message, Post, Transport
from privacy import clock, instance

FEW, MANY = 10_000, 1_000_000
SLICES = 5
RECIPIENTS = 200
# What the broom keeps, and a bit more.
LATER = timedelta(hours=1)


class Nowhere(Transport):
    """Takes every message at once: what is measured is the outbox, not the post."""

    label = address_label = "Nowhere"

    def is_set_up(self) -> bool:
        return True

    def clean(self, address: str) -> str:
        return address

    @contextmanager
    def open(self) -> Iterator[Post]:
        yield self.post

    def post(self, address: str, message: Message) -> None:
        return


def main() -> None:
    call_command("migrate", interactive=False, verbosity=0)
    instance.ensure(create=True)
    transports.register("nowhere", Nowhere())
    channels = [_channel(number) for number in range(RECIPIENTS)]
    few = medians(lambda: _drained(channels, FEW))
    usual = medians(lambda: _usual(channels, FEW))
    _fill(channels, MANY)
    slices = medians(lambda: _slice(MANY // SLICES), runs=SLICES)
    many = slices | _purged(MANY)
    what = "one row of the outbox"
    for rows, cost in ((FEW, few), (MANY, many)):
        say(bench="due", database=connection.vendor, what=what, due=rows, us=cost)
    say(
        bench="due",
        database=connection.vendor,
        what=f"{MANY} due rows over {FEW}",
        ratios=ratios(many, few),
        baseline={"what": "read all that is due, send, save, without a lease", "us": usual},
        ratio=round(few["send_us"] / usual["send_us"], 2),
    )
    crew.measure(connection.vendor)


def _channel(number: int) -> Channel:
    return Channel.objects.add(
        recipient=uuid.uuid4(), transport="nowhere", address=f"nobody {number}", language="en", at=clock.now()
    )


def _fill(channels: Channels, count: int) -> None:
    fill(channels, [clock.now() - timedelta(minutes=1)] * count)


def _drained(channels: Channels, count: int) -> dict[str, float]:
    _fill(channels, count)
    return _slice(count) | _purged(count)


def _slice(count: int) -> dict[str, float]:
    """Microseconds of sending one, over at least `count` of them."""
    began, sent = time.perf_counter(), 0
    while sent < count and (swept := deliver.run(clock.now())).done:
        sent += swept.done
    return {"send_us": _each(began, sent)}


def _purged(count: int) -> dict[str, float]:
    began, at = time.perf_counter(), clock.now() + LATER
    gone = 0
    while swept := tasks.purge(at).done:
        gone += swept
    assert gone == count, f"{gone} of {count} rows were purged"
    return {"purge_us": _each(began, gone)}


def _usual(channels: Channels, count: int) -> dict[str, float]:
    """The loop most people write first: nobody else may run it at the same time."""
    _fill(channels, count)
    began, at, post = time.perf_counter(), clock.now(), Nowhere().post
    name = "Notes"
    for notice in Notice.objects.filter(status="queued", send_after__lte=at).select_related("channel"):
        post(notice.channel.read_address(), _message(name, notice, at))
        notice.status, notice.purge_after = "sent", at
        notice.save()
    spent = {"send_us": _each(began, count)}
    return spent | _purged(count)


def _message(name: str, notice: Notice, at: datetime) -> Message:
    subject, body = deliver.text.compose(name, notice.channel.language, notice.pace)
    return Message(name, subject, body, notice.message_key(), at)


def _each(began: float, count: int) -> float:
    return 1e6 * (time.perf_counter() - began) / count


if __name__ == "__main__":
    main()
