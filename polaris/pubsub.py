"""Redis: all channels and messages, and their publishing. Messages are in flask-sse's format, written here.

A change notification names what changed; the change itself is read from the database. If one is lost, a page is late
but never wrong: therefore a thread publishes them, each once, and no caller waits for Redis.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, NamedTuple, Protocol

import msgspec
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from polaris.domain.limits import MAX_INT32

TIMEOUT_S = 2.0
# Unpublished notifications; beyond it the oldest is dropped. Without it memory would grow while Redis is down.
MAX_PENDING = 50_000
MAX_MESSAGE_BYTES = 1000  # ours have a tenth of it; without it, anyone who can publish could fill the cache of `decode`
MAX_BATCH = 500  # notifications in one script call, during which Redis serves no other client
PUBLISH_MANY = """
for channel, message in string.gmatch(ARGV[1], '([^\\n]*)\\n([^\\n]*)\\n') do
    redis.call('PUBLISH', channel, message)
end
"""

COMMAND_CHANGED = "command.changed"
START_CHANGED = "start.changed"
SESSION_CHANGED = "session.changed"
SESSIONS_CHANGED = "sessions.changed"
CHARGER_CHANGED = "charger.changed"
GROWN = "grown"  # in the data of SESSION_CHANGED
METER_KEYS_CHANGED = "meter_keys.changed"
RECORDS_CHANGED = "records.changed"
ACCOUNT_CHANGED = "account.changed"
ADMISSION_CHANGED = "charger.admission_changed"

ALL_SESSIONS = "sessions"  # the operators' channel
ALL_CHARGERS = "chargers"  # the operators', too: chargers and their connectors
RECORDS = "records"  # the operators' lists: accounts, cards, tariffs, sites, the audit log, what needs a person
WALLS_ACCOUNT = 0  # no account has this number
METER_KEYS = "meter-keys"  # those that check what chargers' meters have signed
PROCESS_CHANNEL = "polaris"  # every web process stays subscribed to it; nothing is published on it

log = logging.getLogger(__name__)


def session_channel(number: int) -> str:
    return f"session:{number}"


def account_channel(account_id: int) -> str:
    """Return the channel of what an account may do: each of its streams listens to it."""
    return f"account:{account_id}"


def own_sessions_channel(account_id: int) -> str:
    """Return the channel of a driver's sessions, for lists: a page of one session needs no word of the others."""
    return f"account:{account_id}:sessions"


def own_channels(account_id: int) -> tuple[str, str]:
    """Return both channels above, for pages about all that a person has."""
    return account_channel(account_id), own_sessions_channel(account_id)


def commands_channel(identity: str) -> str:
    """Return the channel that only the bridge holding a charger subscribes to: PUBLISH counts whether one does."""
    return f"charger:{identity}:commands"


class RequestKind(StrEnum):
    """The table that a request to a charger is in; the value is its message's kind."""

    STOP = "command.stop"
    COMMAND = "command.any"
    DRY_RUN = "command.dry_run"  # of a command's row: its frame is made, and not sent


_ID_NAMES = {RequestKind.STOP: "stop_request", RequestKind.COMMAND: "command", RequestKind.DRY_RUN: "command"}


RowId = Annotated[int, msgspec.Meta(ge=1, le=MAX_INT32)]


class PubSubMessage(msgspec.Struct, frozen=True):
    """A message: its kind is flask-sse's `type`, its data flask-sse's `data`, the ids of rows by their names."""

    kind: str = msgspec.field(name="type")
    data: dict[str, RowId]


class ChangeNotification(NamedTuple):
    """A change notification as it is published, with its channel."""

    channel: str
    message: str


_decode = msgspec.json.Decoder(PubSubMessage).decode


def encode(message: PubSubMessage) -> str:
    return json.dumps({"data": message.data, "type": message.kind})


@lru_cache(maxsize=10_000)
def decode(payload: bytes | str) -> PubSubMessage:
    """Decode a message. Cached: the same one comes with every change of a session, and on several channels.

    Raise ValueError for any other payload: anyone who can write to Redis can publish what they like.
    """
    if len(payload) > MAX_MESSAGE_BYTES:
        raise ValueError(f"a message of {len(payload)} bytes")
    try:
        return _decode(payload)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def request_of(message: PubSubMessage) -> tuple[RequestKind, int]:
    """Return the kind and the row id of the request that a message on a charger's channel names. Raise ValueError."""
    kind = RequestKind(message.kind)
    row_id = message.data.get(_ID_NAMES[kind])
    if row_id is None:
        raise ValueError("no row id")
    return kind, row_id


def requested(kind: RequestKind, row_id: int, identity: str) -> ChangeNotification:
    """Return the message of `Publisher.send_request` for one that may be lost: its row is sent later then."""
    return ChangeNotification(commands_channel(identity), encode(PubSubMessage(kind, {_ID_NAMES[kind]: row_id})))


