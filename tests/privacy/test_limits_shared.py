"""What the processes of a grown instance share to count tries, and what is left of it in the cache."""

import multiprocessing
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from django.http import HttpRequest
from django.test import RequestFactory

from privacy import instance, limits
from privacy.cache_keys import blinded
from privacy.caches import ForgivingRedis

NOON = datetime(2030, 5, 6, 12, 0, tzinfo=UTC)
ADDRESS = "192.0.2.7"
OF_THE_NET = [f"192.0.2.{last}" for last in range(256)]
pytestmark = pytest.mark.once


def _from(address: str = ADDRESS) -> HttpRequest:
    return RequestFactory().get("/a/return/", REMOTE_ADDR=address)


@pytest.fixture
def shared(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Counting in a real Redis, as with CACHE_URL; gives a way to look at all that lies there."""
    cache = ForgivingRedis(redis_url, {"KEY_FUNCTION": "privacy.cache_keys.blinded"})
    cache.clear()
    monkeypatch.setattr(limits, "cache", cache)
    with redis.Redis.from_url(redis_url) as store:
        yield store
    cache.clear()


def _in_another_process(queue: Any) -> None:
    queue.put(limits.hit(_from(), "code", NOON))


def _of_salt(salt: bytes, address: str, at: datetime) -> set[bytes]:
    """The keys under which the tries of an address lie, for whoever has salt and secrets."""
    who = instance.blind("code", salt + limits._origin(_from(address)))
    number = int(at.timestamp()) // limits._SLICE_SECONDS
    return {blinded(f"limits:{who}:{each}", "", 1).encode() for each in (number - 1, number)}


def test_processes_count_together(shared: Any) -> None:
    queue = multiprocessing.get_context("fork").SimpleQueue()
    limits.hit(_from(), "code", NOON)

    for _process in range(3):
        other = multiprocessing.get_context("fork").Process(target=_in_another_process, args=(queue,))
        other.start()
        other.join()

    assert [queue.get() for _process in range(3)] == [2, 3, 4]
    assert limits.hit(_from(), "code", NOON) == 5


def test_neither_keys_nor_values_say_who_it_was(shared: Any) -> None:
    limits.hit(_from(), "code", NOON)
    packed = limits._origin(_from())
    plain = [ADDRESS.encode(), packed, packed.hex().encode(), b64encode(packed)]
    hashed = [instance.blind("code", part).encode() for part in (packed, ADDRESS)]

    lies_there = b"\n".join(part for key in shared.keys("*") for part in (key, shared.get(key)))

    assert len(shared.keys("*")) == 2
    assert [found for found in (*plain, *hashed, b"limits", b"code") if found in lies_there] == []


def test_the_salt_dies_with_its_day_and_the_counts_mean_nothing_then(shared: Any) -> None:
    late = NOON.replace(hour=23, minute=50)
    limits.hit(_from(), "code", late)
    salt = limits._salt(late)
    (its_key,) = [key for key in shared.keys("*") if key == blinded("limits:salt:2030126", "", 1).encode()]
    lives = shared.ttl(its_key)

    shared.delete(its_key)
    left = set(shared.keys("*"))
    with_it = [address for address in OF_THE_NET if _of_salt(salt, address, late) & left]
    another = limits._salt(late)
    without = [address for address in OF_THE_NET if _of_salt(another, address, late) & left]

    assert 0 < lives <= 600
    # Whoever has the secrets and the salt finds who it was; without the salt nobody does.
    assert (with_it, without) == ([ADDRESS], [])


def test_the_next_day_begins_at_nought(shared: Any) -> None:
    late = NOON.replace(hour=23, minute=59)
    for _try in range(40):
        limits.hit(_from(), "code", late)

    assert limits.hit(_from(), "code", late + timedelta(minutes=2)) == 1


def test_counts_are_gone_after_ten_minutes(shared: Any) -> None:
    limits.hit(_from(), "code", NOON)

    lives = [shared.ttl(key) for key in shared.keys("*")]

    assert sorted(lives)[0] <= limits.WINDOW.total_seconds()
    assert max(lives) <= 12 * 60 * 60


def test_counting_needs_no_database(shared: Any) -> None:
    """No mark gives this test one: a query would fail here."""
    with pytest.raises(RuntimeError, match="Database access not allowed"):
        instance._row()

    assert [limits.hit(_from(), "code", NOON) for _try in range(2)] == [1, 2]
