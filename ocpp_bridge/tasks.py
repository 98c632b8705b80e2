"""Helpers of asyncio: work in a thread, and the end of tasks that swallow their cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol, TypeVar

RETRY_INTERVAL_S = 0.5

T = TypeVar("T")


class InThread(Protocol):
    """Run a synchronous function in a thread."""

    def __call__(self, function: Callable[..., T], /, *args: object) -> Awaitable[T]: ...


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks again until they end: redis-py (8.1) can swallow a cancellation while it connects."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=RETRY_INTERVAL_S)
