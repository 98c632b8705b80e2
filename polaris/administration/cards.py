"""EV cards: added to an account, given an end, blocked for good. A session keeps its owner whatever its card does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from peewee import IntegrityError

from polaris.administration.accounts import find_account
from polaris.administration.audit import AlreadySo, Refused, record
from polaris.domain import cards
from polaris.domain.cards import MAX_ID_TOKEN_LENGTH, normal_id_tag, shown
from polaris.domain.enums import CardStatus
from polaris.domain.sentences import say
from polaris.models import Account, Charger, EvCard, UnknownCard, blocking, database


@dataclass(frozen=True, slots=True)
class TappedCard:
    """A card that a charger asked about and that nobody has. `number` is what it is added by."""

    number: int
    card: str
    id_tag: str
    charger: str
    times: int
    last_at: datetime


@blocking
def add_card(
    email: str, token: str, *, type_: str = "", expires_at: datetime | None = None, actor: str, now: datetime
) -> int:
    """Add an active card to an account; return its id. `type_` is one of `cards.TYPES`, or "" if it has none."""
    id_tag = normal_id_tag(cards.id_tag(token, type_))
    if not (0 < len(id_tag) <= MAX_ID_TOKEN_LENGTH and id_tag.isprintable()):
        raise Refused(
            say(
                "A card has 1 to %(max_id_token_length)s characters, all of them printable.",
                max_id_token_length=MAX_ID_TOKEN_LENGTH,
            )
        )
    with database.atomic():
        return _add(email, id_tag, type_, expires_at=expires_at, actor=actor, now=now)


@blocking
def add_tapped_card(
    email: str, number: int, *, expires_at: datetime | None = None, actor: str, now: datetime
) -> tuple[int, str]:
    """Add a card as a charger sent it; return its id, and the card for a person to read."""
    with database.atomic():
        tapped = _unknown(number)
        card_id = _add(email, tapped.id_tag, tapped.token_type, expires_at=expires_at, actor=actor, now=now)
        return card_id, shown(tapped.id_tag, tapped.token_type)


def add_unknown(email: str, tapped: UnknownCard, *, actor: str, action: str, now: datetime) -> None:
    """Add an unknown card to an account in the caller's transaction, as a charger sent it. Raise `Refused`."""
    _add(email, tapped.id_tag, tapped.token_type, expires_at=None, actor=actor, action=action, now=now)


@blocking
def tapped_card(number: int) -> tuple[str, str]:
    """Return an unknown card for a person to read, and the charger that asked about it last. Raise `Refused`."""
    tapped = _unknown(number)
    return shown(tapped.id_tag, tapped.token_type), tapped.charger.identity


@blocking
def block_card(token: str, *, type_: str = "", actor: str, now: datetime) -> None:
    """Block a card: no charger starts with it any more."""
    with database.atomic():
        card = find_card(token, type_)
        if card.status != CardStatus.BLOCKED:
            EvCard.update(status=CardStatus.BLOCKED).where(EvCard.id == card.id).execute()
            record(actor, "card.blocked", card.id_tag, now, card.account.email)


@blocking
def set_card_expiry(token: str, expires_at: datetime | None, *, type_: str = "", actor: str, now: datetime) -> None:
    """Set the instant from which on a card is refused as Expired; None takes it away. Running sessions go on."""
    with database.atomic():
        card = find_card(token, type_)
        if card.expires_at != expires_at:
            EvCard.update(expires_at=expires_at).where(EvCard.id == card.id).execute()
            before, after = map(expiry_words, (card.expires_at, expires_at))
            record(actor, "card.expiry_set", card.id_tag, now, f"{before} to {after}")


def expiry_words(at: datetime | None) -> str:
    """Return a card's end as the audit log has it."""
    return "never" if at is None else at.isoformat()


def added_words(email: str, expires_at: datetime | None) -> str:
    """Return a new card's owner and, if it has one, its end as the audit log has them."""
    return email if expires_at is None else f"{email}, expires {expiry_words(expires_at)}"


@blocking
def tapped_cards() -> Sequence[TappedCard]:
    """Return the unknown cards that chargers asked about, the latest first."""
    query = UnknownCard.select(UnknownCard, Charger).join(Charger)
    return [
        TappedCard(row.id, shown(row.id_tag, row.token_type), row.id_tag, row.charger.identity, row.times, row.last_at)
        for row in query.order_by(UnknownCard.last_at.desc(), UnknownCard.id.desc())
    ]


@blocking
def known_owners(id_tags: Sequence[str]) -> dict[str, str]:
    """Return the owners' addresses of those of the cards that are known."""
    query = EvCard.select(EvCard.id_tag, Account).join(Account).where(EvCard.id_tag.in_(id_tags))
    return {card.id_tag: card.account.email for card in query} if id_tags else {}


def _unknown(number: int) -> UnknownCard:
    tapped: UnknownCard | None = UnknownCard.get_or_none(UnknownCard.id == number)
    if tapped is None:
        raise Refused(say("There is no unknown card %(number)s. Somebody may have got it already.", number=number))
    return tapped


def _add(
    email: str,
    id_tag: str,
    type_: str,
    *,
    expires_at: datetime | None,
    actor: str,
    action: str = "card.added",
    now: datetime,
) -> int:
    """Add a card in the caller's transaction. From then on it is no unknown one."""
    account = find_account(email)
    try:
        with database.atomic():
            card = EvCard.create(
                account=account,
                id_tag=id_tag,
                token_type=type_,
                status=CardStatus.ACTIVE,
                expires_at=expires_at,
                created_at=now,
            )
    except IntegrityError:
        raise _of_somebody(account, find_card(id_tag), expires_at) from None
    UnknownCard.delete().where(UnknownCard.id_tag == id_tag).execute()
    record(actor, action, id_tag, now, added_words(account.email, expires_at))
    card_id: int = card.id
    return card_id


def _of_somebody(account: Account, card: EvCard, expires_at: datetime | None) -> Refused:
    """Return why a card is not added to an account. It is no fault if it is there as it was asked for."""
    name = shown(card.id_tag, card.token_type)
    if card.account_id != account.id:
        return Refused(
            say("There is a card %(card)s already: it belongs to %(email)s.", card=name, email=card.account.email)
        )
    if card.status == CardStatus.BLOCKED:
        return Refused(say("%(email)s has card %(card)s already, and it is blocked.", email=account.email, card=name))
    if card.expires_at != expires_at:
        until = say("never") if card.expires_at is None else expiry_words(card.expires_at)
        return Refused(
            say(
                "%(email)s has card %(card)s already (expires: %(until)s). Set when it expires instead.",
                email=account.email,
                card=name,
                until=until,
            )
        )
    return AlreadySo(say("%(email)s has card %(card)s already.", email=account.email, card=name))


def find_card(token: str, type_: str = "") -> EvCard:
    """Return a card, in the caller's transaction. Raise `Refused` if there is none."""
    id_tag = normal_id_tag(cards.id_tag(token, type_)).replace("\0", "")
    card: EvCard | None = EvCard.get_or_none(EvCard.id_tag == id_tag)
    if card is None:
        raise Refused(say("There is no card %(card)s.", card=shown(id_tag, type_)))
    return card
