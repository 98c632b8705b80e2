"""EV cards: added to an account, and blocked for good. A session keeps its owner whatever happens to its card."""

from __future__ import annotations

import re
from datetime import datetime

from peewee import IntegrityError

from polaris.administration.accounts import find_account
from polaris.administration.audit import Refused, record
from polaris.domain.cards import MAX_ID_TOKEN_LENGTH, normal_id_tag
from polaris.domain.enums import CardStatus
from polaris.models import EvCard, blocking, database

_ID_TAG = re.compile(rf"[!-~]{{1,{MAX_ID_TOKEN_LENGTH}}}")


@blocking
def add_card(email: str, id_tag: str, *, actor: str, now: datetime) -> int:
    """Add an active card to an account; return its id."""
    id_tag = normal_id_tag(id_tag)
    if not _ID_TAG.fullmatch(id_tag):
        raise Refused(f"A card's id tag has 1 to {MAX_ID_TOKEN_LENGTH} ASCII characters without spaces.")
    try:
        with database.atomic():
            account = find_account(email)
            card = EvCard.create(account=account, id_tag=id_tag, status=CardStatus.ACTIVE, created_at=now)
            record(actor, "card.added", id_tag, now, account.email)
    except IntegrityError:
        raise Refused(f"There is a card {id_tag} already.") from None
    card_id: int = card.id
    return card_id


@blocking
def block_card(id_tag: str, *, actor: str, now: datetime) -> None:
    """Block a card: no charger starts with it any more."""
    id_tag = normal_id_tag(id_tag)
    with database.atomic():
        card = EvCard.get_or_none(EvCard.id_tag == id_tag.replace("\0", ""))
        if card is None:
            raise Refused(f"There is no card {id_tag}.")
        if card.status != CardStatus.BLOCKED:
            EvCard.update(status=CardStatus.BLOCKED).where(EvCard.id == card.id).execute()
            record(actor, "card.blocked", id_tag, now)
