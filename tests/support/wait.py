"""Owns waiting for something to become so. Tests never sleep for a time and hope.

How long is what a machine may take that stands still for seconds at a time: only what fails waits for so long.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

WITHIN_S = 30.0
INTERVAL_S = 0.02


def eventually(condition: Callable[[], T], *, timeout_s: float = WITHIN_S) -> T:
    """Return the first true value of `condition`; fail with the last one (or what it asserted) when time is up."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            last: object = condition()
        except AssertionError as error:
            last = error
        if last and not isinstance(last, AssertionError):
            return last  # type: ignore[return-value]
        if time.monotonic() > deadline:
            raise AssertionError(f"not so within {timeout_s} s; last seen: {last!r}")
        time.sleep(INTERVAL_S)


def quickest_s(work: Callable[[], object]) -> float:
    """How long something takes at its quickest, in seconds: once in three times the machine does not stand still."""
    times = []
    for _ in range(3):
        began = time.monotonic()
        work()
        times.append(time.monotonic() - began)
    return min(times)
