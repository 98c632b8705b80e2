"""Changes of drivers to their own cards: name one, report it lost, add one that was just tapped at a charger.

A tap proves little: whoever sees it may claim the card. So a claim is of a recent tap, of a card that is nobody's
however its bytes are read, a few for an account a day, and in the audit log. Of a card, four characters are shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from peewee import SQL

from polaris.administration import cards
from polaris.administration.audit import Refused, record
from polaris.domain.cards import last_four, turned_round
from polaris.domain.enums import AccountStatus, CardStatus, SessionState
from polaris.domain.limit import Limit, LimitKind, is_valid
from polaris.models import (
    Account,
    AuditEntry,
    Charger,
    ChargingSession,
    EvCard,
    UnknownCard,
    blocking,
    database,
    locked,
)

MAX_NAME_LENGTH = 40
MAX_CLAIMS = 3  # of an account and day: without it, one driver could claim the cards of everybody who comes anew
MAX_CARDS = 20  # of an account that claims one more
CLAIM_INTERVAL = timedelta(days=1)
TAP_AGE = timedelta(minutes=10)  # of the last tap: whoever stands at the charger can tap again
SHOWN_TAPS = 5
CLAIMED = "card.claimed"
IS_ACTIVE = SQL(f"state = '{SessionState.ACTIVE}'")  # as the partial indexes have it: SQLite uses none for a parameter


class CardRefusal(StrEnum):
    """Why a driver's card was not changed."""

    NOT_FOUND = "not_found"  # or it is another driver's
    ACCOUNT_INACTIVE = "account_inactive"
    LIMIT = "limit"  # no session can come to it
    NAME = "name"  # it is too long, or has characters that cannot be read
    TAP_GONE = "tap_gone"  # somebody has the card, or its tap is too long ago
    TOO_MANY_CLAIMS = "too_many_claims"
    TOO_MANY_CARDS = "too_many_cards"


@dataclass(frozen=True, slots=True)
class Tap:
    """An unknown card that was just tapped. With `ends`, `number` is that of this card alone."""

    number: int
    ends: str
    charger: str
    at: datetime


@blocking
def rename(account_id: int, card_id: int, name: str, *, now: datetime) -> CardRefusal | None:
    """Name a card; "" takes its name away."""
    name = " ".join(name.split())
    if len(name) > MAX_NAME_LENGTH or not name.isprintable():
        return CardRefusal.NAME
    with database.atomic():
        card = _own(account_id, card_id)
        if isinstance(card, CardRefusal):
            return card
        if card.name != name:
            EvCard.update(name=name).where(EvCard.id == card_id).execute()
            record(card.account.email, "card.renamed", card.id_tag, now)
    return None


@blocking
def set_limit(account_id: int, card_id: int, limit: Limit | None, *, now: datetime) -> CardRefusal | None:
    """Set the limit that a card's sessions begin with; None takes it away. One of time is none for a card."""
    limit = limit or Limit(LimitKind.NONE, 0)
    if limit.kind is LimitKind.TIME or (limit.kind is not LimitKind.NONE and not is_valid(limit, now)):
        return CardRefusal.LIMIT
    with database.atomic():
        card = _own(account_id, card_id)
        if isinstance(card, CardRefusal):
            return card
        if (card.limit_kind, card.limit_value) != (limit.kind, limit.value):
            EvCard.update(limit_kind=limit.kind, limit_value=limit.value).where(EvCard.id == card_id).execute()
            record(card.account.email, "card.limit_set", card.id_tag, now, f"{limit.kind} {limit.value}".strip())
    return None


@blocking
def report_lost(account_id: int, card_id: int, *, now: datetime) -> CardRefusal | list[int]:
    """Block a card at once; return the sessions that run with it, which are to be stopped. None are if it is known.

    It only protects, so an account that is not active may do it, too.
    """
    with database.atomic():
        card = _own(account_id, card_id, needs_active=False)
        if isinstance(card, CardRefusal):
            return card
        if card.lost_at is not None:
            return []
        EvCard.update(status=CardStatus.BLOCKED, lost_at=now).where(EvCard.id == card_id).execute()
        record(card.account.email, "card.lost", card.id_tag, now)
    return running(account_id, card.id_tag)


