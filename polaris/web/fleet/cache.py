"""Every charger and connector as the fleet page shows it, in memory: read whole, then kept by reading what changed.

It is used by one caller at a time, from under `blocking`. What it gives out, `snapshot`, is a value that never changes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache

from polaris.domain.enums import ConnectorStatus
from polaris.models import blocking
from polaris.models.database import from_microseconds
from polaris.web.fleet import queries, view
from polaris.web.fleet import row as fleet_row
from polaris.web.fleet.queries import ChargerPart, ConnectorPart, Day, Ids, SessionPart
from polaris.web.fleet.row import FleetRow, Running
from polaris.web.fleet.view import FleetView, Order, Query

# What OCPP 2.x says of the transaction alone: its connector is only occupied.
_OF_SESSION = frozenset(
    {
        ConnectorStatus.CHARGING,
        ConnectorStatus.SUSPENDED_EV,
        ConnectorStatus.SUSPENDED_EVSE,
        ConnectorStatus.EV_CONNECTED,
        ConnectorStatus.IDLE,
    }
)
_UNSAID = (0, 0, "", "", "", None)
_MINUTE_US = 60_000_000


class Snapshot:
    """The fleet at one instant: its rows in the order of their names, and when time alone changes them."""

    def __init__(self, rows: list[FleetRow], changes_at: datetime | None) -> None:
        self.changes_at = changes_at
        self._orders = {Order.NAME: rows}

    def page(self, query: Query) -> FleetView:
        """The page that a query asks for. An order is made once, when it is first asked for."""
        ordered = self._orders.get(query.order)
        if ordered is None:
            ordered = self._orders[query.order] = view.ordered(self._orders[Order.NAME], query.order)
        return view.select(ordered, query)


@blocking
def snapshot(now: datetime, stale_after: timedelta) -> Snapshot:
    """The fleet, read for this once."""
    return FleetCache(stale_after).load(now)


class FleetCache:
    """The parts of the fleet, and the rows made of them."""

    def __init__(self, stale_after: timedelta) -> None:
        self._stale_after = stale_after
        self._chargers: dict[int, ChargerPart] = {}  # in the order of their names
        self._connectors: defaultdict[int, list[ConnectorPart]] = defaultdict(list)
        self._sessions: defaultdict[int, dict[int, SessionPart]] = defaultdict(dict)  # by charger, then number
        self._ended_wh: defaultdict[int, dict[int, int]] = defaultdict(dict)  # by charger, then connector
        self._before_wh: dict[int, int] = {}  # what open sessions had delivered when the day began
        self._rows: dict[int, list[FleetRow]] = {}  # by charger
        self._days: dict[int, Day | None] = {}
        self._live: dict[str, datetime] = {}

    def load(self, now: datetime) -> Snapshot:
        """Read everything."""
        self._days = queries.days(now)
        self._live = queries.live_bridges(now)
        self._read(None, now)
        self._rows = {charger.id: self._rows_of(charger) for charger in self._chargers.values()}
        return self._snapshot()

    def refresh(self, numbers: set[int], charger_ids: set[int], now: datetime) -> Snapshot:
        """Read these sessions and chargers, and which bridges live."""
        lived, self._live = set(self._live), queries.live_bridges(now)
        touched, odd = self._refresh_sessions(sorted(numbers), now)
        charger_ids = charger_ids | odd
        self._read(sorted(charger_ids), now)
        if lived ^ set(self._live):
            touched = set(self._chargers)
        for charger_id in touched | charger_ids:
            if charger_id in self._chargers:
                self._rows[charger_id] = self._rows_of(self._chargers[charger_id])
        return self._snapshot()

    def _refresh_sessions(self, numbers: list[int], now: datetime) -> tuple[set[int], set[int]]:
        """The chargers of sessions that go on as they were known, and those to read anew: one began or ended."""
        touched, odd, seen = set(), set(), set()
        for part in queries.still_active(numbers, now, self._stale_after):
            seen.add(part.number)
            if part.number in self._sessions[part.charger_id]:
                self._sessions[part.charger_id][part.number] = part
                touched.add(part.charger_id)
            else:
                odd.add(part.charger_id)
        over = [number for number in numbers if number not in seen]
        return touched, odd | queries.chargers_of(over)

    def _read(self, ids: Ids, now: datetime) -> None:
        """Read the parts of these chargers, or of all, in place of what was known."""
        self._forget(ids)
        self._read_chargers(ids)
        for connector in queries.connectors(ids):
            self._connectors[connector.charger_id].append(connector)
        for session in queries.active_sessions(ids, now, self._stale_after):
            self._sessions[session.charger_id][session.number] = session
        self._read_today(ids)

    def _read_chargers(self, ids: Ids) -> None:
        found = {charger.id: charger for charger in queries.chargers(ids)}
        for gone in (self._chargers.keys() if ids is None else set(ids)) - found.keys():
            self._chargers.pop(gone, None)
        is_in_order = found.keys() <= self._chargers.keys() and ids is not None
        self._chargers |= found
        if not is_in_order:
            by_name = sorted(
                self._chargers.values(), key=lambda c: (fleet_row.counted(c.name), fleet_row.counted(c.identity))
            )
            self._chargers = {charger.id: charger for charger in by_name}

    def _forget(self, ids: Ids) -> None:
        for parts in (self._connectors, self._sessions, self._ended_wh):
            if ids is None:
                parts.clear()
            else:
                for charger_id in ids:
                    parts.pop(charger_id, None)

    def _read_today(self, ids: Ids) -> None:
        """What was delivered since the sites' midnights by sessions that are over, and before them by those open."""
        before_wh: dict[int, int] = {}
        for site_id, day in self._days.items():
            if day is None:
                continue
            for (charger_id, connector), wh in queries.ended_wh(ids, site_id, day.began_at).items():
                self._ended_wh[charger_id][connector] = wh
            across = [s.number for s in self._open(ids, site_id) if s.started_at < day.began_at]
            before_wh |= queries.energy_by(across, day.began_at)
        self._before_wh = before_wh if ids is None else self._before_wh | before_wh

    def _open(self, ids: Ids, site_id: int) -> Iterable[SessionPart]:
        for charger_id in self._chargers if ids is None else ids:
            if charger_id in self._chargers and self._chargers[charger_id].site_id == site_id:
                yield from self._sessions[charger_id].values()

    def _rows_of(self, charger: ChargerPart) -> list[FleetRow]:
        connectors = {connector.number: connector for connector in self._connectors[charger.id]}
        sessions = {session.connector: session for session in self._sessions[charger.id].values()}
        numbers = sorted({number for number in (*connectors, *sessions) if number > 0})
        if not numbers or 0 in sessions or _has_something_to_say(connectors.get(0)):
            numbers.insert(0, 0)
        today_wh = self._today_wh(charger, numbers)
        return [
            self._row(charger, number, connectors.get(number), sessions.get(number), today_wh.get(number))
            for number in numbers
        ]

    def _today_wh(self, charger: ChargerPart, numbers: list[int]) -> dict[int, int]:
        """What each row delivered today; nothing where that is not known. What has no row of its own is the first's."""
        if self._days.get(charger.site_id) is None:
            return {}
        found = dict.fromkeys(numbers, 0)
        for number, wh in self._ended_wh[charger.id].items():
            found[number if number in found else numbers[0]] += wh
        for session in self._sessions[charger.id].values():
            found[session.connector] += session.energy_wh - self._before_wh.get(session.number, 0)
        return found

    def _row(
        self,
        charger: ChargerPart,
        number: int,
        connector: ConnectorPart | None,
        session: SessionPart | None,
        today_wh: int | None,
    ) -> FleetRow:
        is_online = charger.bridge_id in self._live
        _, _, status, error_code, info, changed_us = connector or _UNSAID
        if session is not None and session.status in _OF_SESSION and status in ("", ConnectorStatus.OCCUPIED):
            status = session.status
        return fleet_row.row(
            charger_id=charger.id,
            connector=number,
            identity=charger.identity,
            name=charger.name,
            is_online=is_online,
            last_contact_at=_heard_at(charger.last_contact_us, is_online=is_online),
            status=status,
            error_code=error_code,
            info=info,
            faulted_at=from_microseconds(changed_us) if changed_us and status == ConnectorStatus.FAULTED else None,
            session=None if session is None else _running(session, is_online=is_online),
            today_wh=today_wh,
        )

    def _snapshot(self) -> Snapshot:
        held_by = {charger.bridge_id for charger in self._chargers.values()}
        instants = [until for bridge_id, until in self._live.items() if bridge_id in held_by]
        instants += [day.ends_at for day in self._days.values() if day is not None]
        rows = [row for charger_id in self._chargers for row in self._rows[charger_id]]
        return Snapshot(rows, min(instants, default=None))


def _heard_at(last_contact_us: int | None, *, is_online: bool) -> datetime | None:
    """When a charger was last heard of: to the minute while it is heard all the time, or each word were a change."""
    if last_contact_us is None:
        return None
    return _minute(last_contact_us // _MINUTE_US) if is_online else from_microseconds(last_contact_us)


@lru_cache(maxsize=1000)
def _minute(minutes: int) -> datetime:
    return from_microseconds(minutes * _MINUTE_US)


def _has_something_to_say(connector: ConnectorPart | None) -> bool:
    """Whether what a charger said of itself as a whole is worth a row: not that it is available, as nearly all are."""
    if connector is None:
        return False
    return connector.status != ConnectorStatus.AVAILABLE or fleet_row.is_error(connector.error_code)


def _running(session: SessionPart, *, is_online: bool) -> Running:
    power_w = session.power_w if is_online else None
    return Running(session.number, session.energy_wh, power_w, session.driver, session.is_stuck)
