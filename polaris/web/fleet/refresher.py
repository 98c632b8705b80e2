"""The refresher: it keeps the fleet in this process's memory up to date for as long as a fleet page is open.

It listens to change notifications itself. The sessions and chargers that they name are read together, at most once a
second; then its followers are notified, and take the new snapshot without touching the database. Everything is read
again for the first follower, on request (for a new subscriber, and at intervals), after a break of the Redis
connection, and when time alone changed something. The snapshot is dropped with the last follower: nothing would keep it
up to date.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import NamedTuple

from peewee import InterfaceError, OperationalError

from polaris import pubsub
from polaris.models import blocking
from polaris.pubsub import PubSubMessage
from polaris.push.redis_listener import RedisListener
from polaris.push.topic import ROWS, Notify
from polaris.web.fleet.cache import FleetCache, Snapshot

PACE_S = 1.0  # without it, a busy fleet would be read and rendered for every message
# The least interval between two readings of everything, in durations of such a reading. Without it, a large fleet
# would be read whole all the time. After a failure it is shorter, since pages are late until a reading succeeds.
LOAD_INTERVAL_FACTOR = 20
FAILED_LOAD_INTERVAL_FACTOR = 2
MAX_PENDING = 5_000  # more sessions or chargers than this are read faster with everything else

CHANNELS = (pubsub.ALL_SESSIONS, pubsub.ALL_CHARGERS)

log = logging.getLogger(__name__)


class Pending(NamedTuple):
    """The next thing to read: everything, or these sessions and chargers."""

    is_load: bool
    sessions: set[int]
    chargers: set[int]
    generation: int


class FleetRefresher:
    """The process's one copy of the fleet, with a thread and Redis channels of its own."""

    def __init__(self, stale_after: timedelta, reload_interval_s: float, listener: RedisListener) -> None:
        """Everything is read again after `reload_interval_s`, in case a notification was lost."""
        self._stale_after = stale_after
        self._reload_interval_s = reload_interval_s
        self._listener = listener
        listener.add_consumer(self)
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._followers: dict[object, Notify] = {}
        self._generation = 0  # counts departures of the last follower: a reading across one missed notifications
        self._sessions: set[int] = set()  # named by notifications since the last reading
        self._chargers: set[int] = set()
        self._must_load = False
        self._loaded_at = 0.0  # monotonic, as is the next
        self._next_load_at = 0.0
        self._is_broken = False  # the last reading failed halfway: what is in memory can only be loaded again
        self._snapshot: Snapshot | None = None
        self._is_closed = threading.Event()

    # Followers

    def follow(self, follower: object, notify: Notify) -> None:
        """Keep the fleet up to date, and notify the follower of each new snapshot."""
        with self._wake:
            if not self._followers:
                for channel in CHANNELS:
                    self._listener.subscribe(channel)
            self._followers[follower] = notify

    def unfollow(self, follower: object) -> None:
        """End what `follow` began."""
        with self._wake:
            del self._followers[follower]
            if self._followers:
                return
            for channel in CHANNELS:
                self._listener.unsubscribe(channel)
            self._generation += 1
            self._snapshot = None
            self._wake.notify()

    def snapshot(self, *, reload: bool = False) -> Snapshot | None:
        """Return the newest snapshot; None without followers, and before the first. `reload` requests a whole one."""
        with self._wake:
            if self._followers and (reload or self._thread is None):
                self._must_load = True
                self._start()
                self._wake.notify()
            return self._snapshot

    def close(self) -> None:
        """End its thread."""
        self._is_closed.set()
        with self._wake:
            self._wake.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    # Redis

    def on_confirmed(self, channel: str) -> None:
        """Load everything: notifications may have been missed before."""
        with self._wake:
            if channel in CHANNELS and self._followers:
                self._must_load = True
                self._wake.notify()

    def on_message(self, channel: str, message: PubSubMessage) -> None:
        """Note the charger or session that changed."""
        if channel not in CHANNELS:
            return
        if message.kind == pubsub.CHARGER_CHANGED:
            self._note(self._chargers, int(message.data["charger"]))
        elif message.kind in (pubsub.SESSION_CHANGED, pubsub.SESSIONS_CHANGED):
            self._note(self._sessions, int(message.data["session"]))

    def _note(self, pending: set[int], number: int) -> None:
        with self._wake:
            if not self._followers:
                return
            pending.add(number)
            if len(pending) > MAX_PENDING:
                pending.clear()
                self._must_load = True
            self._wake.notify()

    # The thread

    def _start(self) -> None:
        if self._thread is None and not self._is_closed.is_set():
            self._thread = threading.Thread(target=self._run, name="fleet-refresher", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        cache = FleetCache(self._stale_after)
        self._next_load_at, self._is_broken = 0.0, False
        while (pending := self._next()) is not None:
            began_at = monotonic()
            snapshot = self._read(cache, pending)
            if pending.is_load or snapshot is None:
                factor = FAILED_LOAD_INTERVAL_FACTOR if snapshot is None else LOAD_INTERVAL_FACTOR
                self._loaded_at = began_at
                self._next_load_at = began_at + max(PACE_S, factor * (monotonic() - began_at))
            self._publish(snapshot, pending.generation)
            self._is_closed.wait(max(0.0, began_at + PACE_S - monotonic()))

    def _next(self) -> Pending | None:
        """Wait until there is something to read, and take it; return None without followers."""
        with self._wake:
            while not self._is_closed.is_set() and self._followers:
                if self._is_due():
                    return self._take()
                self._wake.wait(PACE_S)
            self._thread = self._snapshot = None
            self._sessions.clear()
            self._chargers.clear()
            return None

    def _is_due(self) -> bool:
        changes_at = None if self._snapshot is None else self._snapshot.changes_at
        if monotonic() >= self._loaded_at + self._reload_interval_s or (changes_at and changes_at <= datetime.now(UTC)):
            self._must_load = True
        if self._is_load_due():
            return True
        can_refresh = self._snapshot is not None and not self._is_broken
        return can_refresh and bool(self._sessions or self._chargers)

    def _is_load_due(self) -> bool:
        """Tell whether to read everything now. A confirmation still to come would only repeat it."""
        if not self._must_load or monotonic() < self._next_load_at:
            return False
        return not any(map(self._listener.will_confirm, CHANNELS))

    def _take(self) -> Pending:
        is_load = self._is_load_due()
        if is_load:
            self._must_load = False
        pending = Pending(is_load, set(self._sessions), set(self._chargers), self._generation)
        self._sessions.clear()
        self._chargers.clear()
        return pending

    def _read(self, cache: FleetCache, pending: Pending) -> Snapshot | None:
        """Read what is pending; log a failure, and return None then."""
        try:
            return _load(cache) if pending.is_load else _refresh(cache, pending.sessions, pending.chargers)
        except (OperationalError, InterfaceError) as error:
            if not self._is_broken:
                log.warning("the database is away, the fleet is late until it is back: %s", error)
        except Exception:
            log.exception("reading the fleet failed, and is tried again")
        return None

    def _publish(self, snapshot: Snapshot | None, generation: int) -> None:
        """Show a snapshot to the followers, unless it may be outdated."""
        self._is_broken = snapshot is None
        with self._wake:
            if generation != self._generation:
                self._next_load_at = 0.0  # the new followers wait for their first reading
            if snapshot is None or generation != self._generation:
                self._must_load = True
                return
            self._snapshot = snapshot
            followers = list(self._followers.values())
        for notify in followers:
            notify(ROWS)


@blocking
def _load(cache: FleetCache) -> Snapshot:
    return cache.load(datetime.now(UTC))


@blocking
def _refresh(cache: FleetCache, sessions: set[int], chargers: set[int]) -> Snapshot:
    return cache.refresh(sessions, chargers, datetime.now(UTC))
