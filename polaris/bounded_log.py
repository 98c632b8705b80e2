"""Loggers of what strangers can cause, with bounded lines: a flood must neither fill the disk nor hide the rest."""

from __future__ import annotations

import logging
from time import monotonic

MAX_LINES = 10  # of a logger in a period
PERIOD_S = 60.0


class LineLimit(logging.Filter):
    """A filter that lets `MAX_LINES` pass in a period. The next period's first line says how many were left out."""

    def __init__(self) -> None:
        super().__init__()
        self._began_at = monotonic()
        self._lines = 0

    def filter(self, record: logging.LogRecord) -> bool:
        if monotonic() - self._began_at >= PERIOD_S:
            left_out, self._began_at, self._lines = self._lines - MAX_LINES, monotonic(), 0
            if left_out > 0:
                record.msg, record.args = f"{record.getMessage()} ({left_out} lines like it were left out)", ()
        self._lines += 1
        return self._lines <= MAX_LINES


def bounded(name: str) -> logging.Logger:
    """Return the logger of this name with its lines bounded."""
    log = logging.getLogger(name)
    if not log.filters:
        log.addFilter(LineLimit())
    return log
