"""The queries of the fleet page, for some chargers or for all. Written as SQL: there may be ten thousand.

Callers run under `blocking`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

from polaris.domain import cards, evidence, zones
from polaris.domain.enums import SessionState, StopState
from polaris.domain.evidence import Signs
from polaris.models import (
    EFFECTIVE_WH,
    Account,
    Bridge,
    Charger,
    ChargingSession,
    Connector,
    RowQuery,
    Site,
    to_microseconds,
)
from polaris.web.fleet.row import Today
from polaris.web.sessions.view import is_idle_refusal, paused_by

Ids = Sequence[int] | None  # None: all


class ChargerPart(NamedTuple):
    id: int
    identity: str
    name: str
    site_id: int
    bridge_id: str | None  # None while it is not connected
    last_contact_us: int | None
    is_blocked: bool


class ConnectorPart(NamedTuple):
    charger_id: int
    number: int
    status: str
    error_code: str
    info: str
    changed_us: int


class SessionPart(NamedTuple):
    """An active session. `energy_wh` is None if it cannot be judged yet, `power_w` if the present power is unknown."""

    number: int
    charger_id: int
    connector: int
    energy_wh: int | None
    power_w: int | None
    started_at: datetime
    status: str
    driver: str
    is_stuck: bool
    is_refused: bool  # its card was, and nothing flows all the same


class Day(NamedTuple):
    """The today of a time zone."""

    zone: str
    began_at: datetime
    ends_at: datetime


class _ActiveSession(NamedTuple):
    number: int
    charger_id: int
    connector: int
    energy_wh: int | None
    power_w: int | None
    started_at: datetime
    connector_status: str
    is_awaiting_end: bool
    last_heard_at: datetime
    followed_up_at: datetime | None
    id_tag: str
    authorization: str
    transaction_id: str | None
    email: str | None
    stop_state: str | None


class _Ended(NamedTuple):
    number: int
    charger_id: int
    connector: int
    energy_wh: int | None


class _Sum(NamedTuple):
    charger_id: int
    connector: int
    energy_wh: int
    unknown: int  # sessions whose energy is not in the sum


class _Energy(NamedTuple):
    number: int
    energy_wh: int | None


CHARGERS = RowQuery(
    ChargerPart,
    Charger,
    "SELECT {columns} FROM charger WHERE status <> 'retired' AND id IN ({marks})",
    bridge_id="CASE WHEN connection_id IS NULL THEN NULL ELSE bridge_id END",
    last_contact_us="last_contact_at",
    is_blocked="status = 'blocked'",
)
CONNECTORS = RowQuery(
    ConnectorPart,
    Connector,
    "SELECT {columns} FROM connector WHERE charger_id IN ({marks})",
    changed_us="changed_at",
)
_ACTIVE = (
    "SELECT {columns} FROM charging_session LEFT JOIN account ON account.id = charging_session.account_id"
    " WHERE charging_session.state = 'active'"
)


def _active(with_keys: str) -> RowQuery[_ActiveSession]:
    return RowQuery(
        _ActiveSession,
        ChargingSession,
        _ACTIVE + with_keys,
        energy_wh=EFFECTIVE_WH,
        email=Account.email,
        stop_state=(
            "(SELECT r.state FROM stop_request r WHERE r.session_id = charging_session.number"
            " ORDER BY r.id DESC LIMIT 1)"
        ),
    )


_ACTIVE_OF_CHARGERS = _active(" AND charging_session.charger_id IN ({marks})")
_ACTIVE_OF_NUMBERS = _active(" AND charging_session.number IN ({marks})")
_ENDED = (
    "SELECT {columns} FROM charger JOIN charging_session ON charging_session.charger_id = charger.id"
    " AND charging_session.ended_at >= {param}"
    " WHERE charger.site_id IN (SELECT id FROM site WHERE time_zone = {param})"
)
_ENDED_SUMS = RowQuery(
    _Sum,
    ChargingSession,
    _ENDED + " AND charging_session.charger_id IN ({marks}) GROUP BY charger_id, connector",
    energy_wh=f"COALESCE(SUM({EFFECTIVE_WH}), 0)",
    unknown=f"COUNT(*) - COUNT({EFFECTIVE_WH})",
)
_ENDED_ACROSS_MIDNIGHT = RowQuery(
    _Ended,
    ChargingSession,
    _ENDED + " AND charging_session.started_at < {param} AND charging_session.charger_id IN ({marks})",
    energy_wh=EFFECTIVE_WH,
)
_ENERGY_BY = RowQuery(
    _Energy,
    ChargingSession,
    "SELECT {columns} FROM charging_session WHERE number IN ({marks})",
    energy_wh=(
        "(SELECT r.energy_wh FROM meter_reading r WHERE r.session_id = charging_session.number"
        " AND r.sampled_at < {param} AND r.energy_wh IS NOT NULL ORDER BY r.sampled_at DESC, r.id DESC LIMIT 1)"
    ),
)


def active_sessions(ids: Ids, now: datetime, stale_after: timedelta) -> Iterator[SessionPart]:
    """Load the active sessions of these chargers."""
    return (_session(row, now, stale_after) for row in _ACTIVE_OF_CHARGERS.rows(ids))


def still_active(numbers: Sequence[int], now: datetime, stale_after: timedelta) -> Iterator[SessionPart]:
    """Load those of these sessions that are active."""
    return (_session(row, now, stale_after) for row in _ACTIVE_OF_NUMBERS.rows(numbers))


def chargers_of(numbers: Sequence[int]) -> set[int]:
    """Return the ids of these sessions' chargers."""
    query = ChargingSession.select(ChargingSession.charger).where(ChargingSession.number.in_(numbers))
    return {session.charger_id for session in query}


