"""The cache that the processes of one machine share: it counts together, outlives them, and forgets."""

import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache

from mutualaid.settings import CACHES
from privacy import limits, shared_cache
from privacy.shared_cache import BUCKET_BYTES, WAYS, Memory, SharedMemory
from tests.privacy.test_limits import AT, _from

pytestmark = pytest.mark.once
FORK = multiprocessing.get_context("fork")


@pytest.fixture
def shared(request: pytest.FixtureRequest) -> SharedMemory:
    return SharedMemory(request.node.name, {"TIMEOUT": 3600})


def everything_in(one: SharedMemory) -> bytes:
    return bytes(one._memory.slots)


def test_the_instance_uses_it_where_no_other_cache_is_named() -> None:
    assert CACHES["default"]["BACKEND"] == "privacy.shared_cache.SharedMemory"
    assert settings.CACHES["default"]["KEY_FUNCTION"] == "privacy.cache_keys.blinded"


def test_it_does_what_a_cache_does(shared: SharedMemory) -> None:
    assert (shared.add("a", 1), shared.add("a", 2), shared.get("a")) == (True, False, 1)
    assert (shared.incr("a"), shared.incr("a", 5), shared.has_key("a")) == (2, 7, True)
    shared.set("b", [1.5] * 20)
    assert shared.get_many(["a", "b", "c"]) == {"a": 7, "b": [1.5] * 20}
    assert (shared.delete("b"), shared.delete("b"), shared.get("b", "nothing")) == (True, False, "nothing")
    assert (shared.touch("a", 60), shared.touch("b", 60)) == (True, False)
    with pytest.raises(ValueError, match="no such key"):
        shared.incr("b")
    shared.clear()
    assert (shared.get("a"), any(everything_in(shared))) == (None, False)


def test_what_ended_is_not_there(shared: SharedMemory) -> None:
    shared.set("over", 1, timeout=0)
    shared.set("kept", 1, timeout=None)

    assert (shared.get("over"), shared.add("over", 2), shared.get("kept")) == (None, True, 1)


def test_more_than_a_slot_takes_is_said_and_not_cut(shared: SharedMemory) -> None:
    with pytest.raises(ValueError, match="more than a slot"):
        shared.set("long", "x" * SharedMemory.MAX_VALUE)
    assert shared.get("long") is None


def test_twenty_thousand_spent_tickets_are_all_remembered_but_a_few(shared: SharedMemory) -> None:
    for number in range(20_000):
        shared.add(f"ticket-{number}", 1)

    lost = sum(not shared.has_key(f"ticket-{number}") for number in range(20_000))
    assert lost < 200


def test_where_there_is_no_room_what_ends_first_goes(shared: SharedMemory, monkeypatch: Any) -> None:
    monkeypatch.setattr(shared_cache, "BUCKETS", 1)
    shared.set("the-salt", b"salt", timeout=86_400)
    for number in range(3 * WAYS):
        shared.set(f"guess-{number}", 1, timeout=600 + number)

    assert shared.get("the-salt") == b"salt"
    assert [n for n in range(3 * WAYS) if shared.get(f"guess-{n}")] == list(range(2 * WAYS + 1, 3 * WAYS))


def count(shared: SharedMemory, times: int) -> None:
    for _time in range(times):
        shared.incr("count")


def test_several_processes_count_together_and_lose_none(shared: SharedMemory) -> None:
    shared.set("count", 0)
    processes = [FORK.Process(target=count, args=(shared, 500)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)

    assert shared.get("count") == 2000


def die_holding(shared: SharedMemory) -> None:
    with shared._memory.held():
        os.kill(os.getpid(), signal.SIGKILL)


def test_whoever_dies_holding_it_lets_go(shared: SharedMemory) -> None:
    shared.set("before", 1)
    process = FORK.Process(target=die_holding, args=(shared,))
    process.start()
    process.join(60)

    assert (process.exitcode, shared.get("before")) == (-signal.SIGKILL, 1)


def die_writing(shared: SharedMemory) -> None:
    class Deadly:
        pack_into = staticmethod(lambda *_rest: os.kill(os.getpid(), signal.SIGKILL))

    shared_cache._LENGTH = Deadly  # type: ignore[assignment]
    shared._memory.wipe = lambda at: None  # type: ignore[method-assign]
    shared.set("half", "new")


def test_whoever_dies_writing_leaves_no_half_of_an_entry(shared: SharedMemory) -> None:
    process = FORK.Process(target=die_writing, args=(shared,))
    process.start()
    process.join(60)

    assert process.exitcode == -signal.SIGKILL
    assert b"new" in everything_in(shared)
    assert (shared.get("half"), shared.add("half", "whole"), shared.get("half")) == (None, True, "whole")


def test_yesterdays_salt_is_overwritten_and_so_is_every_count(monkeypatch: pytest.MonkeyPatch) -> None:
    cache.clear()
    limits.hit(_from("127.83.19.7"), "code", AT)
    salt = cache.get(f"limits:salt:{AT:%Y%j}")
    memory = shared_cache._memory[""]
    assert salt in bytes(memory.slots)
    tomorrow = time.time() + 86_400 + 1
    monkeypatch.setattr("privacy.shared_cache.time.time", lambda: tomorrow)

    shared_cache.forget_expired()

    assert salt not in bytes(memory.slots)
    assert not any(bytes(memory.slots))


def test_looking_for_what_ended_takes_no_memory(shared: SharedMemory) -> None:
    shared.set("one", 1, timeout=0)
    shared.set("two", 1, timeout=60)
    in_use = len(list(shared._memory.in_use()))

    shared._memory.forget_expired()

    assert (in_use, len(list(shared._memory.in_use()))) == (2, 1)
    assert os.fstat(shared._memory.handle).st_blocks * 512 == BUCKET_BYTES
    assert shared.get("two") == 1


def test_it_is_no_file() -> None:
    memory = Memory()

    assert str(Path(f"/proc/self/fd/{memory.handle}").readlink()).startswith("/memfd:")
