"""Cards that their drivers reported lost: refused since then, and somebody may ask for another one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from peewee import SQL

from polaris.attention.item import Item, Search, verb
from polaris.domain.cards import shown
from polaris.domain.enums import SessionState
from polaris.domain.sentences import N_, Sentence, say
from polaris.models import Account, ChargingSession, EvCard

LOST = "lost_card"
MAX_AGE = timedelta(days=7)
IS_ACTIVE = SQL(f"state = '{SessionState.ACTIVE}'")  # as the partial index has it


def lost(search: Search) -> list[Item]:
    """Return the cards that were reported lost, the latest first."""
    query = EvCard.select(EvCard, Account).join(Account).where(EvCard.lost_at > search.now - MAX_AGE)
    cards = list(query.order_by(EvCard.lost_at.desc()).limit(search.limit))
    running = _running([card.id for card in cards])
    return [_lost(card, running.get(card.id)) for card in cards]


def _running(card_ids: list[int]) -> dict[int, int]:
    """Return the newest session that still runs with each card."""
    is_running = IS_ACTIVE & ChargingSession.card.in_(card_ids)
    query: Any = ChargingSession.select(ChargingSession.card, ChargingSession.number).where(is_running)
    return dict(query.order_by(ChargingSession.number).tuples()) if card_ids else {}


def _lost(card: EvCard, session: int | None) -> Item:
    email = card.account.email
    told = say("%(email)s reported it lost at %(at)s. It is blocked.", email=email, at=card.lost_at)
    return Item(
        LOST,
        str(card.id),  # no card's id is kept of what was acknowledged, or in the audit log
        (told, _where(session)),
        since=card.lost_at,
        level=2 if session else 1,
        actions=(verb(N_("Add another card"), "card", "add", email, "CARD", email=email),),
        name=shown(card.id_tag, card.token_type),
        is_of_charger=False,
        session=session,
    )


def _where(session: int | None) -> Sentence:
    if session is not None:
        return say("Session #%(number)s, started with it, still goes on.", number=session)
    return say("A charger that keeps cards of its own may still take it while it is offline.")
