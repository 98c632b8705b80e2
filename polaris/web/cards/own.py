"""A driver's cards: the view of the page, and its reading."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from polaris.administration import own_cards
from polaris.administration.own_cards import Tap
from polaris.domain.cards import last_four
from polaris.domain.enums import CardStatus
from polaris.domain.limit import Limit, LimitKind
from polaris.domain.start_request import Bay
from polaris.ingest.requests import start_rows
from polaris.lists.cards import CardState, state
from polaris.lists.search import unindexed
from polaris.models import Charger, ChargingSession, EvCard, blocking
from polaris.web.sessions import queries as session_queries
from polaris.web.sessions.view import RunningSession

MAX_CARDS = 50  # on the page, the newest: an operator may have given an account any number
MAX_USES = 1000  # that are counted of a card
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class LastUse:
    """The newest session of a card."""

    number: int
    at: datetime
    charger: str


@dataclass(frozen=True, slots=True)
class OwnCard:
    """A card as its driver sees it. `uses` is one more than `MAX_USES` if there are more."""

    id: int
    name: str  # "" if it has none
    ends: str
    state: CardState
    expires_at: datetime | None
    lost_at: datetime | None
    uses: int
    last: LastUse | None
    running: tuple[RunningSession, ...]
    limit: Limit | None  # that its sessions begin with
    starting: Bay | None = None  # where a start with it is under way

    @property
    def title(self) -> str:
        return self.name or self.ends


@dataclass(frozen=True, slots=True)
class ShownTap:
    """A card that was just tapped, and how long ago."""

    tap: Tap
    minutes: int


@dataclass(frozen=True, slots=True)
class OwnCardsPage:
    """A driver's cards, and those that were just tapped. `changes_at` is when time alone changes the page."""

    cards: list[OwnCard]
    taps: list[ShownTap]
    changes_at: datetime | None


@blocking
def page(account_id: int, now: datetime) -> OwnCardsPage:
    """Read a driver's cards, the newest first."""
    rows = EvCard.select().where(EvCard.account == account_id).order_by(EvCard.id.desc()).limit(MAX_CARDS)
    cards = [_card(row, now) for row in rows]
    taps = [shown_tap(tap, now) for tap in own_cards.recent_taps(account_id, now)]
    instants = [each.tap.at + (each.minutes + 1) * MINUTE for each in taps]
    instants += [session.changes_at for card in cards for session in card.running if session.changes_at is not None]
    return OwnCardsPage(cards, taps, min(instants, default=None))


@blocking
def card(account_id: int, card_id: int, now: datetime) -> OwnCard | None:
    """Read a card; None if it is not the driver's."""
    row = EvCard.get_or_none(EvCard.id == card_id, EvCard.account == account_id)
    return None if row is None else _card(row, now)


def shown_tap(tap: Tap, now: datetime) -> ShownTap:
    """Add to a tap how long ago it was."""
    return ShownTap(tap, max(0, (now - tap.at) // MINUTE))


def _card(row: EvCard, now: datetime) -> OwnCard:
    is_in = state(CardStatus(row.status), row.expires_at, now)
    is_used = (ChargingSession.id_tag == row.id_tag) & (unindexed(ChargingSession.account) == row.account_id)
    uses = ChargingSession.select(ChargingSession.number).where(is_used).limit(MAX_USES + 1).count()
    is_running = (ChargingSession.account == row.account_id) & (ChargingSession.id_tag == row.id_tag)
    return OwnCard(
        row.id,
        row.name,
        last_four(row.id_tag),
        is_in,
        row.expires_at,
        row.lost_at,
        uses,
        _last_use(is_used) if uses else None,
        session_queries.running_sessions(is_running, now) if uses else (),
        Limit(LimitKind(row.limit_kind), row.limit_value) if row.limit_kind else None,
        start_rows.with_card(row.account_id, row.id_tag, now),
    )


def _last_use(is_used: Any) -> LastUse | None:
    query = ChargingSession.select(ChargingSession, Charger).join(Charger).where(is_used)
    row = query.order_by(ChargingSession.number.desc()).first()
    return None if row is None else LastUse(row.number, row.started_at, row.charger.name or row.charger.identity)
