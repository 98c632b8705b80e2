"""Owns running a coroutine from where it is called, without a task: most handlers never wait, or once.

A task costs two turns of the loop before it begins and after it ends. (Python 3.12 has tasks that begin at once.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


def begin(coroutine: Coroutine[Any, Any, None], then: Callable[[], object]) -> bool:
    """Run a coroutine as far as it goes; return whether that was to its end. If not, `then` is called at its end."""
    return _Run(coroutine, then).step()


class _Run:
    __slots__ = ("_coroutine", "_then")

    def __init__(self, coroutine: Coroutine[Any, Any, None], then: Callable[[], object]) -> None:
        self._coroutine, self._then = coroutine, then

    def step(self) -> bool:
        """Go on until it waits for something, or has ended. It sees to its own exceptions, but for a cancellation."""
        try:
            awaited: asyncio.Future[object] | None = self._coroutine.send(None)
        except (StopIteration, asyncio.CancelledError):
            return True
        if awaited is None:  # it gives way to others
            asyncio.get_running_loop().call_soon(self._go_on)
        else:
            awaited._asyncio_future_blocking = False  # as a task says that it has seen to it
            awaited.add_done_callback(self._go_on)
        return False

    def _go_on(self, _: object = None) -> None:
        is_done = True  # where an exception that it did not see to ends it, too
        try:
            is_done = self.step()
        finally:
            if is_done:
                self._then()
