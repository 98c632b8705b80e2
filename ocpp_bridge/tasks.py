"""Cancellation of tasks that also works if a task swallows it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

RETRY_INTERVAL_S = 0.5


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks again until they end: redis-py (8.1) can swallow a cancellation while it connects."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=RETRY_INTERVAL_S)
