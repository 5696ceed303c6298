"""What a killed process held is free at once for whoever starts on the same machine; nobody else's is."""

import os
import uuid
from pathlib import Path

import pytest

from notify.models import Notice
from privacy import due, holders
from privacy.due import lease
from tests.killed import AFTER, BEFORE, FORK, killed
from tests.privacy.test_due import AT, overdue, rows


def held() -> int:
    return Notice.objects.filter(lease_token__isnull=False).count()


@pytest.mark.django_db(transaction=True)
def test_what_a_killed_process_held_is_given_back_and_what_the_living_hold_is_not() -> None:
    rows(6)
    ours = lease(overdue(), AT, limit=1)
    elsewhere = lease(overdue(), AT, limit=1)
    Notice.objects.filter(lease_token=elsewhere.token).update(lease_token=uuid.UUID(bytes=b"m" * 16))
    died = killed(lambda: lease(overdue(), AT, limit=3), "privacy.holders.new_token", AFTER)
    assert (died, held()) == (True, 2)
    died = killed(lambda: due.sweep(overdue(), AT, lambda row, at: None, 3), "privacy.due._give_all", BEFORE)
    before = held()
    due.inherit()

    assert (died, before, held()) == (True, 5, 2)
    assert Notice.objects.filter(lease_token=ours.token).count() == 1


def test_a_process_that_was_killed_and_not_yet_waited_for_is_dead() -> None:
    read, write = os.pipe()
    process = FORK.Process(target=lambda: os.write(write, holders.new_token().bytes) and os._exit(0))
    process.start()
    token = uuid.UUID(bytes=os.read(read, 16))
    os.waitid(os.P_PID, process.pid or 0, os.WEXITED | os.WNOWAIT)
    as_a_zombie = holders.is_dead(token)
    process.join()

    assert (as_a_zombie, holders.is_dead(token)) == (True, True)


def test_a_number_that_was_given_to_another_process_is_not_its_first_owners() -> None:
    own = holders.new_token().bytes
    earlier = own[:8] + (int.from_bytes(own[8:12]) - 1).to_bytes(4) + own[12:]

    assert not holders.is_dead(uuid.UUID(bytes=own))
    assert holders.is_dead(uuid.UUID(bytes=earlier))


def test_of_another_machine_nobody_knows_who_is_dead() -> None:
    own = holders.new_token().bytes
    earlier = own[:8] + bytes(4) + own[12:]
    there = bytes(byte ^ 0xFF for byte in own[:4]) + earlier[4:]

    assert holders.is_dead(uuid.UUID(bytes=earlier))
    assert not holders.is_dead(uuid.UUID(bytes=there))
    assert not holders.is_dead(uuid.uuid4())


def test_two_leases_of_one_process_have_two_tokens() -> None:
    assert holders.new_token() != holders.new_token()


def test_where_the_system_does_not_tell_nobody_is_dead(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(holders, "PROC", tmp_path)
    for cached in (holders._holder, holders._machine):
        cached.cache_clear()
    try:
        tokens = [holders.new_token() for _number in range(2)]
        told = [holders.is_dead(token) for token in tokens]
    finally:
        for cached in (holders._holder, holders._machine):
            cached.cache_clear()

    assert (told, len(set(tokens))) == ([False, False], 2)
