"""Sites as a list, with their chargers and prices; and a site's chargers with their connectors. Paged by names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from polaris.domain import filters
from polaris.domain.enums import ChargerStatus
from polaris.domain.filters import Values, Wrong
from polaris.domain.fleet_query import Query
from polaris.domain.sentences import say
from polaris.domain.tariff import Prices
from polaris.models import (
    Bridge,
    Charger,
    ChargingSession,
    Connector,
    RowQuery,
    Site,
    Tariff,
    blocking,
    to_microseconds,
)

PAGE_ROWS = 50
MAX_CONNECTORS = 50  # of a charger that are shown: an operator may have let it have any number


@dataclass(frozen=True, slots=True)
class SiteRow:
    """A site. Its chargers are those that are not retired; one is in use while a session runs there."""

    id: int
    name: str
    time_zone: str
    currency: str
    address: str
    prices: Prices | None = None
    chargers: int = 0
    online: int = 0
    in_use: int = 0


class SitePage(NamedTuple):
    """Sites in the order of their names. `next_name` is where the next ones go on."""

    rows: list[SiteRow]
    next_name: str | None


class ConnectorRow(NamedTuple):
    """A connector; `session` is the number of the one that runs there."""

    number: int
    status: str  # as OCPP spells it
    session: int | None


class ChargerRow(NamedTuple):
    id: int
    identity: str
    name: str
    is_blocked: bool
    is_online: bool
    connectors: tuple[ConnectorRow, ...]
    has_more: bool  # connectors


class ChargerPage(NamedTuple):
    """Chargers in the order of their names. `next_id` is the last one's, if others follow."""

    rows: list[ChargerRow]
    next_id: int | None


class RetiredCharger(NamedTuple):
    """A charger of a site that is in no other list."""

    id: int
    identity: str
    name: str


class _Chargers(NamedTuple):
    site_id: int
    chargers: int
    online: int


class _InUse(NamedTuple):
    site_id: int
    in_use: int


class _Running(NamedTuple):
    charger_id: int
    connector: int
    number: int


_CHARGERS = RowQuery(
    _Chargers,
    Charger,
    "SELECT {columns} FROM charger LEFT JOIN bridge ON bridge.id = charger.bridge_id"
    " AND charger.connection_id IS NOT NULL AND bridge.lease_until_at > {param}"
    " WHERE charger.status <> 'retired' AND charger.site_id IN ({marks}) GROUP BY charger.site_id",
    chargers="COUNT(*)",
    online="COUNT(bridge.id)",
)
_RUNNING = "FROM charger JOIN charging_session ON charging_session.charger_id = charger.id"
_IN_USE = RowQuery(
    _InUse,
    Charger,
    f"SELECT {{columns}} {_RUNNING} AND charging_session.state = 'active'"
    " WHERE charger.status <> 'retired' AND charger.site_id IN ({marks}) GROUP BY charger.site_id",
    in_use="COUNT(DISTINCT charger.id)",
)
_RUNNING_AT = RowQuery(
    _Running,
    ChargingSession,
    "SELECT {columns} FROM charging_session WHERE state = 'active' AND charger_id IN ({marks})",
)


@blocking
def page(now: datetime, after: str = "", limit: int = PAGE_ROWS) -> SitePage:
    """Read the sites behind a name."""
    query = Site.select().order_by(Site.name).limit(limit + 1)
    sites = list(query.where(Site.name > after) if after else query)
    return SitePage(_with_figures(sites[:limit], now), sites[limit - 1].name if len(sites) > limit else None)


@blocking
def site(site_id: int, now: datetime) -> SiteRow | None:
    """Read a site."""
    return next(iter(_with_figures(Site.select().where(Site.id == site_id), now)), None)


@blocking
def exists(site_id: int) -> bool:
    """Return whether there is a site of that id."""
    return bool(Site.select().where(Site.id == site_id).exists())


def wanted(read: Values) -> str:
    """Read the site of a filter, which has to be there."""
    name = read.text("site")
    if name and site_id(name) is None:
        return read.refuse("site", say("There is no site %(name)s.", name=name))
    return name


def known(query: Query) -> Query:
    """Return a query of the fleet, whose site has to be there, too."""
    if not query.site or site_id(query.site) is not None:
        return query
    wrong = Wrong("site", query.site, say("There is no site %(name)s.", name=query.site))
    return replace(query, site="", wrong=(*query.wrong, wrong))


