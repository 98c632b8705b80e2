"""Verbs for EV cards."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from polaris import administration
from polaris.administration import Refused
from polaris.administration.cards import find_card, tapped_card
from polaris.administration.charger_security import sessions_with
from polaris.domain import cards, filters
from polaris.domain.arguments import StrictStruct
from polaris.domain.cards import shown
from polaris.domain.enums import CardStatus
from polaris.domain.instants import clock_text
from polaris.domain.limits import MAX_INT32
from polaris.domain.sentences import say, together
from polaris.models import EvCard, blocking
from polaris.verbs.accounts import Email
from polaris.verbs.verb import Done, Request, Values, Verb, Warning

TokenType = StrEnum("TokenType", {name.upper(): name for name in cards.TYPES})  # type: ignore[misc]
Tag = Annotated[
    str, Meta(title="Card", description="What the charger reads from it, in upper or lower case.", max_length=600)
]
Type = Annotated[TokenType, Meta(description="The token's type in OCPP 2.x. A KeyCode 1234 is not the card 1234.")]
ExpiresAt = Annotated[
    datetime,
    Meta(title="Expires", description="Refuse it as expired from this instant on; a day is its beginning, in UTC."),
]


class Add(StrictStruct, frozen=True):
    """Give an account a card."""

    email: Email
    id_tag: Tag
    type: Type | None = None
    expires_at: ExpiresAt | None = None


class AddTapped(StrictStruct, frozen=True):
    """Give an account an unknown card that was tapped at a charger, as it came."""

    number: Annotated[
        int, Meta(ge=1, le=MAX_INT32, title="Unknown card", description="Its number in the list of unknown cards.")
    ]
    email: Email
    expires_at: ExpiresAt | None = None


class Block(StrictStruct, frozen=True):
    """Block a card, for good: no charger starts with it any more. Sessions that run go on."""

    id_tag: Tag
    type: Type | None = None


class SetExpiry(StrictStruct, frozen=True):
    """Refuse a card as expired from an instant on, or never. Sessions that run by then go on."""

    id_tag: Tag
    expires_at: ExpiresAt | None
    type: Type | None = None


def _add(request: Request, asked: Add) -> Done:
    administration.add_card(
        asked.email, asked.id_tag, type_=asked.type or "", expires_at=asked.expires_at, **request.audited
    )
    return _added(_shown(asked.id_tag, asked.type), asked.email, asked.expires_at)


def _add_tapped(request: Request, asked: AddTapped) -> Done:
    _, card = administration.add_tapped_card(asked.email, asked.number, expires_at=asked.expires_at, **request.audited)
    return _added(card, asked.email, asked.expires_at)


def _added(card: str, email: str, expires_at: datetime | None) -> Done:
    if expires_at is None:
        return Done(say("Card %(card)s was added to %(email)s.", card=card, email=email))
    return Done(
        say("Card %(card)s was added to %(email)s, until %(until)s.", card=card, email=email, until=_until(expires_at))
    )


def _block(request: Request, asked: Block) -> Done:
    administration.block_card(asked.id_tag, type_=asked.type or "", **request.audited)
    return Done(say("Card %(card)s is blocked.", card=_shown(asked.id_tag, asked.type)))


def _set_expiry(request: Request, asked: SetExpiry) -> Done:
    at = asked.expires_at
    administration.set_card_expiry(asked.id_tag, at, type_=asked.type or "", **request.audited)
    card = _shown(asked.id_tag, asked.type)
    if at is None:
        return Done(say("Card %(card)s never expires.", card=card))
    return Done(say("Card %(card)s expires at %(at)s.", card=card, at=_until(at)))


def _tapped_warning(asked: Values) -> Warning:
    """Name the card: once somebody has it, its number can be another card's."""
    card, charger = tapped_card(filters.number(asked["number"]) or 0)
    whose = asked.get("email") or say("an account")
    question = say(
        "Add the card to %(whose)s? It was last tapped at %(charger)s, and charges for the account from now on.",
        whose=whose,
        charger=charger,
    )
    return Warning(question, (card,))


def _tapped_name(number: str) -> str:
    return tapped_card(filters.number(number) or 0)[0]


@blocking
def _block_warning(asked: Values) -> Warning | None:
    """Name the person whose card it is, and the sessions that run with it."""
    card = _found(asked["id_tag"], asked.get("type", ""))
    if card is None or card.status == CardStatus.BLOCKED:
        return None
    running = sessions_with(card.id)
    name = shown(card.id_tag, card.token_type)
    question = say("Block the card %(card)s for good?", card=name)
    return Warning(
        together(question, say("What charges goes on.")) if running else question,
        (say("Card %(card)s of %(email)s", card=name, email=card.account.email), *running),
    )


@blocking
def _present_expiry(id_tag: str, type_: str) -> Values:
    card = _found(id_tag, type_)
    return {} if card is None else {"expires_at": clock_text(card.expires_at) if card.expires_at else ""}


def _found(id_tag: str, type_: str) -> EvCard | None:
    """Return a card; None if it may be a token of another type than a card's, which is still to be chosen."""
    try:
        return find_card(id_tag, type_)
    except Refused:
        if type_:
            raise
        return None


def _shown(id_tag: str, type_: str | None) -> str:
    return f"{id_tag} ({type_})" if type_ else id_tag


def _until(expires_at: datetime) -> str:
    return f"{expires_at:%Y-%m-%d %H:%M %Z}"


VERBS = {
    "add": Verb(Add, say("Add a card"), _add),
    "add-tapped": Verb(
        AddTapped, say("Add the card to an account"), _add_tapped, warning=_tapped_warning, named=_tapped_name
    ),
    "block": Verb(Block, say("Block a card"), _block, warning=_block_warning),
    "set-expiry": Verb(SetExpiry, say("Set when a card expires"), _set_expiry, _present_expiry, qualifier="type"),
}
