"""The versions of sites' prices as a list, and what a site's last sessions would have cost under others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from peewee import JOIN, fn

from polaris.domain import evidence
from polaris.domain.price_windows import Schedule, pieces
from polaris.domain.tariff import Prices
from polaris.domain.tariff_preview import PastSession, Preview, preview
from polaris.domain.usage import Point
from polaris.lists.search import Condition, Counted, Search
from polaris.models import Charger, ChargingSession, MeterReading, Site, Tariff, blocking, from_microseconds

MAX_PREVIEWED = 10  # sessions
MAX_BORDERS = 100  # of a session, each of which takes two queries: after them its last price goes on


class TariffRow(NamedTuple):
    """A version of a site's prices. `until_at` is when the next one came into force."""

    id: int
    site_id: int
    site: str
    prices: Prices
    from_at: datetime
    until_at: datetime | None


@dataclass(frozen=True, slots=True)
class TariffPage:
    """Versions, the newest first. `next_id` is where older ones go on."""

    rows: list[TariffRow]
    next_id: int | None
    count: Counted


@blocking
def page(site_id: int | None, limit: int, before: int | None = None) -> TariffPage:
    """Read the newest versions, of a site or of all, or those older than another."""
    of_site = () if site_id is None else (Condition(Tariff.site, site_id, is_ordered=True),)
    search = Search(Tariff.valid_from_at, Tariff.id, indexed=of_site)
    found = search.page(limit, before)
    return TariffPage(_rows(found.keys), found.next_key, search.count())


@blocking
def previewed(site_id: int, prices: Prices) -> Preview:
    """Compare what the last sessions of a site have cost with what they would cost."""
    return preview(_last_sessions(site_id, prices.schedule), prices)


def _rows(ids: list[int]) -> list[TariffRow]:
    later = Tariff.alias()
    until_at = (
        later.select(later.valid_from_at)
        .where(
            later.site == Tariff.site,
            later.valid_from_at >= Tariff.valid_from_at,
            (later.valid_from_at > Tariff.valid_from_at) | (later.id > Tariff.id),
        )
        .order_by(later.valid_from_at, later.id)
        .limit(1)
    )
    query: Any = Tariff.select(Tariff, Site, until_at.alias("until_at")).join(Site).where(Tariff.id.in_(ids))
    rows = {row.id: row for row in query} if ids else {}
    return [
        TariffRow(row.id, row.site_id, row.site.name, row.prices(), row.valid_from_at, _instant(row.until_at))
        for row in map(rows.__getitem__, ids)
    ]


def _instant(stored: int | None) -> datetime | None:
    return None if stored is None else from_microseconds(stored)


def _last_sessions(site_id: int, schedule: Schedule | None) -> list[PastSession]:
    """Read a site's last sessions that have ended, the newest first; those under another schedule with readings.

    A session without energy, such as of a card that was refused, says nothing of prices.
    """
    has_charged = fn.COALESCE(ChargingSession.decided_wh, ChargingSession.energy_wh, 1) > 0
    query = (
        ChargingSession.select(ChargingSession, Tariff, Charger)
        .join(Tariff, JOIN.LEFT_OUTER, on=(ChargingSession.tariff == Tariff.id))
        .switch(ChargingSession)
        .join(Charger, on=(ChargingSession.charger == Charger.id))
        .where(ChargingSession.site == site_id, ChargingSession.ended_at.is_null(False), has_charged)
        .order_by(ChargingSession.started_at.desc(), ChargingSession.number.desc())
    )
    return [_past(session, schedule) for session in query.limit(MAX_PREVIEWED)]


def _points(session: Any, schedule: Schedule | None) -> tuple[Point, ...]:
    """Read the energy by the readings before and after each border of a schedule, as few as a session has of them."""
    borders = pieces(schedule, session.started_at, session.ended_at)[1 : MAX_BORDERS + 1]
    found = {point for border in borders for point in _beside(session.number, border.begins_at)}
    return tuple(sorted(found))


def _beside(number: int, at: datetime) -> list[Point]:
    of_session = MeterReading.select(MeterReading.sampled_at, MeterReading.energy_wh).where(
        MeterReading.session == number, MeterReading.energy_wh.is_null(False)
    )
    before = of_session.where(MeterReading.sampled_at <= at).order_by(MeterReading.sampled_at.desc()).first()
    after = of_session.where(MeterReading.sampled_at > at).order_by(MeterReading.sampled_at).first()
    return [(row.sampled_at, row.energy_wh) for row in (before, after) if row is not None]


def _past(session: Any, schedule: Schedule | None) -> PastSession:
    energy_wh, status = session.effective_wh, session.connector_status
    is_idle = evidence.is_idle(session.state, status, energy_wh=energy_wh, power_w=session.power_w)
    prices = session.tariff.prices() if session.tariff_id is not None else None
    has_other = schedule is not None and (prices is None or prices.schedule != schedule)
    return PastSession(
        session.number,
        session.charger.name,
        session.usage(session.ended_at),
        session.is_refused and energy_wh == 0 and is_idle,
        prices,
        _points(session, schedule) if has_other else (),
    )
