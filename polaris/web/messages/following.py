"""The first page of a charger's messages while it is open: what comes is added, and costs no search of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from polaris.ocpp_log.exchange import Exchange, exchanges
from polaris.ocpp_log.files import Line
from polaris.ocpp_log.filter import MessageFilter
from polaris.ocpp_log.search import Page
from polaris.ocpp_log.tail import MAX_LINES, Tails, Unavailable
from polaris.web.chargers.queries import coverage, newest_lines
from polaris.web.messages.queries import PAGE_ROWS, LoggedCharger, MessagesPage, Wanted, page


@dataclass(frozen=True, slots=True)
class Followed:
    """The page as it was last read, and the charger's newest lines then. `is_searched` if the log was searched."""

    page: MessagesPage
    lines: tuple[Line, ...] = ()
    is_searched: bool = True


def follow(charger: LoggedCharger, tails: Tails, wanted: MessageFilter, last: Followed | None) -> Followed:
    """Read the first page, or add to it what has come since; search again only if more has come than is followed."""
    try:
        tail = newest_lines(charger.identity, charger.last_contact_at, tails)
    except Unavailable:
        return Followed(page(charger, tails, Wanted(wanted)))
    if last is None or not _goes_on(last.lines, tail.lines):
        return Followed(page(charger, tails, Wanted(wanted)), tail.lines)
    lines = _lines(last.lines, tail.lines)
    rows = [row for row in _rows(lines, last) if wanted.matches(row)]
    rows += [row for row in last.page.rows if not lines or row.at_us < lines[0].at_us]
    log = coverage(tail, charger.last_contact_at)
    found = _first(rows, last.page.found)
    return Followed(MessagesPage(charger, Wanted(wanted), log, found), lines, is_searched=False)


def _goes_on(before: Sequence[Line], now: Sequence[Line]) -> bool:
    """Whether no line can have been missed between two readings."""
    return not (before or now) or (bool(before and now) and now[0].at_us <= before[-1].at_us)


def _lines(before: Sequence[Line], now: Sequence[Line]) -> tuple[Line, ...]:
    """Return the newest lines with some before them: an answer may be to a call that is not among the newest now."""
    older = [line for line in before if now and line.at_us < now[0].at_us]
    return (*older[-MAX_LINES:], *now)


def _rows(lines: Sequence[Line], last: Followed) -> Iterable[Exchange]:
    """Yield the messages in lines, the newest first, but no answer whose call is older than these lines."""
    listed = {row.at_us for row in last.page.rows}
    newest_us = last.lines[-1].at_us if last.lines else -1
    for row in reversed(exchanges(lines)):
        if not row.is_stray_answer or row.at_us > newest_us or row.at_us in listed:
            yield row


def _first(rows: Sequence[Exchange], found: Page) -> Page:
    """Return the rows of the first page, which are all of an instant; the others are on the next."""
    end = PAGE_ROWS
    while 0 < end < len(rows) and rows[end].at_us == rows[end - 1].at_us:
        end += 1
    if end >= len(rows):
        return replace(found, rows=tuple(rows))
    return Page(tuple(rows[:end]), rows[end - 1].at_us)
