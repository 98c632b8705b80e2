"""The queries of the page of a charger's messages: from the log to its view objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from polaris.models import Charger, blocking, from_microseconds, run_blocking
from polaris.ocpp_log import search
from polaris.ocpp_log.exchange import Exchange
from polaris.ocpp_log.filter import MessageFilter
from polaris.ocpp_log.search import Page
from polaris.ocpp_log.tail import Tails, Unavailable
from polaris.web.chargers.queries import LogCoverage, coverage, newest_lines

PAGE_ROWS = 50
MAX_MICROSECONDS_LENGTH = 18  # digits


@dataclass(frozen=True, slots=True)
class Wanted:
    """A filter and a place in the log, as a URL gives them: messages before an instant, in microseconds."""

    rows: MessageFilter
    before_us: int | None = None

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Wanted:
        before = values.get("before", "")
        is_instant = before.isascii() and before.isdigit() and len(before) <= MAX_MICROSECONDS_LENGTH
        return cls(MessageFilter.of(values), int(before) if is_instant else None)


@dataclass(frozen=True, slots=True)
class LoggedCharger:
    """A charger whose messages are read, and when it was last heard of."""

    id: int
    identity: str
    name: str
    last_contact_at: datetime | None


@dataclass(frozen=True, slots=True)
class MessagesPage:
    """A page of a charger's messages, the newest first."""

    charger: LoggedCharger
    wanted: Wanted
    log: LogCoverage
    found: Page

    @property
    def rows(self) -> tuple[Exchange, ...]:
        return self.found.rows

    @property
    def is_filtered(self) -> bool:
        return self.wanted.rows != MessageFilter()

    @property
    def searched_from(self) -> datetime | None:
        """How far back the log was searched, if the search has come to its bound."""
        reached_us = self.found.next_us if self.found.is_cut_short else None
        return None if reached_us is None else from_microseconds(reached_us)


@blocking
def charger(identity: str) -> LoggedCharger | None:
    """Look a charger up; return None if there is none."""
    row = Charger.get_or_none(Charger.identity == identity.replace("\0", ""))
    return None if row is None else LoggedCharger(row.id, row.identity, row.name, row.last_contact_at)


def page(charger: LoggedCharger, tails: Tails, wanted: Wanted) -> MessagesPage:
    """Search the log for a page of messages."""
    try:
        found = run_blocking(search.search, tails.directory, charger.identity, wanted.rows, PAGE_ROWS, wanted.before_us)
        tail = newest_lines(charger.identity, charger.last_contact_at, tails)
    except Unavailable:
        return MessagesPage(charger, wanted, LogCoverage.ELSEWHERE, Page())
    return MessagesPage(charger, wanted, coverage(tail, charger.last_contact_at), found)
