"""The process's one subscription to Redis, shared by its consumers: the hub, and any cache kept up to date.

Only `run` uses the connection. After a break it subscribes again to every channel and reports each confirmation, so
that the consumers can read what they may have missed.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from typing import Any, Protocol

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from polaris import pubsub
from polaris.bounded_log import bounded
from polaris.pubsub import PubSubMessage

RECONNECT_INTERVAL_S = 0.5
TIMEOUT_S = 5  # without it, a connection that broke silently would look like one without messages
# How long `run` listens before it looks for channels to subscribe to: a new subscriber's snapshot waits for that.
LISTEN_INTERVAL_S = 0.05

log = logging.getLogger(__name__)
unreadable = bounded(f"{__name__}.unreadable")


class Consumer(Protocol):
    """A receiver of what comes on any channel, in the listener's thread; it picks out its own channels."""

    def on_confirmed(self, channel: str) -> None:
        """Note that a subscription holds from now on. Messages before may have been missed."""

    def on_message(self, channel: str, message: PubSubMessage) -> None:
        """Handle a message."""


class RedisListener:
    """The subscription to all channels in use, which passes what comes in on to the consumers."""

    def __init__(self, redis_url: str) -> None:
        self._client = redis.Redis.from_url(
            redis_url,
            health_check_interval=10,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),  # redis-py would reconnect silently, and hide that messages were missed
        )
        self._consumers: list[Consumer] = []
        self._lock = threading.RLock()
        self._wanted: Counter[str] = Counter()
        self._to_update: set[str] = set()  # channels that were wanted or dropped since `run` last looked
        self._subscribed: set[str] = set()  # requested on the present connection
        self._confirmed: set[str] = set()
        self._is_up = False
        self._is_closed = threading.Event()

    def add_consumer(self, consumer: Consumer) -> None:
        self._consumers.append(consumer)

    def subscribe(self, channel: str) -> None:
        """Listen to a channel. Subscriptions are counted: each is ended by one `unsubscribe`."""
        with self._lock:
            self._wanted[channel] += 1
            if self._wanted[channel] == 1:
                self._to_update.add(channel)

    def unsubscribe(self, channel: str) -> None:
        """End one `subscribe`."""
        with self._lock:
            self._wanted[channel] -= 1
            if self._wanted[channel] == 0:
                del self._wanted[channel]
                self._to_update.add(channel)

    def will_confirm(self, channel: str) -> bool:
        """Tell whether `on_confirmed` is still to come for a channel, so that reading its state can wait for that."""
        with self._lock:
            return self._is_up and channel not in self._confirmed

    def close(self) -> None:
        """End `run` soon."""
        self._is_closed.set()

    def run(self) -> None:
        """Listen until closed, and reconnect after any failure."""
        is_down = False
        while not self._is_closed.is_set():
            try:
                with self._client.pubsub() as connection:  # type: ignore[no-untyped-call]
                    connection.subscribe(pubsub.PROCESS_CHANNEL)
                    self._listen(connection)
                    is_down = False
            except redis.RedisError as error:
                if not is_down:
                    log.warning("Redis is away, open pages are late until it is back: %s", error)
                is_down = True
            except Exception:
                log.exception("listening to Redis failed, reconnecting")
            with self._lock:
                self._is_up = False
                self._subscribed.clear()
                self._confirmed.clear()
            self._is_closed.wait(RECONNECT_INTERVAL_S)

    def _listen(self, connection: Any) -> None:
        with self._lock:
            self._is_up = True
            self._to_update.update(self._wanted)
        while not self._is_closed.is_set():
            self._update_channels(connection)
            message = connection.get_message(timeout=LISTEN_INTERVAL_S)
            if message is not None:
                self._dispatch(message)

    def _update_channels(self, connection: Any) -> None:
        if not self._to_update:
            return
        with self._lock:
            wanted = {channel for channel in self._to_update if channel in self._wanted}
            new, old = wanted - self._subscribed, (self._to_update - wanted) & self._subscribed
            self._to_update.clear()
            self._subscribed |= new
            self._subscribed -= old
            self._confirmed -= old
        if new:
            connection.subscribe(*new)
        if old:
            connection.unsubscribe(*old)

    def _dispatch(self, message: dict[str, Any]) -> None:
        channel = message["channel"].decode()
        if message["type"] == "subscribe":
            with self._lock:
                if channel in self._subscribed:
                    self._confirmed.add(channel)
            for consumer in self._consumers:
                consumer.on_confirmed(channel)
        elif message["type"] == "message" and channel != pubsub.PROCESS_CHANNEL:
            self._dispatch_message(channel, message["data"])

    def _dispatch_message(self, channel: str, payload: bytes) -> None:
        """Pass a message on. One that nobody understands ends nothing: it may be anyone's who can write to Redis."""
        try:
            message = pubsub.decode(payload)
            for consumer in self._consumers:
                consumer.on_message(channel, message)
        except Exception as error:
            unreadable.warning("a message on %s is not understood (%r): %.100r", channel, error, payload[:100])
