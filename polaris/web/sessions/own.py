"""A driver's list of sessions: the view of a page, its reading, and the batches of its file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from polaris.domain.cards import last_four
from polaris.lists import session_lines, sessions, strips
from polaris.lists.search import Counted
from polaris.lists.sessions import SessionFilter
from polaris.lists.strips import Strip
from polaris.models import Charger, ChargingSession, EvCard, blocking
from polaris.web.csv_export import Batch
from polaris.web.sessions import listed, queries
from polaris.web.sessions.listed import Wanted
from polaris.web.sessions.view import SessionRow

MAX_CARDS = 100  # to choose from
MAX_LOOKED_AT = 500  # of the newest sessions, for the chargers to choose from: any other one can be named in the URL
DRIVER, CARD = listed.HEADER.index("driver"), listed.HEADER.index("card")
HEADER = tuple(title for title in listed.HEADER if title != "driver")


@dataclass(frozen=True, slots=True)
class OwnPage:
    """A page of the list. `next_number` is where older sessions go on."""

    wanted: Wanted
    rows: list[SessionRow]
    next_number: int | None
    count: Counted
    strip: Strip
    has_card: bool

    @property
    def is_filtered(self) -> bool:
        return self.wanted.sessions.is_set


class Change(NamedTuple):
    """The rows of a page that changed, and the strip."""

    rows: list[SessionRow]
    strip: Strip


class Choices(NamedTuple):
    """The choices of a driver's filter: pairs of a value and its words."""

    cards: list[tuple[str, str]]
    chargers: list[tuple[str, str]]


@blocking
def page(wanted: Wanted, now: datetime) -> OwnPage:
    """Read a page. It needs the owner's id."""
    owner_id = _owner(wanted)
    found = sessions.page(wanted.sessions, queries.LIST_ROWS, wanted.before)
    count = sessions.count(wanted.sessions)
    rows = queries.session_rows(owner_id, found.keys, now)
    has_card = bool(rows) or EvCard.select().where(EvCard.account == owner_id).exists()
    return OwnPage(wanted, rows, found.next_key, count, strips.strip(owner_id, now), has_card)


@blocking
def change(wanted: Wanted, numbers: Iterable[int], now: datetime) -> Change:
    """Read some rows and the strip."""
    owner_id = _owner(wanted)
    return Change(queries.session_rows(owner_id, numbers, now), strips.strip(owner_id, now))


@blocking
def choices(wanted: Wanted) -> Choices:
    """Return a driver's cards, and the chargers of the driver's newest sessions."""
    owner_id = _owner(wanted)
    cards = EvCard.select().where(EvCard.account == owner_id).order_by(EvCard.id.desc()).limit(MAX_CARDS)
    newest = ChargingSession.select(ChargingSession.charger).where(ChargingSession.account == owner_id)
    newest = newest.order_by(ChargingSession.started_at.desc()).limit(MAX_LOOKED_AT)
    chargers = Charger.select(Charger.identity, Charger.name).where(Charger.id.in_(newest)).order_by(Charger.name)
    return Choices(
        [(str(card.id), card.name or last_four(card.id_tag)) for card in cards],
        [(charger.identity, charger.name or charger.identity) for charger in chargers],
    )


@blocking
def batch(wanted: SessionFilter, limit: int, after: int | None, now: datetime) -> Batch[int]:
    """Read a batch of the file. A driver's cards are named by their last characters, as on every page."""
    found = sessions.page(wanted, limit, after)
    rows = []
    for line in session_lines.of_numbers(found.keys, now):
        cells = list(listed.cells(line))
        cells[CARD] = line.card_ends
        del cells[DRIVER]
        rows.append(cells)
    return rows, found.next_key


def _owner(wanted: Wanted) -> int:
    owner_id = wanted.sessions.owner_id
    assert owner_id is not None, "a driver's list without a driver would be everybody's"
    return owner_id
