"""Real workers, a post office on loopback: what one more brings; how late news is at a thousand a minute."""

import contextlib
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from bench.figures import percentile, say
from bench.outbox import Channels, fill
from mutualaid import parent_death
from notify.models import Channel, Notice
from privacy import clock
from tests.notify import mailbox

CREWS = (1, 2, 4)
DUE = 1200
# What a relay on the internet may take for one message; one that answers at once.
SLOW, QUICK = 0.05, 0.002
A_MINUTE, MINUTE = 1000, 60.0
# What the design allows, in seconds.
ALLOWED = 2.0
PATIENCE = 300.0


class Stamped(list[tuple[float, str]]):
    """Mails with the moment each was taken, `takes` seconds after it was handed over."""

    takes = 0.0

    def append(self, mail: str) -> None:  # type: ignore[override]
        time.sleep(self.takes)
        super().append((time.time(), mail))


def measure(database: str) -> None:
    with mailbox.listening() as office:
        mails = Stamped()
        office.mails = mails  # type: ignore[assignment]
        environment = {"EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(office.port), "EMAIL_STARTTLS": "no"}
        with _told_by_mail() as channels:
            _workers(database, channels, mails, environment)
            _lateness(database, channels, mails, environment)


@contextlib.contextmanager
def _told_by_mail() -> Iterator[Channels]:
    added = [
        Channel.objects.add(
            recipient=uuid.uuid4(),
            transport="email",
            address=f"nobody-{number}@example.org",
            language="en",
            at=clock.now(),
        )
        for number in range(100)
    ]
    yield added


def _workers(database: str, channels: Channels, mails: Stamped, environment: Mapping[str, str]) -> None:
    mails.takes = SLOW
    rates = {}
    for count in CREWS:
        mails.clear()
        fill(channels, [clock.now()] * DUE)
        with _crew(count, environment):
            _until(_everything_is_sent)
        first, last = mails[0][0], mails[-1][0]
        rates[count] = round(DUE / (last - first), 1)
    say(
        bench="due",
        database=database,
        what="workers",
        post_takes_ms=1000 * SLOW,
        sent_per_second=rates,
        baseline={"what": "one worker", "sent_per_second": rates[CREWS[0]]},
        ratios={count: round(rate / rates[CREWS[0]], 2) for count, rate in rates.items()},
    )


def _lateness(database: str, channels: Channels, mails: Stamped, environment: Mapping[str, str]) -> None:
    mails.takes = QUICK
    mails.clear()
    with _crew(1, environment):
        begins = clock.now() + timedelta(seconds=5)
        due = [begins + timedelta(seconds=MINUTE * number / A_MINUTE) for number in range(A_MINUTE)]
        fill(channels, due)
        time.sleep(MINUTE)
        _until(_everything_is_sent)
    send_after = {notice.message_key(): notice.send_after for notice in Notice.objects.filter(status="sent")}
    late = [
        (datetime.fromtimestamp(moment, UTC) - send_after[_key(mail)]).total_seconds()
        for moment, mail in mails
    ]
    assert min(late) >= 0, "a notice left before it was due"
    found = {f"p{share:g}": round(percentile(late, share / 100), 2) for share in (50, 99, 100)}
    say(
        bench="due",
        database=database,
        what="lateness in seconds, a thousand due a minute, one worker",
        late_s=found,
        baseline={"what": "what the design allows at p99", "late_s": ALLOWED},
        ratio=round(found["p99"] / ALLOWED, 2),
    )


def _everything_is_sent() -> bool:
    return not Notice.objects.filter(status="queued").exists()


def _key(mail: str) -> str:
    found = re.search(r"^Message-ID: <(\w+)@", mail, re.MULTILINE)
    assert found is not None
    return found[1]


@contextlib.contextmanager
def _crew(count: int, environment: Mapping[str, str]) -> Iterator[None]:
    """So many workers, each a process of its own."""
    parent = os.getpid()
    crew = [
        subprocess.Popen(
            [sys.executable, "-m", "mutualaid.worker"],
            env=os.environ | environment,
            preexec_fn=lambda: parent_death.die_with(parent),
        )
        for _worker in range(count)
    ]
    try:
        yield
    finally:
        for worker in crew:
            worker.kill()
            worker.wait()


def _until(true: object) -> None:
    end = time.monotonic() + PATIENCE
    while not true():  # type: ignore[operator]
        if time.monotonic() > end:
            raise TimeoutError("The workers did not get to their end.")
        time.sleep(0.05)