@blocking
def site_id(name: str) -> int | None:
    """Return the id of the site of that name."""
    found = Site.select(Site.id).where(Site.name == name).first()
    return None if found is None else int(found.id)


@blocking
def named(name: str, now: datetime) -> SiteRow | None:
    """Read the site of that name."""
    return next(iter(_with_figures(Site.select().where(Site.name == filters.text(name)), now)), None)


@blocking
def chargers(site_id: int, now: datetime, after_id: int | None = None, limit: int = PAGE_ROWS) -> ChargerPage:
    """Read a site's chargers behind another one, each with its connectors."""
    found = list(_behind(site_id, after_id).limit(limit + 1))
    connectors = _connectors([charger.id for charger in found[:limit]])
    live = {bridge.id for bridge in Bridge.select(Bridge.id).where(Bridge.lease_until_at > now)}
    rows = [
        ChargerRow(
            charger.id,
            charger.identity,
            charger.name,
            charger.status == ChargerStatus.BLOCKED,
            charger.connection_id is not None and charger.bridge_id in live,
            tuple(connectors[charger.id][:MAX_CONNECTORS]),
            len(connectors[charger.id]) > MAX_CONNECTORS,
        )
        for charger in found[:limit]
    ]
    return ChargerPage(rows, rows[-1].id if len(found) > limit else None)


@blocking
def retired(site_id: int, limit: int) -> list[RetiredCharger]:
    """Read a site's first retired chargers, in the order of their names."""
    query = Charger.select(Charger.id, Charger.identity, Charger.name)
    query = query.where(Charger.site == site_id, Charger.status == ChargerStatus.RETIRED)
    return [RetiredCharger(row.id, row.identity, row.name) for row in query.order_by(Charger.name).limit(limit)]


def prices_now(site_ids: Sequence[int], now: datetime) -> dict[int, Prices]:
    """Return the prices of the sessions that start at these sites now. The caller has a connection."""
    later = Tariff.alias()
    newest = (
        later.select(later.id)
        .where(later.site == Site.id, later.valid_from_at <= now)
        .order_by(later.valid_from_at.desc(), later.id.desc())
        .limit(1)
    )
    query: Any = Site.select(Site.id, newest).where(Site.id.in_(site_ids)).tuples()
    ids = {tariff_id: site_id for site_id, tariff_id in query if tariff_id is not None}
    versions = Tariff.select().where(Tariff.id.in_(list(ids))) if ids else []
    return {ids[row.id]: row.prices() for row in versions}


def _with_figures(sites: Any, now: datetime) -> list[SiteRow]:
    rows = [SiteRow(site.id, site.name, site.time_zone, site.currency, site.address) for site in sites]
    ids = [row.id for row in rows]
    chargers = {row.site_id: row for row in _CHARGERS.rows(ids, to_microseconds(now))}
    in_use = dict(_IN_USE.rows(ids))
    prices = prices_now(ids, now)
    none = _Chargers(0, 0, 0)
    return [
        replace(
            row,
            prices=prices.get(row.id),
            chargers=chargers.get(row.id, none).chargers,
            online=chargers.get(row.id, none).online,
            in_use=in_use.get(row.id, 0),
        )
        for row in rows
    ]


def _behind(site_id: int, after_id: int | None) -> Any:
    columns = (Charger.id, Charger.identity, Charger.name, Charger.status, Charger.connection_id, Charger.bridge)
    is_listed = (Charger.site == site_id) & (Charger.status != ChargerStatus.RETIRED)
    query = Charger.select(*columns).where(is_listed).order_by(Charger.name, Charger.id)
    after = None if after_id is None else Charger.get_or_none(Charger.id == after_id)
    if after is None:
        return query
    return query.where((Charger.name >= after.name) & ((Charger.name > after.name) | (Charger.id > after.id)))


def _connectors(charger_ids: list[int]) -> dict[int, list[ConnectorRow]]:
    if not charger_ids:
        return {}
    running = {(row.charger_id, row.connector): row.number for row in _RUNNING_AT.rows(charger_ids)}
    query = Connector.select().where(Connector.charger.in_(charger_ids), Connector.number > 0)
    connectors: dict[int, list[ConnectorRow]] = defaultdict(list)
    for row in query.order_by(Connector.charger, Connector.number):
        session = running.get((row.charger_id, row.number))
        connectors[row.charger_id].append(ConnectorRow(row.number, row.status, session))
    return connectors
