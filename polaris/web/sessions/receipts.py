"""The receipt of a session, made for paper: what was charged, where and when, between which registers, its price."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from polaris.domain import zones
from polaris.domain.derivation import Figure
from polaris.domain.tariff import Money
from polaris.lists import session_lines
from polaris.models import ChargingSession, Site, blocking
from polaris.rendering.dates import moment
from polaris.web.sessions import queries
from polaris.web.sessions.receipt import Receipt, receipt, tax
from polaris.web.sessions.view import SessionView
from polaris.web.sessions.why import why


class ReceiptPage(Struct, frozen=True):
    """A session's receipt. While it goes on, there is nothing but its view. Register figures are None if none count."""

    session: SessionView
    site: str
    address: str
    time_zone: str
    card: str
    first: Figure | None = None
    last: Figure | None = None
    has_pieces: bool = False  # the register began anew in between, so that the energy is no difference of the two
    bill: Receipt | None = None
    tax: Money | None = None


def page(number: int, now: datetime, stale_after: timedelta) -> ReceiptPage | None:
    """Read a session's receipt; None if there is no such session."""
    session = queries.session_view(number, now, stale_after)
    if session is None:
        return None
    explained = None if session.is_active else why(number, now, stale_after)
    if explained is None or explained.session.is_active:
        return ReceiptPage(session, *_place(number, now))
    session, steps, bill = explained.session, explained.derivation.steps, _bill(explained.session, now)
    return ReceiptPage(
        session,
        *_place(number, now),
        first=steps[0].first if steps else None,
        last=steps[-1].last if steps else None,
        has_pieces=len(steps) > 1,
        bill=bill,
        tax=tax(bill, session.cost) if bill and session.cost else None,
    )


@blocking
def _place(number: int, now: datetime) -> tuple[str, str, str, str]:
    """Return the name, the address and the zone of a session's site, and its card."""
    (line,) = session_lines.of_numbers([number], now)
    address = Site.select(Site.address).join(ChargingSession).where(ChargingSession.number == number).scalar()
    return line.site, address or "", line.time_zone, line.card_ends


@blocking
def _bill(session: SessionView, now: datetime) -> Receipt | None:
    row = ChargingSession.get_by_id(session.number)
    prices = None if row.tariff is None else row.tariff.prices()
    return receipt(prices, row.usage(now), session.cost, min_parts=1)


def site_time(at: datetime, time_zone: str) -> str:
    """Write an instant by the clock of a site: paper has no zone of its reader."""
    return moment(at, "second", zones.zone(time_zone))
