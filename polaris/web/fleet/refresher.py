"""The fleet in this process's memory, for as long as somebody watches it.

Hints are noted, and what they name is read together, once a second at most; then whoever watches is told, and looks at
the newest snapshot without touching the database. Everything is read anew when the first comes to watch, when asked to
(the hub asks after a break of the Redis connection, and now and then), and when time alone changed something. With the
last who watches goes what was read: no hint would say that it holds no longer.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic

from peewee import InterfaceError, OperationalError

from polaris.models import blocking
from polaris.web.fleet.cache import FleetCache, Snapshot

PACE_S = 1.0
WHOLE_SHARE = 20  # reading everything takes at most one part of so many of the time,
FAILED_SHARE = 2  # and, while it fails, of so many: whoever watches is late until it works
MAX_NOTED = 5_000  # more than this is read with everything else

log = logging.getLogger(__name__)


class FleetRefresher:
    """One for a process. `on_read` is called after every reading."""

    def __init__(self, stale_after: timedelta, reread_s: float, on_read: Callable[[], None]) -> None:
        """Everything is read again after `reread_s`, in case a hint was lost."""
        self._stale_after = stale_after
        self._reread_s = reread_s
        self._on_read = on_read
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None
        self._sessions: set[int] = set()
        self._chargers: set[int] = set()
        self._is_whole_wanted = False
        self._whole_at = self._whole_from = 0.0  # when it was read whole, and when it may be again; monotonic
        self._is_broken = False  # the last reading failed: only a whole one mends it
        self._is_closed = threading.Event()
        self._followers = 0  # topics that tell it of hints
        self._times_left = 0  # by all of them; what was being read meanwhile may have missed hints
        self._snapshot: Snapshot | None = None

    def follow(self, *, is_followed: bool) -> None:
        """One more topic tells it of hints, or one less does."""
        with self._news:
            self._followers += 1 if is_followed else -1
            if not self._followers:
                self._times_left += 1
                self._snapshot = None
                self._news.notify()

    def look(self, *, anew: bool = False) -> Snapshot | None:
        """The fleet as it was last read; None where it is not followed, and before the first reading. `anew`: read
        everything again, soon."""
        with self._news:
            if self._followers and (anew or self._thread is None):
                self._is_whole_wanted = True
                self._start()
                self._news.notify()
            return self._snapshot

    def note_session(self, number: int) -> None:
        """Note that a session changed."""
        self._note(self._sessions, number)

    def note_charger(self, charger_id: int) -> None:
        """Note that a charger changed."""
        self._note(self._chargers, charger_id)

    def _note(self, noted: set[int], number: int) -> None:
        with self._news:
            noted.add(number)
            if len(noted) > MAX_NOTED:
                noted.clear()
                self._is_whole_wanted = True
            self._news.notify()

    def close(self) -> None:
        """End its thread."""
        self._is_closed.set()
        with self._news:
            self._news.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _start(self) -> None:
        if self._thread is None and not self._is_closed.is_set():
            self._thread = threading.Thread(target=self._run, name="fleet-board", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        state = FleetCache(self._stale_after)
        self._whole_from, self._is_broken = 0.0, False
        while self._wait():
            began = monotonic()
            times_left = self._times_left
            is_whole, sessions, chargers = self._take()
            snapshot = self._read(partial(_load, state) if is_whole else partial(_refresh, state, sessions, chargers))
            if is_whole or snapshot is None:
                self._whole_at = began
                share = FAILED_SHARE if snapshot is None else WHOLE_SHARE
                self._whole_from = began + max(PACE_S, share * (monotonic() - began))
            self._show(snapshot, times_left)
            self._is_closed.wait(max(0.0, began + PACE_S - monotonic()))

    def _read(self, read: Callable[[], Snapshot]) -> Snapshot | None:
        """Read; None where that failed."""
        try:
            return read()
        except (OperationalError, InterfaceError) as error:
            if not self._is_broken:
                log.warning("the database is away, the fleet is late until it is back: %s", error)
        except Exception:
            log.exception("reading the fleet failed, and is tried again")
        return None

    def _wait(self) -> bool:
        """Wait until there is something to read; False when nobody watches any longer."""
        with self._news:
            while not self._is_closed.is_set() and self._followers:
                if self._is_due():
                    return True
                self._news.wait(PACE_S)
            self._thread = self._snapshot = None
            self._sessions.clear()
            self._chargers.clear()
            return False

    def _is_due(self) -> bool:
        changes_at = None if self._snapshot is None else self._snapshot.changes_at
        if monotonic() >= self._whole_at + self._reread_s or (changes_at and changes_at <= datetime.now(UTC)):
            self._is_whole_wanted = True
        if self._is_whole_due():
            return True
        can_refresh = self._snapshot is not None and not self._is_broken
        return can_refresh and bool(self._sessions or self._chargers)

    def _is_whole_due(self) -> bool:
        return self._is_whole_wanted and monotonic() >= self._whole_from

    def _take(self) -> tuple[bool, set[int], set[int]]:
        with self._news:
            is_whole = self._is_broken or self._is_whole_due()
            if is_whole:
                self._is_whole_wanted = False
            noted = set(self._sessions), set(self._chargers)
            self._sessions.clear()
            self._chargers.clear()
            return is_whole, *noted

    def _show(self, snapshot: Snapshot | None, times_left: int) -> None:
        """Let those who watch see it. Where reading failed, what is known in parts is of no use any longer."""
        self._is_broken = snapshot is None
        with self._news:
            if times_left != self._times_left:
                self._whole_from = 0.0  # who came since waits for a first reading
            if snapshot is None or times_left != self._times_left:
                self._is_whole_wanted = True
                return
            self._snapshot = snapshot
        self._on_read()


@blocking
def _load(state: FleetCache) -> Snapshot:
    return state.load(datetime.now(UTC))


@blocking
def _refresh(state: FleetCache, sessions: set[int], chargers: set[int]) -> Snapshot:
    return state.refresh(sessions, chargers, datetime.now(UTC))
