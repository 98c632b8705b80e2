"""A thread that sends what is due, one after another, and shares nothing with what else is in its process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from polaris.outage import DATABASE_GONE

INTERVAL_S = 2.0
STOP_TIMEOUT_S = 2.0  # what is under way then is sent again when its lease is over

log = logging.getLogger(__name__)


class SendingThread:
    """Calls `send_due`, which returns whether anything was, from `start` to `stop`."""

    def __init__(self, name: str, send_due: Callable[[datetime], bool]) -> None:
        self._send_due = send_due
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(STOP_TIMEOUT_S)

    def _run(self) -> None:
        while not self._stopped.wait(INTERVAL_S):
            try:
                while not self._stopped.is_set() and self._send_due(datetime.now(UTC)):
                    pass
            except DATABASE_GONE:
                continue  # which the process that it is in has noticed by itself
            except Exception:
                log.exception("The sending of %s failed", self._thread.name)