@blocking
def running(account_id: int, id_tag: str) -> list[int]:
    """Return the account's sessions that run with a card."""
    is_running = (ChargingSession.account == account_id) & IS_ACTIVE
    query: Any = ChargingSession.select(ChargingSession.number).where(is_running, ChargingSession.id_tag == id_tag)
    return [number for (number,) in query.order_by(ChargingSession.number).tuples()]


@blocking
def running_with(account_id: int, card_id: int) -> list[int]:
    """Return the account's sessions that run with a card of that id."""
    return running(account_id, EvCard.get_by_id(card_id).id_tag)


@blocking
def recent_taps(account_id: int, now: datetime) -> list[Tap]:
    """Return the cards that were just tapped and that an account may add, the latest first."""
    query = UnknownCard.select(UnknownCard, Charger).join(Charger).where(UnknownCard.last_at > now - TAP_AGE)
    rows = query.order_by(UnknownCard.last_at.desc(), UnknownCard.id.desc()).limit(2 * SHOWN_TAPS)
    return [_tap(row) for row in rows if not _is_of_another(account_id, row.id_tag)][:SHOWN_TAPS]


@blocking
def find_tap(account_id: int, number: int, ends: str, now: datetime) -> Tap | None:
    """Return a card that was just tapped; None if it is not to be had, or if the number is another card's by now."""
    row = _claimable(account_id, number, ends, now)
    return None if row is None else _tap(row)


@blocking
def claim(account_id: int, number: int, ends: str, *, now: datetime) -> CardRefusal | None:
    """Add a card that was just tapped to an account. Of several who claim it, one gets it."""
    with database.atomic():
        account = locked(Account.select().where(Account.id == account_id)).get()
        refusal = _claim_refusal(account, now)
        if refusal is not None:
            return refusal
        row = _claimable(account_id, number, ends, now)
        if row is None:
            return CardRefusal.TAP_GONE
        try:
            cards.add_unknown(account.email, row, actor=account.email, action=CLAIMED, now=now)
        except Refused:  # somebody was faster
            return CardRefusal.TAP_GONE
    return None


def _own(account_id: int, card_id: int, *, needs_active: bool = True) -> EvCard | CardRefusal:
    """Return a card of an account that may change it, in the caller's transaction."""
    card: EvCard | None = locked(EvCard.select().where(EvCard.id == card_id, EvCard.account == account_id)).first()
    if card is None:
        return CardRefusal.NOT_FOUND
    is_allowed = not needs_active or card.account.status == AccountStatus.ACTIVE
    return card if is_allowed else CardRefusal.ACCOUNT_INACTIVE


def _claim_refusal(account: Account, now: datetime) -> CardRefusal | None:
    if account.status != AccountStatus.ACTIVE:
        return CardRefusal.ACCOUNT_INACTIVE
    is_claim = (AuditEntry.actor == account.email) & (AuditEntry.action == CLAIMED)
    if AuditEntry.select().where(is_claim, AuditEntry.at > now - CLAIM_INTERVAL).count() >= MAX_CLAIMS:
        return CardRefusal.TOO_MANY_CLAIMS
    has_many = EvCard.select().where(EvCard.account == account).count() >= MAX_CARDS
    return CardRefusal.TOO_MANY_CARDS if has_many else None


def _claimable(account_id: int, number: int, ends: str, now: datetime) -> UnknownCard | None:
    is_it = (UnknownCard.id == number) & (UnknownCard.last_at > now - TAP_AGE)
    row: UnknownCard | None = UnknownCard.select(UnknownCard, Charger).join(Charger).where(is_it).first()
    if row is None or last_four(row.id_tag) != ends or _is_of_another(account_id, row.id_tag):
        return None
    return row


def _is_of_another(account_id: int, id_tag: str) -> bool:
    """Whether an unknown card is another driver's, whose bytes the charger turns round."""
    turned = turned_round(id_tag)
    is_others = (EvCard.id_tag == turned) & (EvCard.account != account_id)
    return bool(turned) and bool(EvCard.select().where(is_others).exists())


def _tap(row: UnknownCard) -> Tap:
    return Tap(row.id, last_four(row.id_tag), row.charger.name or row.charger.identity, row.last_at)