@lru_cache(maxsize=MAX_PENDING)
def session_changed(
    number: int, charger_id: int, account_id: int | None, *, is_new: bool = False, has_grown: bool = False
) -> tuple[ChangeNotification, ...]:
    """Return a session's change notifications: for its own page, its owner's list and the operators' list.

    It has grown if readings came after all others, and nothing else happened.
    """
    data = {"session": number, "charger": charger_id} | ({GROWN: 1} if has_grown else {})
    message = encode(PubSubMessage(SESSIONS_CHANGED if is_new else SESSION_CHANGED, data))
    channels = [session_channel(number), ALL_SESSIONS]
    if account_id is not None:
        channels.append(own_sessions_channel(account_id))
    return tuple(ChangeNotification(channel, message) for channel in channels)


@lru_cache(maxsize=MAX_PENDING)
def charger_changed(charger_id: int) -> tuple[ChangeNotification, ...]:
    """Return the notification that a charger connected, disconnected or booted, or reported a connector's status."""
    return (ChangeNotification(ALL_CHARGERS, encode(PubSubMessage(CHARGER_CHANGED, {"charger": charger_id}))),)


def admission_changed(charger_id: int, identity: str) -> tuple[ChangeNotification, ...]:
    """Return the notifications that a charger has to be admitted anew: for its bridge, and for its page."""
    message = encode(PubSubMessage(ADMISSION_CHANGED, {"charger": charger_id}))
    return (ChangeNotification(commands_channel(identity), message), *charger_changed(charger_id))


def meter_keys_changed(charger_id: int) -> tuple[ChangeNotification, ...]:
    """Return the notifications that a charger's meter keys changed: for its page, and for those of its sessions."""
    message = encode(PubSubMessage(METER_KEYS_CHANGED, {"charger": charger_id}))
    return (*charger_changed(charger_id), ChangeNotification(METER_KEYS, message))


def account_changed(account_id: int) -> tuple[ChangeNotification, ...]:
    """Return the notifications that an account's status, role or devices changed.

    An electrician's link ends with its maker's role and status, and its page has the channel of the walls.
    """
    message = encode(PubSubMessage(ACCOUNT_CHANGED, {"account": account_id}))
    return (ChangeNotification(account_channel(account_id), message), *walls_changed())


def walls_changed() -> tuple[ChangeNotification, ...]:
    """Return the notification that a wall or a link may open nothing any more.

    Their screens have one channel, as if they were an account.
    """
    return (ChangeNotification(account_channel(WALLS_ACCOUNT), encode(PubSubMessage(ACCOUNT_CHANGED, {}))),)


def records_changed() -> tuple[ChangeNotification, ...]:
    """Return the notification that an operator's list may show other rows. It names none: such a list is read whole."""
    return (ChangeNotification(RECORDS, encode(PubSubMessage(RECORDS_CHANGED, {}))),)


def command_changed(charger_id: int, command_id: int, account_id: int | None = None) -> tuple[ChangeNotification, ...]:
    """Return the notifications that a command's state changed; also for the driver whose start it is."""
    message = encode(PubSubMessage(COMMAND_CHANGED, {"charger": charger_id, "command": command_id}))
    changed = ChangeNotification(ALL_CHARGERS, message)
    if account_id is None:
        return (changed,)
    of_start = encode(PubSubMessage(START_CHANGED, {"account": account_id, "command": command_id}))
    return (changed, ChangeNotification(account_channel(account_id), of_start))


class Announcer(Protocol):
    """Takes the notifications of changes that were made, for publishing."""

    def announce(self, notifications: Iterable[ChangeNotification]) -> None: ...


class Publisher:
    """This process's connection to Redis for publishing. Make one for each process, and `close` it."""

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
        """Queue notifications for publishing. Never waits for Redis."""
        with self._wake:
            self._pending.update(dict.fromkeys(notifications))
            while len(self._pending) > MAX_PENDING:
                self._pending.pop(next(iter(self._pending)))
            if self._thread is None and not self._is_closed:
                self._thread = threading.Thread(target=self._publish_for_ever, name="announcer", daemon=True)
                self._thread.start()
            self._wake.notify()

    def send_request(self, kind: RequestKind, row_id: int, identity: str) -> int:
        """Publish a request's row id to the bridge that holds the charger; return how many bridges received it.

        Raise redis.RedisError if that cannot be known.
        """
        receivers: int = self._client.publish(*requested(kind, row_id, identity))
        return receivers

    def ping(self) -> None:
        """Raise redis.RedisError if Redis does not answer."""
        self._client.ping()

    def close(self) -> None:
        """Publish the pending notifications, without a retry, and stop."""
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
        """Publish many in one round trip and as one argument: separate arguments and replies dominate the cost.

        Neither a channel nor a message contains a newline: both are built in this module.
        """
        lines = [f"{item.channel}\n{item.message}\n" for item in pending]
        try:
            for start in range(0, len(lines), MAX_BATCH):
                self._publish_many(args=["".join(lines[start : start + MAX_BATCH])])
            self._is_down = False
        except Exception as error:  # of any kind: the thread must live to try the next ones
            if not self._is_down:
                log.warning("Redis does not take announcements, pages will be late: %r", error)
            self._is_down = True
