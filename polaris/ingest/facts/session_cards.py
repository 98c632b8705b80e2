"""The card of a session: whom it belongs to, and whether it may charge."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from polaris.domain.cards import normal_id_tag
from polaris.domain.enums import Authorization
from polaris.domain.evidence import is_concurrent
from polaris.ingest.facts import card_rows, evidence
from polaris.ingest.facts.card_rows import Card
from polaris.ingest.outcomes import CardAnswer
from polaris.ingest.sanitize import fit


def authorization(id_tag: str, now: datetime) -> Authorization:
    """Return a card's own standing: the answer if it ends a session, which nothing can prevent."""
    return card_rows.authorize(card_rows.find(id_tag), now, is_charging_elsewhere=False)


def card_answer(id_tag: str, charger_id: int, now: datetime) -> CardAnswer:
    """Return the answer to a charger that asks about a card: that which a start would get there."""
    card = card_rows.find(id_tag)
    return CardAnswer(_authorize_to_start(card, charger_id, now, now), None if card is None else card.expires_at)


def owner_columns(id_tag: str, charger_id: int, now: datetime, *, at: datetime) -> dict[str, Any]:
    """Return the columns that name a card's owner, and the authorization that the charger gets for a start.

    A card that has expired by `now`, the receipt, is refused, though it may have been good when it was shown, `at`.
    """
    card = card_rows.find(id_tag)
    return card_columns(id_tag, card, _authorize_to_start(card, charger_id, now, at))


def card_columns(id_tag: str, card: Card | None, authorization: Authorization) -> dict[str, Any]:
    """Return the `owner_columns` of a card."""
    return {
        "id_tag": fit(normal_id_tag(id_tag)),
        "card_id": None if card is None else card.id,
        "account_id": None if card is None else card.account_id,
        "authorization": authorization,
    }


def _authorize_to_start(card: Card | None, charger_id: int, now: datetime, at: datetime) -> Authorization:
    """Authorize a card to start a session at some instant.

    Those at the same charger do not count: it asks before it stops one, too.
    """
    going_on = [] if card is None else card_rows.going_on([card])
    elsewhere = [session for session in going_on if session.charger_id != charger_id]
    is_elsewhere = any(is_concurrent(session.started_at, at) and evidence.is_charging(session) for session in elsewhere)
    return card_rows.authorize(card, now, is_charging_elsewhere=is_elsewhere)
