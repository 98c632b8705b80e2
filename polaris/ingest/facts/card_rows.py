"""Cards with the standing of their accounts, and the sessions that they have open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from polaris.domain import cards
from polaris.domain.cards import normal_id_tag
from polaris.domain.enums import AccountStatus, Authorization, CardStatus
from polaris.ingest.sanitize import fit
from polaris.models import Account, ChargingSession, EvCard, ModelQuery, RowQuery


class Card(NamedTuple):
    id: int
    account_id: int
    id_tag: str
    status: str
    account_status: str
    expires_at: datetime | None
    limit_kind: str  # of the limit that its sessions begin with


_BY_ID_TAG = RowQuery(
    Card,
    EvCard,
    "SELECT {columns} FROM ev_card JOIN account ON account.id = ev_card.account_id WHERE ev_card.id_tag IN ({marks})",
    account_status=Account.status,
)
_GOING_ON = ModelQuery(
    ChargingSession,
    "SELECT {columns} FROM charging_session WHERE state = 'active' AND NOT is_awaiting_end AND card_id IN ({marks})",
)


def find(id_tag: str) -> Card | None:
    """Return the card of an id tag as a charger sent it."""
    return find_all([id_tag]).get(normal_id_tag(id_tag))


def find_all(id_tags: Iterable[str]) -> dict[str, Card]:
    """Return cards by their normal id tags. One that is too long to be stored has none: cut, it could be another's."""
    normal = {normal_id_tag(id_tag) for id_tag in id_tags}
    return {card.id_tag: card for card in _BY_ID_TAG.rows([id_tag for id_tag in normal if fit(id_tag) == id_tag])}


def going_on(cards_: Iterable[Card]) -> list[ChargingSession]:
    """Return the open sessions of cards that do not seem to be over."""
    account_ids = {card.id: card.account_id for card in cards_}
    return [row for row in _GOING_ON.rows(list(account_ids)) if row.account_id == account_ids[row.card_id or 0]]


def authorize(card: Card | None, now: datetime, *, is_charging_elsewhere: bool) -> Authorization:
    """Return the answer about a card; None stands for an unknown one."""
    if card is None:
        return cards.authorize(None, None)
    return cards.authorize(
        CardStatus(card.status),
        AccountStatus(card.account_status),
        is_expired=cards.is_expired(card.expires_at, now),
        is_charging_elsewhere=is_charging_elsewhere,
    )


def authorize_end(id_tag: str | None, cards_: Mapping[str, Card], now: datetime) -> Authorization | None:
    """Return the answer about the card of an end, which nothing can prevent; None if it names none."""
    return None if id_tag is None else authorize(cards_.get(normal_id_tag(id_tag)), now, is_charging_elsewhere=False)
