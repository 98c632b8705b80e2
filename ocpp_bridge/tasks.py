"""Helpers of asyncio: calls in a thread, and the end of tasks that swallow their cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

RETRY_INTERVAL_S = 0.5

THREADS = ThreadPoolExecutor(4, thread_name_prefix="lookup")  # for all but storing facts and the OCPP log

T = TypeVar("T")


def in_thread(function: Callable[..., T], /, *args: object) -> asyncio.Future[T]:
    """Call a synchronous function in one of `THREADS`."""
    return asyncio.get_running_loop().run_in_executor(THREADS, function, *args)


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks again until they end: redis-py (8.1) can swallow a cancellation while it connects."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=RETRY_INTERVAL_S)
