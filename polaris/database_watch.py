"""The database as the web sees it: an outage is logged when it begins, watched, and logged when it ends."""

from __future__ import annotations

import logging
import threading
import time

from peewee import PeeweeException
from playhouse.pool import MaxConnectionsExceeded

from polaris.models import check_storage
from polaris.outage import Outage

# Without it, anybody who asks for /readyz could keep the database busy with probes.
PROBE_INTERVAL_S = 2.0
FAILURES = (PeeweeException, MaxConnectionsExceeded, OSError)

log = logging.getLogger(__name__)


class DatabaseWatch:
    """The watch of a process. One thread probes for the time of an outage, none without."""

    def __init__(self) -> None:
        self._outage = Outage(log, "The database")
        self._lock = threading.Lock()
        self._probed_at = -PROBE_INTERVAL_S
        self._thread: threading.Thread | None = None
        self._is_closed = threading.Event()

    @property
    def is_full(self) -> bool:
        return self._outage.is_full

    def note(self, error: BaseException) -> None:
        """Note that a request failed because of the database."""
        self._outage.begin(error)
        if self._thread is None:
            self._thread = threading.Thread(target=self._await_end, name="database-watch", daemon=True)
            self._thread.start()

    def failure(self) -> str:
        """Return what is wrong with the database, in words for a health check; nothing if it stores."""
        with self._lock:
            if time.monotonic() - self._probed_at >= PROBE_INTERVAL_S:
                self._probe()
        if self._outage.is_full:
            return "the disk of the database is full or cannot be written"
        return "database does not answer" if self._outage.is_on else ""

    def close(self) -> None:
        """End its thread."""
        self._is_closed.set()
        if (thread := self._thread) is not None:
            thread.join()

    def _probe(self) -> None:
        try:
            check_storage()
        except FAILURES as error:
            self.note(error)
        else:
            self._outage.end(has_stored=True)
        self._probed_at = time.monotonic()

    def _await_end(self) -> None:
        try:
            while self._outage.is_on and not self._is_closed.wait(PROBE_INTERVAL_S):
                self.failure()
        finally:
            self._thread = None  # or nothing would end the outage after a failure here
