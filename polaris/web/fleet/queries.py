"""The fleet as the database has it, in parts: of some chargers, or of all. By hand, since there are ten thousand.

It is read from under `blocking` and decides nothing beyond what a part is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from polaris.domain import stuck_session
from polaris.domain.enums import StopState
from polaris.domain.stuck_session import Signs
from polaris.models import database
from polaris.models.database import from_microseconds, to_microseconds
from polaris.web.sessions.view import paused_by

AT_ONCE = 500  # ids in one statement

Ids = Sequence[int] | None  # None: all

_CHARGERS = (
    "SELECT c.id, c.identity, c.name, c.site_id, CASE WHEN c.connection_id IS NULL THEN NULL ELSE c.bridge_id END,"
    " c.last_contact_at FROM charger c"
)
_CONNECTORS = "SELECT n.charger_id, n.number, n.status, n.error_code, n.info, n.changed_at FROM connector n"
_SESSIONS = (
    "SELECT s.number, s.charger_id, s.connector, s.energy_wh, s.power_w, s.started_at, s.connector_status,"
    " s.is_awaiting_end, s.last_heard_at, s.followed_up_at, s.id_tag, a.email,"
    " (SELECT r.state FROM stop_request r WHERE r.session_id = s.number ORDER BY r.id DESC LIMIT 1)"
    " FROM charging_session s LEFT JOIN account a ON a.id = s.account_id WHERE s.state = 'active'"
)
_ENDED = (
    "SELECT s.charger_id, s.connector, SUM(s.energy_wh) FROM charger c"
    " JOIN charging_session s ON s.charger_id = c.id AND s.ended_at >= {0} WHERE c.site_id = {0}"
)
_ENDED_GROUPS = " GROUP BY s.charger_id, s.connector"
_ENDED_ACROSS = (
    "SELECT s.number, s.charger_id, s.connector FROM charger c"
    " JOIN charging_session s ON s.charger_id = c.id AND s.ended_at >= {0} WHERE c.site_id = {0} AND s.started_at < {0}"
)
_ENERGY_BY = (
    "SELECT s.number, (SELECT r.energy_wh FROM meter_reading r WHERE r.session_id = s.number AND r.sampled_at < {0}"
    " AND r.energy_wh IS NOT NULL ORDER BY r.sampled_at DESC LIMIT 1) FROM charging_session s WHERE"
)
_WHERE_FROM = "SELECT s.number, s.charger_id FROM charging_session s WHERE"


class ChargerPart(NamedTuple):
    id: int
    identity: str
    name: str
    site_id: int
    bridge_id: str | None  # None while it is not connected
    last_contact_us: int | None


class ConnectorPart(NamedTuple):
    charger_id: int
    number: int
    status: str
    error_code: str
    info: str
    changed_us: int


class SessionPart(NamedTuple):
    """An active session. `power_w` is None where what flows now is not known."""

    number: int
    charger_id: int
    connector: int
    energy_wh: int
    power_w: int | None
    started_at: datetime
    status: str
    driver: str
    is_stuck: bool


class Day(NamedTuple):
    """A site's today."""

    began_at: datetime
    ends_at: datetime


def chargers(ids: Ids) -> Iterator[ChargerPart]:
    return map(ChargerPart._make, _rows(_CHARGERS, "c.id", ids))


def connectors(ids: Ids) -> Iterator[ConnectorPart]:
    return map(ConnectorPart._make, _rows(_CONNECTORS, "n.charger_id", ids))


def active_sessions(ids: Ids, now: datetime, stale_after: timedelta) -> Iterator[SessionPart]:
    """The active sessions of these chargers."""
    return (_session(row, now, stale_after) for row in _rows(_SESSIONS, "s.charger_id", ids))


def still_active(numbers: Sequence[int], now: datetime, stale_after: timedelta) -> Iterator[SessionPart]:
    """Those of these sessions that are active."""
    return (_session(row, now, stale_after) for row in _rows(_SESSIONS, "s.number", numbers))


