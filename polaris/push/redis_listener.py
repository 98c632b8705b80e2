"""The process's one subscription to Redis: which channels are wanted, and what comes in on them.

Only `run` speaks on the connection. It mends itself: after a break every wanted channel is subscribed to anew, and each
confirmation is reported, so that what was missed meanwhile can be read.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from polaris import pubsub
from polaris.pubsub import PubSubMessage

RECONNECT_S = 0.5
TIMEOUT_S = 5
TURN_S = 0.05  # how long it listens before it looks which channels are wanted

log = logging.getLogger(__name__)


class RedisListener:
    """`on_confirmed(channel)` is called when a channel's subscription holds, `on_hint(channel, hint)` for a message."""

    def __init__(
        self,
        redis_url: str,
        on_confirmed: Callable[[str], None],
        on_hint: Callable[[str, PubSubMessage], None],
    ) -> None:
        self._client = redis.Redis.from_url(
            redis_url,
            health_check_interval=10,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),  # a connection that comes back unnoticed would hide what was missed
        )
        self._on_confirmed = on_confirmed
        self._on_hint = on_hint
        self._lock = threading.RLock()
        self._wanted: Counter[str] = Counter()
        self._touched: set[str] = set()  # wanted or no longer wanted, since it was last looked
        self._subscribed: set[str] = set()  # asked for on the present connection
        self._confirmed: set[str] = set()
        self._is_up = False
        self._is_closed = threading.Event()

    def want(self, channel: str) -> None:
        """Listen to a channel, once more."""
        with self._lock:
            self._wanted[channel] += 1
            if self._wanted[channel] == 1:
                self._touched.add(channel)

    def unwant(self, channel: str) -> None:
        """Take one `want` back."""
        with self._lock:
            self._wanted[channel] -= 1
            if self._wanted[channel] == 0:
                del self._wanted[channel]
                self._touched.add(channel)

    def will_confirm(self, channel: str) -> bool:
        """Whether `on_confirmed` is still to come for a wanted channel: reading its state can wait for that."""
        with self._lock:
            return self._is_up and channel not in self._confirmed

    def close(self) -> None:
        """End `run`, soon."""
        self._is_closed.set()

    def run(self) -> None:
        """Listen until closed. Whatever breaks, it begins anew."""
        is_down = False
        while not self._is_closed.is_set():
            try:
                with self._client.pubsub() as subscription:
                    subscription.subscribe(pubsub.PROCESS_CHANNEL)
                    self._listen(subscription)
                    is_down = False
            except redis.RedisError as error:
                if not is_down:
                    log.warning("Redis is away, open pages are late until it is back: %s", error)
                is_down = True
            except Exception:
                log.exception("listening to Redis failed, and begins anew")
            with self._lock:
                self._is_up = False
                self._subscribed.clear()
                self._confirmed.clear()
            self._is_closed.wait(RECONNECT_S)

    def _listen(self, subscription: Any) -> None:
        with self._lock:
            self._is_up = True
            self._touched.update(self._wanted)
        while not self._is_closed.is_set():
            self._follow_wants(subscription)
            message = subscription.get_message(timeout=TURN_S)
            if message is not None:
                self._take(message)

    def _follow_wants(self, subscription: Any) -> None:
        if not self._touched:
            return
        with self._lock:
            wanted = {channel for channel in self._touched if channel in self._wanted}
            new, old = wanted - self._subscribed, (self._touched - wanted) & self._subscribed
            self._touched.clear()
            self._subscribed |= new
            self._subscribed -= old
            self._confirmed -= old
        if new:
            subscription.subscribe(*new)
        if old:
            subscription.unsubscribe(*old)

    def _take(self, message: dict[str, Any]) -> None:
        channel = message["channel"].decode()
        if message["type"] == "subscribe":
            with self._lock:
                if channel in self._subscribed:
                    self._confirmed.add(channel)
            self._on_confirmed(channel)
        elif message["type"] == "message" and channel != pubsub.PROCESS_CHANNEL:
            self._take_hint(channel, message["data"])

    def _take_hint(self, channel: str, payload: bytes) -> None:
        try:
            self._on_hint(channel, pubsub.decode(payload))
        except (ValueError, LookupError, TypeError) as error:
            log.warning("a message on %s is not understood (%r): %.100r", channel, error, payload)
