"""Counters of attempts: in Redis for all processes together, and in this process's memory for when Redis is away.

An attempt is counted before it is made, so that many at once are no more than one after the other. Both counters are
always kept and the higher one counts: when Redis goes away, or comes back empty, nobody begins anew.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from time import monotonic
from typing import NamedTuple

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from polaris import security_log

# Without it, a Redis that hangs would let every sign-in hang. Less, and a busy process takes its own delay for Redis's.
REDIS_TIMEOUT_S = 3.0
# Requests wait for one of few connections. Without the bound, hundreds at once would each open one and overrun Redis.
MAX_CONNECTIONS = 20
RETRY_INTERVAL_S = 10.0  # while Redis is away; without it, each request would wait for the time-out again
MAX_COUNT = 1_000_000_000  # of a counter: nobody makes as many, and Lua's numbers end at 2**53
MAX_IN_MEMORY = 100_000  # counters; the one not used for longest goes first
# A key that is no counter, or lasts longer than its window, was written by somebody else: it is counted anew, or cut to
# the window. Otherwise whoever may write to Redis would shut people out for years, or end all counting there.
ADD = """
local window_ms, most = tonumber(ARGV[2]), tonumber(ARGV[3])
local count = redis.pcall('INCRBY', KEYS[1], ARGV[1])
if type(count) ~= 'number' or count > most then
    redis.call('DEL', KEYS[1])
    count = redis.call('INCRBY', KEYS[1], ARGV[1])
end
if count <= 0 then
    redis.call('DEL', KEYS[1])
    return {0, 0}
end
local left_ms = redis.call('PTTL', KEYS[1])
if left_ms < 0 or left_ms > window_ms then
    left_ms = window_ms
    redis.call('PEXPIRE', KEYS[1], left_ms)
end
return {count, left_ms}
"""

log = logging.getLogger(__name__)


class Allowance(NamedTuple):
    """How many attempts of a kind may be made in a window, which begins with the first of them."""

    name: str
    attempts: int
    window_s: float


class Count(NamedTuple):
    """The attempts in the present window, and how long it goes on."""

    attempts: int
    left_s: float


NOTHING = Count(0, 0.0)


class Attempts:
    """This process's counters. Whose attempts they are is kept as keyed digests: Redis holds no addresses."""

    def __init__(self, redis_url: str, secret: str) -> None:
        client = redis.Redis.from_url(
            redis_url,
            socket_timeout=REDIS_TIMEOUT_S,
            socket_connect_timeout=REDIS_TIMEOUT_S,
            # A connection that Redis has closed is made anew; a time-out is not waited for twice.
            retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        )
        self._add = client.register_script(ADD)
        self._connections = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._secret = hashlib.sha256(secret.encode()).digest()
        self._memory = _Memory()
        self._is_down = False
        self._retry_at = 0.0

    def add(self, allowance: Allowance, *whose: str, amount: int = 1) -> Count:
        """Count an attempt, or give one back with an amount of -1; return the count that it makes."""
        digest = hashlib.blake2b("\0".join(whose).encode("utf-8", "replace"), key=self._secret, digest_size=16)
        name = f"attempts:{allowance.name}:{digest.hexdigest()}"
        in_memory = self._memory.add(name, allowance.window_s, amount)
        return max(in_memory, self._add_in_redis(name, allowance.window_s, amount))

    def _add_in_redis(self, name: str, window_s: float, amount: int) -> Count:
        with self._connections:  # redis-py's own waiting pool gives up, and those who wait would not learn of an outage
            if monotonic() < self._retry_at:
                return NOTHING
            try:
                attempts, left_ms = self._add(keys=[name], args=[amount, int(window_s * 1000), MAX_COUNT])
            except redis.RedisError as error:
                self._set_down(error)
                return NOTHING
            self._set_up()
            return Count(attempts, left_ms / 1000)

    def _set_down(self, error: redis.RedisError) -> None:
        self._retry_at = monotonic() + RETRY_INTERVAL_S
        if not self._is_down:
            self._is_down = True
            log.warning("Redis does not count attempts, each process counts its own: %s", error)
            security_log.record("limits.redis_lost", error=str(error))

    def _set_up(self) -> None:
        if self._is_down:
            self._is_down = False
            log.warning("Redis counts attempts again.")
            security_log.record("limits.redis_found")


class _Memory:
    """Counters of this process: the attempts and the end of the window, the least recently used first."""

    def __init__(self) -> None:
        self._windows: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def add(self, name: str, window_s: float, amount: int) -> Count:
        with self._lock:
            now = monotonic()
            attempts, ends_at = self._windows.pop(name, (0, 0.0))
            if ends_at <= now:
                attempts, ends_at = 0, now + window_s
            attempts = max(0, attempts + amount)
            self._windows[name] = attempts, ends_at
            while len(self._windows) > MAX_IN_MEMORY:
                self._windows.pop(next(iter(self._windows)))
            return Count(attempts, ends_at - now)
