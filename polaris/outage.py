"""Outages of the database or Redis: what fails is logged when it begins and when it ends, and named for what it is.

While the disk of a database is full, it can still be read: only a write that succeeds ends such an outage.
"""

from __future__ import annotations

import logging

from peewee import InterfaceError, OperationalError

DATABASE_GONE = (OperationalError, InterfaceError)
# Of SQLite (which calls an exceeded quota an I/O error) and PostgreSQL.
FULL = ("disk is full", "disk i/o error", "no space left", "quota exceeded")


class Outage:
    """The outage of a service, if it has one. Only its beginning and its end are logged."""

    def __init__(self, log: logging.Logger, service: str) -> None:
        self._log, self._service = log, service
        self.is_on = False
        self.is_full = False  # it is on because the disk is full or cannot be written

    def begin(self, error: BaseException) -> None:
        """Note that the service failed."""
        is_full = is_disk_full(error)
        reason = " ".join(str(error).split()) or type(error).__name__
        if is_full and not self.is_full:
            self._log.error("%s cannot store anything until its disk has room or is mended: %s", self._service, reason)
        elif not self.is_on:
            self._log.warning("%s does not answer: %s", self._service, reason)
        self.is_on, self.is_full = True, self.is_full or is_full

    def end(self, *, has_stored: bool = False) -> None:
        """Note that the service answered, and whether it stored something."""
        if self.is_full and not has_stored:
            return
        if self.is_on:
            self._log.warning("%s %s again", self._service, "stores" if self.is_full else "answers")
        self.is_on = self.is_full = False


def is_disk_full(error: BaseException) -> bool:
    text = str(error).lower()
    return any(words in text for words in FULL)