def ended_today(ids: Ids, day: Day) -> dict[tuple[int, int], Today]:
    """Return the energy of a day delivered by sessions that ended on it, by charger and connector of its zone."""
    began_us = to_microseconds(day.began_at)
    sums = {
        (row.charger_id, row.connector): Today(int(row.energy_wh), row.unknown)
        for row in _ENDED_SUMS.rows(ids, began_us, day.zone)
    }
    across = _ENDED_ACROSS_MIDNIGHT.rows(ids, began_us, day.zone, began_us)
    before_wh = energy_by([row.number for row in across], day.began_at)
    for row in across:
        key = row.charger_id, row.connector
        if row.energy_wh is not None:  # an operator may have set less than the meter had counted by midnight
            sums[key] = sums[key].plus(Today(-min(before_wh[row.number], row.energy_wh)))
    return sums


def energy_by(numbers: Sequence[int], at: datetime) -> dict[int, int]:
    """Return the energy that these sessions had delivered by an instant, as of their last reading before it."""
    return {row.number: row.energy_wh or 0 for row in _ENERGY_BY.rows(numbers, to_microseconds(at))}


def live_bridges(now: datetime) -> dict[str, datetime]:
    """Return the bridges with a valid lease, and when each lease ends."""
    query = Bridge.select(Bridge.id, Bridge.lease_until_at).where(Bridge.lease_until_at > now)
    return {bridge.id: bridge.lease_until_at for bridge in query}


def days(now: datetime) -> dict[int, Day | None]:
    """Return each site's today; None if its time zone is unknown."""
    return {site.id: _day(now, site.time_zone) for site in Site.select(Site.id, Site.time_zone)}


def site_names() -> dict[int, str]:
    """Return each site's name."""
    return {site.id: site.name for site in Site.select(Site.id, Site.name)}


def _day(now: datetime, time_zone: str) -> Day | None:
    zone = zones.known(time_zone)
    if zone is None:
        return None
    today = now.astimezone(zone).date()
    began, ends = (datetime.combine(today + timedelta(days=days), time(), zone).astimezone(UTC) for days in (0, 1))
    return Day(time_zone, began, ends)


def _session(row: _ActiveSession, now: datetime, stale_after: timedelta) -> SessionPart:
    power_w = 0 if row.power_w is None and paused_by(row.connector_status) else row.power_w
    signs = Signs(
        connector_status=row.connector_status,
        is_awaiting_end=row.is_awaiting_end,
        last_heard_at=row.last_heard_at,
        followed_up_at=row.followed_up_at,
        stop_state=None if row.stop_state is None else StopState(row.stop_state),
        stop_decided_at=None,
    )
    return SessionPart(
        number=row.number,
        charger_id=row.charger_id,
        connector=row.connector,
        energy_wh=row.energy_wh,
        power_w=power_w if now - row.last_heard_at < stale_after else None,
        started_at=row.started_at,
        status=row.connector_status,
        driver=row.email or cards.shown(row.id_tag),
        is_stuck=bool(evidence.evidence_of(signs, now)),
        is_refused=is_idle_refusal(
            row.authorization if evidence.is_refusal(row.authorization, row.id_tag, row.transaction_id) else "",
            SessionState.ACTIVE,
            row.connector_status,
            energy_wh=row.energy_wh,
            power_w=row.power_w,
        ),
    )
