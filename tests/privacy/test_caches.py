"""Where Redis is away, a page that counts in it works all the same."""

import socket
import time
from collections.abc import Iterator

import pytest

from privacy import limits
from privacy.caches import ForgivingRedis
from privacy.gate import Busy
from tests import servers

pytestmark = pytest.mark.once
# Of a Redis that is away; one that is there may answer late on a machine that has other things to do.
OPTIONS = {"OPTIONS": {"socket_timeout": 0.2, "socket_connect_timeout": 0.2}}
PATIENT = {"OPTIONS": {"socket_timeout": 30, "socket_connect_timeout": 30}}


@pytest.fixture
def silent() -> Iterator[str]:
    """A Redis that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


@pytest.fixture
def gone() -> str:
    return f"redis://127.0.0.1:{servers.free_port()}/0"


def everything(cache: ForgivingRedis) -> list[object]:
    """What each call answers over a cache in which nothing was ever put."""
    answers: list[object] = [
        cache.get("key", "nothing"),
        cache.get_many(["key"]),
        cache.has_key("key"),
        cache.touch("key"),
        cache.delete("key"),
    ]
    with pytest.raises(ValueError, match=r"key"):
        cache.incr("key")
    cache.set("other", 1)
    cache.set_many({"third": 1})
    cache.delete_many(["other", "third"])
    return [*answers, cache.add("new", 1), cache.clear()]


@pytest.mark.parametrize("away", ["silent", "gone"])
def test_a_redis_that_is_away_is_an_empty_cache(away: str, request: pytest.FixtureRequest) -> None:
    cache = ForgivingRedis(request.getfixturevalue(away), OPTIONS)

    answers = everything(cache)

    assert answers == ["nothing", {}, False, False, False, True, False]


def test_it_answers_like_an_empty_redis_does() -> None:
    cache = ForgivingRedis(servers.own_redis_url(3), PATIENT)
    cache.clear()

    answers = everything(cache)

    assert answers == ["nothing", {}, False, False, False, True, True]


def test_a_redis_that_hangs_costs_one_timeout_and_not_one_for_every_call(silent: str) -> None:
    cache = ForgivingRedis(silent, OPTIONS)
    began = time.monotonic()

    for _call in range(200):
        cache.get("key")

    # Were each of them to wait for 0.2 s, it would be forty.
    assert time.monotonic() - began < 20


def test_it_is_asked_again_once_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("privacy.caches.REST", 0.0)
    cache = ForgivingRedis(f"redis://127.0.0.1:{servers.free_port()}/0", PATIENT)
    cache.set("key", "before")
    cache._cache._pools.clear()
    cache._cache._servers = [servers.own_redis_url(3)]

    cache.set("key", "after")

    assert cache.get("key") == "after"


def test_what_only_counting_protects_is_not_asked_for_without_a_cache(
    gone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "cache", ForgivingRedis(gone, OPTIONS))
    with pytest.raises(Busy):
        limits.must_be_counted()
    monkeypatch.setattr(limits, "cache", ForgivingRedis(servers.own_redis_url(3), PATIENT))
    limits.must_be_counted()
