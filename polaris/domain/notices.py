"""Notices to drivers: their occasions, their channels, and for how long they are news."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum


class Occasion(StrEnum):
    """Something that a driver may want to be told of a session. A new one needs its words and its call in `ingest`."""

    ENDED = "ended"
    LIMIT = "limit"  # it stopped by itself, at its driver's limit
    NOT_STOPPED = "not_stopped"  # a stop that its driver asked for failed
    OFFLINE = "offline"  # its charger has had no connection for a while


class Channel(StrEnum):
    MAIL = "mail"
    PUSH = "push"  # to the devices on which it was switched on


Choices = frozenset[tuple[Occasion, Channel]]

NEWS_FOR = timedelta(hours=6)  # later it would tell of what the person knows, as after a charger's days offline
OFFLINE_AFTER = timedelta(minutes=5)  # many connections break for a moment
MAX_NOTICES = 50  # of an account in `PER`: without it, a charger gone mad would fill a mailbox
PER = timedelta(days=1)
