"""Owns every Redis name: channels, messages, publishing. Messages are in flask-sse's format, written here.

A message is a hint that something changed; what changed is read from the database. Losing one costs lateness, never
truth: announcing goes through a thread of its own, keeps each hint once, and never holds up a caller.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

TIMEOUT_S = 2.0
MAX_PENDING = 50_000  # channels with a hint that has not gone out; beyond it the oldest hint is dropped

AT_ONCE = 500  # notifications in one script call
PUBLISH_MANY = """
for channel, message in string.gmatch(ARGV[1], '([^\\n]*)\\n([^\\n]*)\\n') do
    redis.call('PUBLISH', channel, message)
end
"""

STOP_COMMAND = "command.stop"
COMMAND = "command.any"
COMMAND_CHANGED = "command.changed"
SESSION_CHANGED = "session.changed"
SESSIONS_CHANGED = "sessions.changed"
CHARGER_CHANGED = "charger.changed"
ACCOUNT_CHANGED = "account.changed"

ALL_SESSIONS = "sessions"  # the operators' channel
ALL_CHARGERS = "chargers"  # the operators', too: of chargers and their connectors
PROCESS_CHANNEL = "polaris"  # subscribed to by every web process for as long as it lives; nothing is said on it

log = logging.getLogger(__name__)


def session_channel(number: int) -> str:
    return f"session:{number}"


def account_channel(account_id: int) -> str:
    return f"account:{account_id}"


def commands_channel(identity: str) -> str:
    """The channel that exactly the bridge holding a charger subscribes to: PUBLISH's count says whether one does."""
    return f"charger:{identity}:commands"


@dataclass(frozen=True, slots=True)
class PubSubMessage:
    """A message: its kind is flask-sse's `type`, its data flask-sse's `data`."""

    kind: str
    data: dict[str, int | str]


class ChangeNotification(NamedTuple):
    """An announcement as it is published, and the channel it goes to."""

    channel: str
    message: str


def encode(announcement: PubSubMessage) -> str:
    return json.dumps({"data": announcement.data, "type": announcement.kind})


@lru_cache(maxsize=10_000)
def decode(payload: bytes | str) -> PubSubMessage:
    """The same hint comes again with every change of a session, and on several channels.

    Raise ValueError for what is not a message of ours."""
    message = json.loads(payload)
    if not isinstance(message, dict) or not isinstance(message.get("data"), dict):
        raise ValueError("not an announcement")
    return PubSubMessage(str(message.get("type", "")), message["data"])


@lru_cache(maxsize=MAX_PENDING)
def session_changed(
    number: int, charger_id: int, account_id: int | None, *, is_new: bool = False
) -> tuple[ChangeNotification, ...]:
    """The notifications of a change to a session: for its own page, for its owner's list, and for the operators'."""
    data: dict[str, int | str] = {"session": number, "charger": charger_id}
    message = encode(PubSubMessage(SESSIONS_CHANGED if is_new else SESSION_CHANGED, data))
    channels = [session_channel(number), ALL_SESSIONS]
    if account_id is not None:
        channels.append(account_channel(account_id))
    return tuple(ChangeNotification(channel, message) for channel in channels)


@lru_cache(maxsize=MAX_PENDING)
def charger_changed(charger_id: int) -> tuple[ChangeNotification, ...]:
    """The hint that a charger came, went or started up, or that it told of a connector."""
    return (ChangeNotification(ALL_CHARGERS, encode(PubSubMessage(CHARGER_CHANGED, {"charger": charger_id}))),)


def account_changed(account_id: int) -> tuple[ChangeNotification, ...]:
    """The hint that an account's status, role or devices changed."""
    return (
        ChangeNotification(
            account_channel(account_id), encode(PubSubMessage(ACCOUNT_CHANGED, {"account": account_id}))
        ),
    )


def command_changed(charger_id: int, command_id: int) -> tuple[ChangeNotification, ...]:
    """The hint that a command to a charger went on."""
    return (
        ChangeNotification(
            ALL_CHARGERS, encode(PubSubMessage(COMMAND_CHANGED, {"charger": charger_id, "command": command_id}))
        ),
    )


class Publisher:
    """This process's connection to Redis for publishing. Make one, `close` it at the end."""

    def __init__(self, redis_url: str) -> None:
        self._client = redis.Redis.from_url(
            redis_url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 1)
        )
        self._publish_many = self._client.register_script(PUBLISH_MANY)
        self._pending: dict[ChangeNotification, None] = {}  # oldest first, each once
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._is_down = False

    def announce(self, notifications: Iterable[ChangeNotification]) -> None:
        """Hand notifications over for publishing. Never waits for Redis."""
        with self._wake:
            self._pending.update(dict.fromkeys(notifications))
            while len(self._pending) > MAX_PENDING:
                self._pending.pop(next(iter(self._pending)))
            if self._thread is None and not self._is_closed:
                self._thread = threading.Thread(target=self._publish_for_ever, name="announcer", daemon=True)
                self._thread.start()
            self._wake.notify()

    def command_stop(self, identity: str, request_id: int) -> int:
        """Send a stop command's id to whoever holds the charger; return how many do.

        Raises redis.RedisError where that cannot be known.
        """
        return self._send(identity, PubSubMessage(STOP_COMMAND, {"stop_request": request_id}))

    def command(self, identity: str, command_id: int) -> int:
        """Send any other command's id, in the same way."""
        return self._send(identity, PubSubMessage(COMMAND, {"command": command_id}))

    def _send(self, identity: str, announcement: PubSubMessage) -> int:
        receivers: int = self._client.publish(commands_channel(identity), encode(announcement))
        return receivers

    def ping(self) -> None:
        """Raise redis.RedisError where Redis does not answer."""
        self._client.ping()

    def close(self) -> None:
        """Publish what is pending, once, and stop."""
        with self._wake:
            self._is_closed = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join(TIMEOUT_S * 2)
        self._client.close()

    def _publish_for_ever(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._pending or self._is_closed)
                pending, self._pending = self._pending, {}
            if not pending:
                return
            self._publish(pending)

    def _publish(self, pending: Iterable[ChangeNotification]) -> None:
        """In one round trip and one text for many: arguments and answers apart would cost more than all the rest.

        Neither a channel nor a message has a newline in it: both are written here.
        """
        lines = [f"{hint.channel}\n{hint.message}\n" for hint in pending]
        try:
            for start in range(0, len(lines), AT_ONCE):
                self._publish_many(args=["".join(lines[start : start + AT_ONCE])])
            self._is_down = False
        except Exception as error:  # whatever it is, the next announcement is tried again
            if not self._is_down:
                log.warning("Redis does not take announcements, pages will be late: %r", error)
            self._is_down = True
