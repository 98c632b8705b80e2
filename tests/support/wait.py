"""Owns waiting for something to become so. Tests never sleep for a time and hope."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

INTERVAL_S = 0.02
LIMIT_S = 30.0  # far from the usual: a machine that has other things to do is no failure


def eventually(condition: Callable[[], T], *, timeout_s: float = LIMIT_S) -> T:
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
