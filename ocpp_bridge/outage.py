"""Outages: the exceptions of a database that does not answer, and a log entry only when an outage begins or ends."""

from __future__ import annotations

import logging

from peewee import InterfaceError, OperationalError

DATABASE_GONE = (OperationalError, InterfaceError)


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
