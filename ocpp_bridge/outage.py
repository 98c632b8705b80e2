"""Attempts that are repeated for as long as the database is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from polaris.outage import DATABASE_GONE, Outage

FIRST_PAUSE_S, MAX_PAUSE_S = 0.05, 2.0  # between attempts

T = TypeVar("T")


async def retried(attempt: Callable[[], Awaitable[T]], database: Outage) -> T:
    """Repeat an attempt to store something until the database has done so."""
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            result = await attempt()
            database.end(has_stored=True)
            return result
        except DATABASE_GONE as error:
            database.begin(error)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, MAX_PAUSE_S)
