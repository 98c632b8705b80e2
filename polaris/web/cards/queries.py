"""The queries of the page of cards."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from polaris.administration.cards import TappedCard, known_owners, tapped_cards
from polaris.domain.cards import turned_round
from polaris.lists import cards
from polaris.models import blocking
from polaris.web.cards.rows import SHOWN_TAPS, CardsPage, Tap, Wanted

PAGE_ROWS = 50


@blocking
def page(wanted: Wanted, now: datetime) -> CardsPage:
    """Read a page of the list, and the unknown cards."""
    search = wanted.rows.search(now)
    found = search.page(PAGE_ROWS, wanted.before)
    taps = taps_of(tapped_cards())
    shown_taps = taps if wanted.has_all_taps else taps[:SHOWN_TAPS]
    return CardsPage(wanted, cards.rows(found.keys, now), found.next_key, search.count(), shown_taps, len(taps))


def taps_of(tapped: Iterable[TappedCard]) -> list[Tap]:
    """Add to unknown cards what is known of them: a card that is the same but for the order of its bytes."""
    turned = {row.number: turned_round(row.id_tag) for row in tapped}
    owners = known_owners([id_tag for id_tag in turned.values() if id_tag])
    return [_tap(row, turned[row.number], owners) for row in tapped]


def _tap(row: TappedCard, turned: str, owners: dict[str, str]) -> Tap:
    tap = (row.number, row.card, row.charger, row.times, row.last_at)
    return Tap(*tap, printed=turned, owner=owners[turned]) if turned in owners else Tap(*tap)
