"""Counting tries without keeping who tried."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.http import HttpRequest
from django.test import RequestFactory

from privacy import limits

AT = datetime(2030, 5, 6, 12, 0, tzinfo=UTC)


def _from(address: str) -> HttpRequest:
    return RequestFactory().get("/a/return/", REMOTE_ADDR=address)


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()


def test_each_try_counts_one_more() -> None:
    assert [limits.hit(_from("192.0.2.7"), "code", AT) for _ in range(3)] == [1, 2, 3]


def test_another_address_and_another_purpose_count_apart() -> None:
    limits.hit(_from("192.0.2.7"), "code", AT)

    assert limits.hit(_from("192.0.2.8"), "code", AT) == 1
    assert limits.hit(_from("192.0.2.7"), "ask", AT) == 1


def test_one_household_counts_together() -> None:
    limits.hit(_from("2001:db8:1:2:aaaa::1"), "code", AT)

    assert limits.hit(_from("2001:db8:1:2:bbbb::9"), "code", AT) == 2
    assert limits.hit(_from("2001:db8:1:3::1"), "code", AT) == 1


def test_an_address_written_the_new_way_is_the_same_address() -> None:
    limits.hit(_from("192.0.2.7"), "code", AT)

    assert limits.hit(_from("::ffff:192.0.2.7"), "code", AT) == 2


def test_tries_are_forgotten_after_ten_minutes() -> None:
    limits.hit(_from("192.0.2.7"), "code", AT)

    assert limits.hit(_from("192.0.2.7"), "code", AT + timedelta(minutes=4, seconds=59)) == 2
    assert limits.hit(_from("192.0.2.7"), "code", AT + timedelta(minutes=9, seconds=59)) == 3
    assert limits.hit(_from("192.0.2.7"), "code", AT + timedelta(minutes=20)) == 1


@pytest.mark.parametrize("address", ["", "unix:", "not an address", "\0"])
def test_a_strange_address_is_counted_too(address: str) -> None:
    assert [limits.hit(_from(address), "code", AT) for _ in range(2)] == [1, 2]


def test_no_key_in_the_cache_has_the_address_or_a_hash_that_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    keys: list[str] = []
    add = cache.add
    monkeypatch.setattr(cache, "add", lambda key, *rest, **kw: keys.append(key) or add(key, *rest, **kw))

    limits.hit(_from("192.0.2.7"), "code", AT)
    today = [key for key in keys if "salt" not in key]
    keys.clear()
    cache.clear()
    limits.hit(_from("192.0.2.7"), "code", AT)
    same_day_new_salt = [key for key in keys if "salt" not in key]

    assert len(today) == len(same_day_new_salt) == 1
    assert today != same_day_new_salt
    assert not any("192.0.2.7" in key or b"192.0.2.7".hex() in key for key in today)


def test_a_new_day_has_a_new_salt() -> None:
    late = datetime(2030, 5, 6, 23, 59, 59, tzinfo=UTC)

    assert limits._salt(late) != limits._salt(late + timedelta(seconds=1))


def test_a_cache_that_is_away_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: object, **kwargs: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(cache, "add", away)
    monkeypatch.setattr(cache, "get", away)

    assert limits.hit(_from("192.0.2.7"), "code", AT) == 1
