"""The security log: one JSON line on standard error for each refused sign-in, reached limit or refused page.

Its lines are bounded in rate and length, because those who are refused decide how many there are and what they say.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import defaultdict
from datetime import UTC, datetime
from time import monotonic

WINDOW_S = 60.0
MAX_LINES = 60  # of one event, a process and a window: without it, a flood of guesses would fill the disk
MAX_FIELD_LENGTH = 200  # characters; without it, one long path or user agent would

log = logging.getLogger("polaris.security")
if logging.lastResort is not None:
    log.addHandler(logging.lastResort)  # writes the bare line to standard error


class _Window:
    """How many lines of one event were asked for since `began_at`."""

    def __init__(self) -> None:
        self.began_at = monotonic()
        self.lines = 0
        self.suppressed = 0


_windows: defaultdict[str, _Window] = defaultdict(_Window)  # by event, of which there are only a few
_lock = threading.Lock()


def record(event: str, **fields: str | int | None) -> None:
    """Log an event. Past `MAX_LINES` in a minute it is only counted, and the count logged when the minute is over."""
    if _is_admitted(event):
        _write(event, fields)


def begin_anew() -> None:
    """Forget what was logged, as a process that has just started."""
    with _lock:
        _windows.clear()


def _is_admitted(event: str) -> bool:
    with _lock:
        window = _windows[event]
        now = monotonic()
        if not window.suppressed and now - window.began_at >= WINDOW_S:
            window = _windows[event] = _Window()
        window.lines += 1
        if window.lines <= MAX_LINES:
            return True
        window.suppressed += 1
        if window.suppressed == 1:
            timer = threading.Timer(max(0.0, window.began_at + WINDOW_S - now), _end_window, (event,))
            timer.daemon = True
            timer.start()
    return False


def _end_window(event: str) -> None:
    with _lock:
        suppressed = _windows.pop(event, _Window()).suppressed
    _write(event, {"suppressed": suppressed})


def _write(event: str, fields: dict[str, str | int | None]) -> None:
    known = {name: _bounded(value) for name, value in fields.items() if value is not None}
    log.warning("%s", json.dumps({"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **known}))


def _bounded(value: str | int | None) -> str | int | None:
    return value[:MAX_FIELD_LENGTH] if isinstance(value, str) else value