def chargers_of(numbers: Sequence[int]) -> set[int]:
    """The chargers of these sessions."""
    return {charger_id for _, charger_id in _rows(_WHERE_FROM, "s.number", numbers)}


def ended_wh(ids: Ids, site_id: int, began_at: datetime) -> dict[tuple[int, int], int]:
    """What the sessions that ended today delivered today, by charger and connector."""
    began = to_microseconds(began_at)
    param = database.param
    sums = _rows(_ENDED.format(param), "s.charger_id", ids, [began, site_id], after=_ENDED_GROUPS)
    found = {(charger_id, connector): int(wh) for charger_id, connector, wh in sums}
    across = _rows(_ENDED_ACROSS.format(param), "s.charger_id", ids, [began, site_id, began])
    before = energy_by([number for number, _, _ in across], began_at)
    for number, charger_id, connector in across:
        found[charger_id, connector] -= before[number]
    return found


def energy_by(numbers: Sequence[int], at: datetime) -> dict[int, int]:
    """What these sessions had delivered by then, by their last reading before it."""
    sql = _ENERGY_BY.format(database.param)
    return {number: wh or 0 for number, wh in _rows(sql, "s.number", numbers, [to_microseconds(at)])}


def live_bridges(now: datetime) -> dict[str, datetime]:
    """The bridges whose lease holds, and until when."""
    sql = f"SELECT id, lease_until_at FROM bridge WHERE lease_until_at > {database.param}"
    found = database.execute_sql(sql, (to_microseconds(now),)).fetchall()
    return {bridge_id: from_microseconds(until) for bridge_id, until in found}


def days(now: datetime) -> dict[int, Day | None]:
    """Each site's today; None where its time zone is not known."""
    return {
        site_id: _day(now, time_zone)
        for site_id, time_zone in database.execute_sql("SELECT id, time_zone FROM site").fetchall()
    }


def _day(now: datetime, time_zone: str) -> Day | None:
    try:
        zone = ZoneInfo(time_zone)
    except (ValueError, OSError, LookupError):
        return None
    today = now.astimezone(zone).date()
    began, ends = (datetime.combine(today + timedelta(days=days), time(), zone).astimezone(UTC) for days in (0, 1))
    return Day(began, ends)


def _session(row: Sequence[Any], now: datetime, stale_after: timedelta) -> SessionPart:
    number, charger_id, connector, energy_wh, power_w, started, status, is_awaiting_end = row[:8]
    heard, asked, id_tag, email, stop = row[8:]
    last_heard_at = from_microseconds(heard)
    if power_w is None and paused_by(status):
        power_w = 0
    signs = Signs(
        connector_status=status,
        is_awaiting_end=bool(is_awaiting_end),
        last_heard_at=last_heard_at,
        followed_up_at=None if asked is None else from_microseconds(asked),
        stop_state=None if stop is None else StopState(stop),
        stop_decided_at=None,
    )
    return SessionPart(
        number=number,
        charger_id=charger_id,
        connector=connector,
        energy_wh=energy_wh,
        power_w=power_w if now - last_heard_at < stale_after else None,
        started_at=from_microseconds(started),
        status=status,
        driver=email or id_tag,
        is_stuck=bool(stuck_session.evidence_of(signs, now)),
    )


def _rows(
    sql: str, column: str, ids: Ids, parameters: Sequence[object] = (), *, after: str = ""
) -> list[Sequence[Any]]:
    """The statement's rows: all of them, or those whose column is one of the ids."""
    if ids is None:
        return list(database.execute_sql(sql + after, parameters).fetchall())
    word = "" if sql.endswith(" WHERE") else " AND" if " WHERE " in sql else " WHERE"
    found: list[Sequence[Any]] = []
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        marks = ", ".join([database.param] * len(some))
        wanted = f"{sql}{word} {column} IN ({marks}){after}"
        found += database.execute_sql(wanted, [*parameters, *some]).fetchall()
    return found
