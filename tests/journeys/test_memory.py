"""What she typed, read and opened is in the memory of the process that served her, and goes with it.

docs/threat-model.md says how long it stays and what is left: this is where that is measured.
"""

import base64
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from tests.journeys import post_office
from tests.journeys.canary import Canaries
from tests.journeys.conftest import STAGES, Stage, on_stage
from tests.journeys.memory import dump, dump_after, found, those_that_stay
from tests.journeys.story import RIDE, THERE, Asker
from tests.live import ROOT, LiveSystem

pytestmark = [pytest.mark.drill, pytest.mark.timeout(900)]

# What docs/threat-model.md promises.
SECONDS, LEFT = 60, 0

HER_KEYS = """
import json, sys
import django
django.setup()
from privacy import clock, codes
from privacy.models import Compartment
from requests_app.models import Mailbox
mailbox, seed = Mailbox.objects.behind(codes.read(sys.argv[1]), clock.now())
unlocked = mailbox.unlocked(seed)
keys = {"seed": seed, "private key": unlocked.private_key}
mine = Compartment.objects.filter(grants__reader_id=str(mailbox.pk))
for number, row in enumerate(mine):
    opened = row.open(unlocked.reader, unlocked.private_key)
    keys |= {f"key {number}": opened._key, f"content key {number}": opened._content_key}
print(json.dumps({name: key.hex() for name, key in keys.items()}))
"""


@pytest.fixture(scope="module", params=STAGES, ids="-".join)
def stage(request: pytest.FixtureRequest, live_system: Callable[..., LiveSystem]) -> Iterator[Stage]:
    with post_office.opened() as post:
        yield on_stage(live_system(*request.param, **post.environment), post)


class Visit:
    """One asker, everything she types and is given, and her keys."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.hers = stage, Canaries()
        self.asker = Asker(stage.browser())
        self.asker.browser.user_agent = self.hers.new("user agent")

    def happens(self) -> None:
        """She asks, comes back with her code, says yes, writes; everything of hers is on her page."""
        new, asker, ben = self.hers.new, self.asker, self.stage.people["Ben"]
        told = {"tell_by": "email", "email": new("address", after="@example.org")}
        asker.asks(RIDE, note=new("note"), q_to=new("answer"), desk_reads="no", **told)
        self.hers.words("return code", asker.code)
        self.keep_cookie("first cookie")
        asker.leaves()
        ben.claims(THERE)
        asker.comes_back()
        asker.approves("Ben", place=new("place"))
        asker.writes("Ben", new("her message"))
        ben.writes(new("his message"))
        page = asker.looks()
        page.says(*(self.hers.typed[label] for label in ("note", "place", "her message", "his message")))
        self.keep_cookie("last cookie")
        self.keep_keys()

    def begins(self) -> None:
        """She asks, and closes the lid: her session goes on until it was idle too long."""
        self.asker.asks(RIDE, note=self.hers.new("note"), desk_reads="no")
        self.hers.words("return code", self.asker.code)
        self.keep_cookie("cookie")
        self.keep_keys()

    def keep_cookie(self, label: str) -> None:
        text = self.asker.browser.cookies["s"]
        self.hers.secret(label, text.encode(), base64.urlsafe_b64decode(text + "="))

    def keep_keys(self) -> None:
        system = self.stage.system
        command = [sys.executable, "-c", HER_KEYS, " ".join(self.asker.code)]
        done = subprocess.run(
            command, cwd=ROOT, env=system.environment, check=True, capture_output=True, text=True
        )
        for name, key in dict(json.loads(done.stdout)).items():
            self.hers.secret(name, bytes.fromhex(key))

    def everything(self) -> set[str]:
        return {*self.hers.needles, *self.hers.others}


def test_a_minute_after_she_left_nothing_of_her_is_in_the_memory_of_the_web_process(stage: Stage) -> None:
    if "Ben" not in stage.people:
        stage.volunteer("Ben")
    visit = Visit(stage)
    visit.happens()
    while_there = dump_after(stage.system, visit.asker.looks)
    visit.asker.leaves()
    just_left = dump_after(stage.system, lambda: None)
    idle = Visit(stage)
    idle.begins()
    others_come_and_go(stage, until=time.monotonic() + SECONDS)
    after = dump_after(stage.system, lambda: None)
    rest = {process.pid: dump(process.pid) for process in those_that_stay(stage.system)}

    there, gone = found(while_there, visit.hers), found(after, visit.hers)
    print(
        json.dumps(
            {
                "drill": "memory",
                "of": len(visit.everything()),
                "while she is there": len(there),
                "as she left": sorted(found(just_left, visit.hers)),
                f"{SECONDS} s later": sorted(gone),
                "in the others": {pid: sorted(found(parts, visit.hers)) for pid, parts in rest.items()},
            }
        )
    )
    # It was looked for in the right place.
    assert {"note", "place", "her message", "seed"} <= there
    assert (len(gone), len(found(after, idle.hers))) == (LEFT, LEFT)


def others_come_and_go(stage: Stage, until: float) -> None:
    """Ordinary visits, one now and then."""
    other = stage.browser()
    while time.monotonic() < until:
        for path in ("/", "/a/ride/", "/a/return/", "/accounts/login/", "/healthz"):
            other.visit(path)
        time.sleep(min(2, max(0, until - time.monotonic())))
