"""The queries of the page of cards."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from polaris.administration.cards import TappedCard, known_owners, tapped_cards
from polaris.domain.cards import shown, turned_round, typed
from polaris.domain.enums import CardStatus
from polaris.lists import cards, last_sessions
from polaris.lists.cards import CardFilter
from polaris.models import Account, EvCard, blocking
from polaris.web.cards.rows import SHOWN_TAPS, CardRow, CardsPage, Tap, Wanted

PAGE_ROWS = 50


@blocking
def page(wanted: Wanted, now: datetime) -> CardsPage:
    """Read a page of the list, and the unknown cards."""
    search = wanted.rows.search(now)
    found = search.page(PAGE_ROWS, wanted.before)
    taps = taps_of(tapped_cards())
    shown_taps = taps if wanted.has_all_taps else taps[:SHOWN_TAPS]
    return CardsPage(wanted, rows(found.keys, now), found.next_key, search.count(), shown_taps, len(taps))


@blocking
def batch(wanted: CardFilter, limit: int, before: int | None, now: datetime) -> tuple[list[CardRow], int | None]:
    """Read some of the cards that are wanted, and the key behind which to read on."""
    found = wanted.search(now).page(limit, before)
    return rows(found.keys, now), found.next_key


def of_account(email: str, limit: int, now: datetime) -> list[CardRow]:
    """Read the newest cards of an account. The caller has a connection."""
    return rows(CardFilter(email=email).search(now).page(limit).keys, now)


def rows(ids: list[int], now: datetime) -> list[CardRow]:
    """Read cards by their ids, in that order. The caller has a connection."""
    if not ids:
        return []
    read = {row.id: row for row in EvCard.select(EvCard, Account).join(Account).where(EvCard.id.in_(ids))}
    found = [read[id_] for id_ in ids if id_ in read]
    newest = last_sessions.of_cards([row.id_tag for row in found])
    return [_row(row, newest.get(row.id_tag), now) for row in found]


def taps_of(tapped: Iterable[TappedCard]) -> list[Tap]:
    """Add to unknown cards what is known of them: a card that is the same but for the order of its bytes."""
    turned = {row.number: turned_round(row.id_tag) for row in tapped}
    owners = known_owners([id_tag for id_tag in turned.values() if id_tag])
    return [_tap(row, turned[row.number], owners) for row in tapped]


def _tap(row: TappedCard, turned: str, owners: dict[str, str]) -> Tap:
    tap = (row.number, row.card, row.charger, row.times, row.last_at)
    return Tap(*tap, printed=turned, owner=owners[turned]) if turned in owners else Tap(*tap)


def _row(row: EvCard, last: last_sessions.LastSession | None, now: datetime) -> CardRow:
    type_, token = typed(row.id_tag)
    state = cards.state(CardStatus(row.status), row.expires_at, now)
    card = shown(row.id_tag, row.token_type)
    return CardRow(row.id, card, token, type_, state, row.expires_at, row.account_id, row.account.email, last)
