"""Chargers that were refused and cards that nobody has: somebody may be waiting in front of them."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from peewee import JOIN

from polaris.attention.item import Action, Item, Search, times_level, verb
from polaris.domain.cards import shown
from polaris.domain.enums import ChargerStatus
from polaris.domain.identities import is_identity
from polaris.domain.sentences import N_, Sentence, say
from polaris.models import Charger, UnknownCard, UnrecognisedCharger

REFUSED, CARD = "refused", "card"
KNOWN = (Charger.identity, Charger.connected_at)
MAX_AGE = timedelta(days=7)  # of the last attempt; whoever still waits tries again
_OF_CHARGER = Charger.identity == UnrecognisedCharger.identity
_IS_WANTED = Charger.status.is_null() | (Charger.status == ChargerStatus.ACTIVE)


def refused(search: Search) -> list[Item]:
    """Return the refused handshakes, the latest first, without those whose charger has been admitted since.

    Those of a blocked or retired charger are not there: somebody wanted them to be refused.
    """
    newest = UnrecognisedCharger.last_at.desc()
    query = UnrecognisedCharger.select().join(Charger, JOIN.LEFT_OUTER, on=_OF_CHARGER)
    query = query.where(UnrecognisedCharger.last_at > search.now - MAX_AGE, _IS_WANTED)
    rows = list(query.order_by(newest, UnrecognisedCharger.id.desc()).limit(search.limit))
    known = Charger.select(*KNOWN).where(Charger.identity.in_([row.identity for row in rows])) if rows else ()
    chargers = {charger.identity: charger for charger in known}
    items = []
    for row in rows:
        charger = chargers.get(row.identity)
        has_come = charger is not None and charger.connected_at is not None and charger.connected_at > row.last_at
        if not has_come:
            items.append(_refused(row, charger))
    return items


def _refused(row: UnrecognisedCharger, charger: Charger | None) -> Item:
    can_be_known = is_identity(row.identity)
    return Item(
        REFUSED,
        f"{row.identity}@{row.address}",
        (_who(row, charger), _how_often(row), _key(row, charger)),
        since=row.first_at,
        level=2 * times_level(row.times) + bool(row.key_hash),
        actions=_accept(row) if can_be_known else (),
        name=row.identity or row.path,
        identity="" if charger is None else row.identity,
    )


def _who(row: UnrecognisedCharger, charger: Charger | None) -> Sentence:
    address = row.address or "?"
    if charger is not None:
        return say("Somebody asked to connect as this charger from %(address)s.", address=address)
    return say(
        "A charger that is not known asked for %(path)s from %(address)s.", path=row.path or "/", address=address
    )


def _how_often(row: UnrecognisedCharger) -> Sentence:
    if row.times == 1:
        return say("It was refused once, at %(at)s.", at=row.last_at)
    return say("It was refused %(times)s times, last at %(at)s.", times=row.times, at=row.last_at)


def _key(row: UnrecognisedCharger, charger: Charger | None) -> Sentence:
    if not row.key_hash:
        return say("It offered no key that it can be accepted with.")
    return say("It offered a key, which is not this charger's." if charger else N_("It offered a key."))


def _accept(row: UnrecognisedCharger) -> tuple[Action, ...]:
    identity, address = row.identity, row.address
    where = {"identity": identity, "address": address}
    words = (identity, "--address", address)
    new = verb(N_("Accept with a new key"), "charger", "accept", *words, "--new-key", **where, is_new_key=1)
    offered = verb(N_("Accept with the key it offered"), "charger", "accept", *words, **where)
    return (offered, new) if row.key_hash else (new,)


def unknown_cards(search: Search) -> list[Item]:
    """Return the unknown cards that were tapped, the latest first."""
    query = (
        UnknownCard.select(UnknownCard, Charger.identity)
        .join(Charger)
        .where(UnknownCard.last_at > search.now - MAX_AGE)
    )
    return [_card(row) for row in query.order_by(UnknownCard.last_at.desc(), UnknownCard.id.desc()).limit(search.limit)]


def _card(row: UnknownCard) -> Item:
    text = N_("Nobody has it. It was tapped %(times)s times, last at %(at)s.")
    if row.times == 1:
        text = N_("Nobody has it. It was tapped once, at %(at)s.")
    return Item(
        CARD,
        str(row.id),  # no card's id is kept of what was acknowledged, or in the audit log
        (say(text, times=row.times, at=row.last_at),),
        since=row.last_at,
        level=times_level(row.times),
        state=_digest(row.id_tag),
        actions=(verb(N_("Add the card to an account"), "card", "add-tapped", row.id, "EMAIL", number=row.id),),
        name=shown(row.id_tag, row.token_type),
        is_of_charger=False,
        identity=row.charger.identity,
    )


def _digest(id_tag: str) -> str:
    """Return what tells a card from another that is given the same number later, and tells nobody its id."""
    return hashlib.sha256(id_tag.encode("utf-8", "surrogatepass")).hexdigest()[:4]
