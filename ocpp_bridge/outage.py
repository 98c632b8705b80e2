"""Owns what counts as a database that is gone, and that a problem which lasts is logged once."""

from __future__ import annotations

import logging

from peewee import InterfaceError, OperationalError

DATABASE_GONE = (OperationalError, InterfaceError)


class Outage:
    """Whether something is gone just now; its beginning and its end are logged, the time between is quiet."""

    def __init__(self, log: logging.Logger, what: str) -> None:
        self._log, self._what, self.is_on = log, what, False

    def begin(self, error: BaseException) -> None:
        if not self.is_on:
            reason = " ".join(str(error).split()) or type(error).__name__
            self._log.warning("%s does not answer: %s", self._what, reason)
        self.is_on = True

    def end(self) -> None:
        if self.is_on:
            self._log.warning("%s answers again", self._what)
        self.is_on = False
