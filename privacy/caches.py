"""The cache of a grown instance: Redis, and no reason for a page to fail where Redis is away.

What lies in a cache is counted tries and spent tickets. Without it nobody is counted; the gate, which needs
no cache, still bounds what a guess of a code or passphrase costs. A second factor costs no derivation:
where it is asked for, `limits.must_be_counted` comes first.
"""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.exceptions import RedisError

Answer = TypeVar("Answer")

# After a failure nobody asks for so long: a Redis that hangs would cost every page its timeouts.
REST = 2.0


class ForgivingClient(RedisCacheClient):
    """Django's client, which behaves like an empty cache that keeps nothing while Redis does not answer."""

    rests_until = float("-inf")

    def _try(self, ask: Callable[[], Answer], otherwise: Answer) -> Answer:
        if time.monotonic() < self.rests_until:
            return otherwise
        try:
            return ask()
        except (RedisError, OSError):
            self.rests_until = time.monotonic() + REST
            return otherwise

    def add(self, key: Any, value: Any, timeout: Any) -> bool:
        # True, as where nobody was faster: whoever waits for a lock would wait for ever.
        return self._try(lambda: super(ForgivingClient, self).add(key, value, timeout), True)

    def get(self, key: Any, default: Any) -> Any:
        return self._try(lambda: super(ForgivingClient, self).get(key, default), default)

    def set(self, key: Any, value: Any, timeout: Any) -> None:
        self._try(lambda: super(ForgivingClient, self).set(key, value, timeout), None)

    def touch(self, key: Any, timeout: Any) -> bool:
        return self._try(lambda: super(ForgivingClient, self).touch(key, timeout), False)

    def delete(self, key: Any) -> bool:
        return self._try(lambda: super(ForgivingClient, self).delete(key), False)

    def get_many(self, keys: Any) -> dict[Any, Any]:
        return self._try(lambda: super(ForgivingClient, self).get_many(keys), {})

    def has_key(self, key: Any) -> bool:
        return self._try(lambda: super(ForgivingClient, self).has_key(key), False)

    def incr(self, key: Any, delta: Any) -> int:
        # Raises ValueError for a key that is not there, as Django's contract says: None stands for it here.
        found = self._try(lambda: super(ForgivingClient, self).incr(key, delta), None)
        if found is None:
            raise ValueError("There is no such key.")
        return int(found)

    def set_many(self, data: Any, timeout: Any) -> None:
        self._try(lambda: super(ForgivingClient, self).set_many(data, timeout), None)

    def delete_many(self, keys: Any) -> None:
        self._try(lambda: super(ForgivingClient, self).delete_many(keys), None)

    def clear(self) -> bool:
        return self._try(lambda: super(ForgivingClient, self).clear(), False)


class ForgivingRedis(RedisCache):
    """CACHES BACKEND for CACHE_URL."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = ForgivingClient
