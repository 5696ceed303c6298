"""Rings while workers stop, work side by side, are killed and start again: nobody twice, nobody too often.

What the gateway wrote down is compared with what the database says was asked.
"""

import os
import signal
import time
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.faults.gateway import EVERYBODY
from tests.faults.rig import Rig, wait_until
from tests.journeys.story import today

pytestmark = [pytest.mark.drill, pytest.mark.once, pytest.mark.timeout(600)]

PEOPLE, NEEDS, CAP = 14, 8, 3
KILLS = 40


def rows(rig: Rig, sql: str) -> list[tuple[Any, ...]]:
    return rig.rows._do(sql, [])


def asked(rig: Rig) -> set[tuple[str, Any, int]]:
    """(person, need, ring) of everything anybody was asked, as the database has it."""
    found = rows(
        rig,
        """SELECT p.volunteer_id, t.id, t.need_id, p.ring FROM requests_app_proposal p
            JOIN requests_app_task t ON t.id = p.task_id WHERE p.asked_at IS NOT NULL""",
    )
    # About each task once.
    assert len(found) == len({row[:2] for row in found})
    return {(uuid.UUID(str(row[0])).hex, row[2], row[3]) for row in found}


def counted(rig: Rig) -> list[int]:
    return [int(row[0]) for row in rows(rig, "SELECT asked_today FROM volunteers_volunteer")]


def told(rig: Rig) -> Counter[str]:
    """Address → how many different messages the gateway took: a crash may send the same one twice."""
    return Counter(address for address, _key in {(entry.address, entry.key) for entry in rig.book.taken()})


def everybody_is_told(rig: Rig) -> bool:
    return wait_until(lambda: rig.rows.notices("queued") == 0)


def next_rings_are_due(rig: Rig, needs: list[str]) -> None:
    for need in needs:
        rig.rows.next_ring_is_due(need)


def kill_somebody(rig: Rig) -> None:
    pids = rig.worker_pids()
    if pids:
        os.kill(rig.chance.choice(pids), signal.SIGKILL)


def check(rig: Rig) -> None:
    """Nobody over the cap, in what was asked, in what was counted, in what left."""
    needs = Counter(person for person, _need in {row[:2] for row in asked(rig)})
    assert max(counted(rig)) <= CAP
    assert max(needs.values()) <= CAP
    assert max(told(rig).values()) <= CAP


@pytest.mark.parametrize("database", ["postgresql", "sqlite"])
def test_nobody_is_asked_twice_or_too_often_and_it_stops_when_held(
    a_rig: Callable[[str], Rig], database: str
) -> None:
    # Whoever was asked often enough today may be asked again tomorrow.
    today(lasts=timedelta(minutes=4))
    rig = a_rig(database)
    rig.book.takes[EVERYBODY] = 0.05
    made = rig.ask("tests.faults.people", people=PEOPLE, needs=NEEDS, cap=CAP)
    needs = made["needs"]

    # Nobody works: nobody is asked, however long it is due.
    time.sleep(2)
    assert asked(rig) == set()

    # Two workers at once, killed again and again in the middle of rings that follow one another.
    rig.workers(2)
    for number in range(KILLS):
        time.sleep(rig.chance.uniform(0.1, 0.6))
        kill_somebody(rig)
        if number % 4 == 0:
            next_rings_are_due(rig, needs)
    assert wait_until(lambda: len(asked(rig)) > NEEDS)
    assert everybody_is_told(rig)
    check(rig)
    # Whoever was asked was told, and never twice in one ring of one need.
    for person, address in made["addresses"]:
        theirs = {row for row in asked(rig) if row[0] == uuid.UUID(person).hex}
        assert len({need for _person, need, _ring in theirs}) <= told(rig)[address] <= len(theirs)

    # Held, while rings are due all the time: nobody more is asked about it.
    some = needs[: NEEDS // 2]
    rig.ask("tests.faults.people", takes=some)
    about = "SELECT count(*) FROM requests_app_proposal p JOIN requests_app_task t ON t.id = p.task_id"
    held = f"{about} WHERE t.status = 'held' AND p.asked_at IS NOT NULL"
    before = rows(rig, held)
    for _look in range(5):
        next_rings_are_due(rig, needs)
        kill_somebody(rig)
        time.sleep(1)
    assert rows(rig, held) == before
    assert everybody_is_told(rig)
    check(rig)
