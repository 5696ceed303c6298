"""The clock of the running system is set two hours forward, or back, and then right again.

On the embedded default the database goes by the same clock. PostgreSQL here goes by one that stays right.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests import live
from tests.journeys import faketime, post_office
from tests.journeys.clockwork import eventually
from tests.journeys.conftest import STAGES, Stage, on_stage
from tests.journeys.faketime import FakeClock
from tests.journeys.laid_rows import LaidRows
from tests.journeys.story import COMPANY, RIDE, STAY, Asker

pytestmark = [pytest.mark.once, pytest.mark.drill, pytest.mark.timeout(600)]

# Seconds for what happens within a few, on a machine that has much to do. By the clock that was set it would
# be two hours.
PATIENCE = 60.0
HOUR = timedelta(hours=1)
FORWARD, BACK = 2, -2


def right_now() -> datetime:
    """The clock of the test is never set."""
    return datetime.now(UTC)


@dataclass
class Night:
    """A running system and its clock; `health()` as anybody reads it."""

    stage: Stage
    rows: LaidRows
    clock: FakeClock

    def health(self) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(f"{self.stage.system.url}/healthz", timeout=5) as answer:
                return {"status": answer.status, **json.load(answer)}
        except urllib.error.HTTPError as refused:
            return {"status": refused.code, **json.load(refused)}

    def is_doubted(self) -> bool:
        report = self.health()
        return (report["status"], report["clock"]) == (503, False)

    def is_well(self) -> bool:
        return bool(self.health()["status"] == 200)

    def jump(self, hours: int) -> None:
        """Set it, and wait until the system says so."""
        self.clock.set(hours)
        assert eventually(self.is_doubted if hours else self.is_well, PATIENCE), self.health()
        # What is wrong is the clock. Nobody is silent, and what does not destroy is looked after.
        assert eventually(self.goes_on), self.health()

    def goes_on(self) -> bool:
        report = self.health()
        stopped = {name for name, duty in report["duties"].items() if not duty["healthy"]}
        return report["heartbeat"] <= PATIENCE and stopped <= {"expire", "purge", "forget-knocks"}

    def fires_in_time(self, count: int = 5) -> None:
        """What falls due in two seconds leaves, and not before: the broom has looked, and goes on looking."""
        due = right_now() + timedelta(seconds=2)
        notices = [self.rows.notice(due) for _ in range(count)]
        seen = [(self.rows.notice_status(notice), right_now()) for notice in notices]
        assert {status for status, at in seen if at < due} <= {"queued"}
        assert eventually(lambda: self.left(notices) == {"sent"}, PATIENCE), self.health()

    def left(self, notices: Iterable[int]) -> set[str]:
        return {self.rows.notice_status(notice) for notice in notices}


@pytest.fixture(params=STAGES, ids=lambda pair: "-".join(pair))
def night(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    folder = tmp_path_factory.mktemp("night")
    clock = faketime.clock(folder / "clock")
    with (
        post_office.opened() as post,
        live.instance(
            *request.param, folder / "data", LOG_LEVEL="ERROR", **post.environment, **clock.environment
        ) as system,
    ):
        system.start()
        stage = on_stage(system, post)
        yield Night(stage, LaidRows(system), clock)


@dataclass
class Laid:
    """What falls due in an hour: a hold, an escalation, an end, a message."""

    night: Night
    held: str
    asked: str
    ending: str
    notice: int
    asks_at: list[Any]
    reader: Asker

    def has_not_happened(self) -> None:
        rows = self.night.rows
        assert (rows.claims(self.held), rows.status(self.ending)) == (["held"], "open")
        assert (rows.notice_status(self.notice), rows.asks_next_at(self.asked)) == ("queued", self.asks_at)

    def lay(self) -> "Laid":
        rows, then = self.night.rows, right_now() + HOUR
        rows.lay("requests_app_claim", "held_until", then, "need_id", self.held)
        rows.lay("requests_app_task", "escalate_after", then, "need_id", self.asked)
        rows.lay("requests_app_need", "expires_at", then, "id", self.ending)
        self.notice = rows.notice(then)
        self.asks_at = rows.asks_next_at(self.asked)
        assert len(self.asks_at) == 1
        return self


def lay(night: Night) -> Laid:
    """Ben holds one, was asked about another; the third she can read."""
    stage = night.stage
    ben = stage.volunteer("Ben")
    first, second, third = stage.asker(), stage.asker(), stage.asker()
    first.asks(RIDE)
    ben.claims()
    second.asks(STAY)
    third.asks(COMPANY, note="Seventh bell.", desk_reads="no")
    laid = Laid(night, first.need(), second.need(), third.need(), 0, [], third)
    assert eventually(lambda: not night.rows.waits_to_be_asked(laid.asked) and night.is_well())
    return laid.lay()


def overdue(night: Night) -> str:
    """A need whose time is over, while the clock is doubted."""
    asker = night.stage.asker()
    asker.asks(RIDE, note="Under the lamp.", desk_reads="no")
    need = asker.need()
    night.rows.need_runs_out(need)
    return need


def kill_who_doubts(night: Night) -> None:
    """It dies while it doubts, and so does what made it. Others take their places."""
    before = night.stage.system.processes()
    victims = [process for process in before[2:4] if not process.children()]
    assert len(victims) == 1
    for victim in (victims[0], before[1]):
        victim.kill()
        assert eventually(lambda: len(night.stage.system.processes()) == len(before))
        night.stage.system.wait_until_it_answers()
        assert eventually(night.goes_on)
        assert night.is_doubted()


def test_two_hours_forward_and_back(night: Night) -> None:
    laid = lay(night)
    laid.reader.looks().says("Seventh bell.")

    night.jump(FORWARD)
    night.fires_in_time()
    over = overdue(night)
    kill_who_doubts(night)
    night.fires_in_time()
    laid.has_not_happened()
    # Nothing is destroyed on its word, and nobody reads on.
    assert night.rows.status(over) == "open"
    # Her session was idle for two hours, for all that anybody knows; her code opens.
    page = laid.reader.comes_back().says("Closed. Nobody is coming.")
    assert "Seventh bell." not in page
    # Whoever asks now is not kept waiting for two hours.
    told = len(night.stage.post.letters(night.stage.address("Ben")))
    night.stage.asker().asks(STAY)
    ben = night.stage.address("Ben")
    assert eventually(lambda: len(night.stage.post.letters(ben)) > told, PATIENCE)

    night.jump(0)
    night.fires_in_time()
    laid.has_not_happened()
    laid.reader.looks().says("Seventh bell.")
    assert eventually(lambda: night.rows.status(over) == "expired")


def test_two_hours_forward_and_the_desk_says_that_it_is_right(night: Night) -> None:
    laid = lay(night)
    night.jump(FORWARD)
    over = overdue(night)
    night.fires_in_time()
    laid.has_not_happened()

    before = right_now()
    page = night.stage.coordinator.desk().says("The clock of the machine jumped.")
    hours = {f"{moment + 2 * HOUR:%H:}" for moment in (before, right_now())}
    assert [hour for hour in hours if hour in page.text] != []
    night.stage.coordinator.browser.press("The clock is right")

    assert eventually(night.is_well, PATIENCE), night.health()
    assert eventually(lambda: night.rows.status(over) == "expired")
    if night.rows.postgresql:
        # The database's clock is what everybody goes by, and it was right all the time.
        laid.has_not_happened()
    else:
        assert eventually(lambda: night.rows.notice_status(laid.notice) == "sent", PATIENCE)
        assert eventually(lambda: night.rows.claims(laid.held) == ["lapsed"])
        assert eventually(lambda: night.rows.status(laid.ending) == "expired")
        assert night.rows.asks_next_at(laid.asked) != laid.asks_at
    night.clock.set(FORWARD + 2)
    assert eventually(night.is_doubted, PATIENCE)


@pytest.mark.parametrize("word", [False, True], ids=["put right", "the desk's word"])
def test_two_hours_back(night: Night, word: bool) -> None:
    laid = lay(night)
    night.jump(BACK)
    night.fires_in_time()
    over = overdue(night)
    # Claimed now: not over at once.
    cleo, asker = night.stage.volunteer("Cleo"), night.stage.asker()
    asker.asks(STAY)
    claimed = asker.need()
    # Somebody else asked for the same: not that one.
    cleo.browser.visit(f"/needs/{claimed}/")
    cleo.browser.press("I can do this", place="The blue door")
    night.fires_in_time()
    laid.has_not_happened()
    laid.reader.looks().says("Seventh bell.")
    assert (night.rows.status(over), night.rows.claims(claimed)) == ("open", ["held"])

    if word:
        night.stage.coordinator.desk().says("The clock of the machine jumped.")
        night.stage.coordinator.browser.press("The clock is right")
        assert eventually(night.is_well, PATIENCE), night.health()
    else:
        night.jump(0)
        assert eventually(lambda: night.rows.status(over) == "expired")
        night.fires_in_time()
    laid.has_not_happened()
    assert night.rows.claims(claimed) == ["held"]
    time_until_told = len(night.stage.post.letters(night.stage.address("Cleo")))
    night.stage.asker().asks(RIDE)
    cleo_at = night.stage.address("Cleo")
    assert eventually(lambda: len(night.stage.post.letters(cleo_at)) > time_until_told, PATIENCE)
