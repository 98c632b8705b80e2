"""The process's one subscription to Redis: which channels are wanted, and what comes in on them.

It mends itself: after a break every wanted channel is subscribed to anew, and each confirmation is reported, so that
what was missed meanwhile can be read.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import redis

from polaris import bus
from polaris.bus import Announcement

RECONNECT_S = 0.5
TIMEOUT_S = 5
WAIT_S = 1  # so often it looks whether it was closed
PROCESS_CHANNEL = "polaris"  # subscribed for as long as the process lives, so that there is always a subscription

log = logging.getLogger(__name__)


class Listener:
    """`on_confirmed(channel)` is called when a channel's subscription holds, `on_hint(channel, hint)` for a message."""

    def __init__(
        self,
        redis_url: str,
        on_confirmed: Callable[[str], None],
        on_hint: Callable[[str, Announcement], None],
    ) -> None:
        self._client = redis.Redis.from_url(
            redis_url, health_check_interval=10, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
        )
        self._on_confirmed = on_confirmed
        self._on_hint = on_hint
        self._lock = threading.RLock()
        self._wanted: Counter[str] = Counter()
        self._confirmed: set[str] = set()
        self._pubsub: Any = None  # None while Redis is away
        self._is_closed = threading.Event()

    def want(self, channel: str) -> None:
        """Listen to a channel, once more."""
        with self._lock:
            self._wanted[channel] += 1
            if self._wanted[channel] == 1:
                self._tell("subscribe", channel)

    def unwant(self, channel: str) -> None:
        """Take one `want` back."""
        with self._lock:
            self._wanted[channel] -= 1
            if self._wanted[channel] == 0:
                del self._wanted[channel]
                self._confirmed.discard(channel)
                self._tell("unsubscribe", channel)

    def will_confirm(self, channel: str) -> bool:
        """Whether `on_confirmed` is still to come for a wanted channel: reading its state can wait for that."""
        with self._lock:
            return self._pubsub is not None and channel not in self._confirmed

    def close(self) -> None:
        """End `run`, soon."""
        self._is_closed.set()

    def run(self) -> None:
        """Listen until closed."""
        is_down = False
        while not self._is_closed.is_set():
            try:
                for message in self._messages():
                    is_down = False
                    self._take(message)
            except redis.RedisError as error:
                if not is_down:
                    log.warning("Redis is away, open pages are late until it is back: %s", error)
                is_down = True
            with self._lock:
                self._pubsub = None
                self._confirmed.clear()
            self._is_closed.wait(RECONNECT_S)

    def _messages(self) -> Iterator[dict[str, Any]]:
        with self._client.pubsub() as pubsub:
            pubsub.subscribe(PROCESS_CHANNEL)
            with self._lock:
                self._pubsub = pubsub
                if self._wanted:
                    pubsub.subscribe(*self._wanted)
            while not self._is_closed.is_set():
                message = pubsub.get_message(timeout=WAIT_S)
                if message is not None:
                    yield message

    def _tell(self, verb: str, channel: str) -> None:
        """A connection that breaks here is mended by `run`, which then subscribes to everything that is wanted."""
        if self._pubsub is None:
            return
        try:
            getattr(self._pubsub, verb)(channel)
        except redis.RedisError:
            self._pubsub = None

    def _take(self, message: dict[str, Any]) -> None:
        channel = message["channel"].decode()
        if message["type"] == "subscribe":
            with self._lock:
                if channel in self._wanted:
                    self._confirmed.add(channel)
            self._on_confirmed(channel)
        elif message["type"] == "message" and channel != PROCESS_CHANNEL:
            try:
                hint = bus.decode(message["data"])
            except ValueError:
                log.warning("not a message of ours on %s: %.100r", channel, message["data"])
                return
            self._on_hint(channel, hint)
