"""Outages: the exceptions of a database that does not answer, and a log entry only when an outage begins or ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from peewee import InterfaceError, OperationalError

DATABASE_GONE = (OperationalError, InterfaceError)
FIRST_PAUSE_S, MAX_PAUSE_S = 0.05, 2.0  # between attempts

T = TypeVar("T")


class Outage:
    """The outage of a service, if it has one. Only its beginning and its end are logged."""

    def __init__(self, log: logging.Logger, service: str) -> None:
        self._log, self._service, self.is_on = log, service, False

    def begin(self, error: BaseException) -> None:
        if not self.is_on:
            reason = " ".join(str(error).split()) or type(error).__name__
            self._log.warning("%s does not answer: %s", self._service, reason)
        self.is_on = True

    def end(self) -> None:
        if self.is_on:
            self._log.warning("%s answers again", self._service)
        self.is_on = False


async def retried(attempt: Callable[[], Awaitable[T]], database: Outage) -> T:
    """Repeat an attempt until the database answers."""
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            result = await attempt()
            database.end()
            return result
        except DATABASE_GONE as error:
            database.begin(error)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, MAX_PAUSE_S)
