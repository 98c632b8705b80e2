"""The queries of a connector's page: from stored rows to its view. The first rendering and every push read here."""

from __future__ import annotations

from datetime import datetime

from peewee import fn

from polaris.domain import connectors, filters, start_request
from polaris.domain.identities import spellings_of
from polaris.domain.price_windows import next_border, window_at
from polaris.ingest.requests import start_rows
from polaris.lists import sites
from polaris.models import Charger, blocking
from polaris.web.start import view
from polaris.web.start.view import Card, StartPage

DIGITS = 4  # of a card's id that are shown


def parse_connector(text: str) -> int:
    """Parse a connector's number in a URL; return 0, which is none, for anything else."""
    return filters.number(text) or 0


@blocking
def charger_id(identity: str, connector: int) -> int | None:
    """Return the id of a charger at whose connector drivers may start; None if there is none."""
    charger = start_rows.charger(identity)
    return None if charger is None or start_rows.connector(charger, connector) is None else charger.id


@blocking
def spelling(identity: str) -> str | None:
    """Return the identity of the only charger whose own differs from this one in upper and lower case alone."""
    rows = Charger.select().where(fn.LOWER(Charger.identity).in_(spellings_of([identity.replace("\0", "")])))
    found = [row.identity for row in rows.limit(2)]
    return found[0] if len(found) == 1 else None


@blocking
def page(identity: str, number: int, account_id: int, now: datetime, contact: str) -> StartPage | None:
    """Read what a connector's page shows to an account; return None if there is no such connector."""
    charger = start_rows.charger(identity)
    connector = None if charger is None else start_rows.connector(charger, number)
    if charger is None or connector is None:
        return None
    here = (charger.id, connectors.evse_id(number))
    driver, place = start_rows.driver(account_id, here, now), start_rows.place(charger, connector, account_id, now)
    start, proposed = start_rows.newest(account_id, *here), start_request.proposed(driver, place)
    prices = sites.prices_now([charger.site_id], now).get(charger.site_id)
    schedule = prices.schedule if prices else None
    border_at = next_border(schedule, now) if schedule else None
    instants = [start_request.changes_at(start, _lease_until_at(charger), now), border_at]
    return StartPage(
        identity=charger.identity,
        connector=number,
        charger_name=charger.name,
        site=charger.site.name,
        address=charger.site.address,
        is_online=place.is_online,
        state=view.state(place),
        prices=prices,
        cards=tuple(Card(card.id, card.id_tag[-DIGITS:], card == proposed) for card in driver.cards),
        control=view.control(driver, place, start, now, contact=contact),
        sessions=frozenset(card.session.number for card in driver.cards if card.session is not None),
        changes_at=min((at for at in instants if at is not None), default=None),
        window=window_at(schedule, now) if schedule else None,
    )


def _lease_until_at(charger: Charger) -> datetime | None:
    return None if charger.bridge is None else charger.bridge.lease_until_at
