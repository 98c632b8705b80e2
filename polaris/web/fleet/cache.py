"""Every charger and connector in memory, as the fleet page shows them: loaded whole, then refreshed in parts.

A cache is used by one thread at a time, under `blocking`. The snapshots that it makes never change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from polaris.domain.enums import ConnectorStatus
from polaris.domain.fleet_query import Order, Query
from polaris.models import blocking, from_microseconds
from polaris.web.fleet import queries, view
from polaris.web.fleet import row as fleet_row
from polaris.web.fleet.queries import ChargerPart, ConnectorPart, Day, Ids, SessionPart
from polaris.web.fleet.row import NO_ENERGY, FleetRow, Running, Today
from polaris.web.fleet.view import FleetView

# States that OCPP 2.x reports for the transaction; the connector itself is only Occupied.
_TRANSACTION_STATES = frozenset(
    {
        ConnectorStatus.CHARGING,
        ConnectorStatus.SUSPENDED_EV,
        ConnectorStatus.SUSPENDED_EVSE,
        ConnectorStatus.EV_CONNECTED,
        ConnectorStatus.IDLE,
    }
)
_UNREPORTED = (0, 0, "", "", "", None)
_MINUTE_US = 60_000_000


class Snapshot:
    """The fleet at one instant: its rows in the order of their names, and when time alone changes them."""

    def __init__(self, rows: Sequence[FleetRow], changes_at: datetime | None) -> None:
        self.changes_at = changes_at
        self._orders = {Order.NAME: rows}

    def chargers(self, query: Query) -> list[int]:
        """Return the ids of the chargers of which a row matches, in the order of their names."""
        return list(dict.fromkeys(row.charger_id for row in view.matching(self._orders[Order.NAME], query)))

    def page(self, query: Query) -> FleetView:
        """Select the page of a query. Each order is sorted once, when it is first needed."""
        ordered = self._orders.get(query.order)
        if ordered is None:
            ordered = self._orders[query.order] = view.ordered(self._orders[Order.NAME], query.order)
        return view.select(ordered, query)


@blocking
def snapshot(now: datetime, stale_after: timedelta) -> Snapshot:
    """Read the whole fleet once, without keeping it."""
    return FleetCache(stale_after).load(now)


class FleetCache:
    """The stored parts of the fleet, and the rows made of them."""

    def __init__(self, stale_after: timedelta) -> None:
        self._stale_after = stale_after
        self._chargers: dict[int, ChargerPart] = {}  # in the order of their names
        self._connectors: defaultdict[int, list[ConnectorPart]] = defaultdict(list)
        self._sessions: defaultdict[int, dict[int, SessionPart]] = defaultdict(dict)  # by charger, then number
        self._ended: defaultdict[int, dict[int, Today]] = defaultdict(dict)  # by charger, then connector
        self._before_wh: dict[int, int] = {}  # energy of open sessions at the beginning of the day
        self._rows: dict[int, list[FleetRow]] = {}  # by charger
        self._days: dict[int, Day | None] = {}
        self._site_names: dict[int, str] = {}
        self._leases: dict[str, datetime] = {}  # of live bridges, with their end

    def load(self, now: datetime) -> Snapshot:
        """Read everything."""
        self._days = queries.days(now)
        self._site_names = queries.site_names()
        self._leases = queries.live_bridges(now)
        self._read(None, now)
        self._rows = {charger.id: self._rows_of(charger) for charger in self._chargers.values()}
        return self._snapshot()

    def refresh(self, numbers: set[int], charger_ids: set[int], now: datetime) -> Snapshot:
        """Read these sessions and chargers, and the leases of the bridges."""
        live_before, self._leases = set(self._leases), queries.live_bridges(now)
        updated, outdated = self._refresh_sessions(sorted(numbers), now)
        charger_ids = charger_ids | outdated
        self._read(sorted(charger_ids), now)
        if live_before ^ set(self._leases):
            updated = set(self._chargers)
        for charger_id in updated | charger_ids:
            if charger_id in self._chargers:
                self._rows[charger_id] = self._rows_of(self._chargers[charger_id])
        return self._snapshot()

    def _refresh_sessions(self, numbers: list[int], now: datetime) -> tuple[set[int], set[int]]:
        """Update the sessions that go on; return their chargers, and those to read whole: a session began or ended."""
        updated, outdated, active = set(), set(), set()
        for session in queries.still_active(numbers, now, self._stale_after):
            active.add(session.number)
            if session.number in self._sessions[session.charger_id]:
                self._sessions[session.charger_id][session.number] = session
                updated.add(session.charger_id)
            else:
                outdated.add(session.charger_id)
        ended = [number for number in numbers if number not in active]
        return updated, outdated | queries.chargers_of(ended)

    def _read(self, ids: Ids, now: datetime) -> None:
        """Replace the parts of these chargers, or of all."""
        self._forget(ids)
        self._read_chargers(ids)
        for connector in queries.CONNECTORS.rows(ids):
            self._connectors[connector.charger_id].append(connector)
        for session in queries.active_sessions(ids, now, self._stale_after):
            self._sessions[session.charger_id][session.number] = session
        self._read_today(ids)

    def _read_chargers(self, ids: Ids) -> None:
        chargers = {charger.id: charger for charger in queries.CHARGERS.rows(ids)}
        for removed_id in (self._chargers.keys() if ids is None else set(ids)) - chargers.keys():
            self._chargers.pop(removed_id, None)
        is_sorted = ids is not None and chargers.keys() <= self._chargers.keys()
        self._chargers |= chargers
        if not is_sorted:
            by_name = sorted(
                self._chargers.values(),
                key=lambda c: (fleet_row.natural_key(c.name), fleet_row.natural_key(c.identity)),
            )
            self._chargers = {charger.id: charger for charger in by_name}

    def _forget(self, ids: Ids) -> None:
        for parts in (self._connectors, self._sessions, self._ended):
            if ids is None:
                parts.clear()
            else:
                for charger_id in ids:
                    parts.pop(charger_id, None)

    def _read_today(self, ids: Ids) -> None:
        """Read today's energy of ended sessions, and the energy of open ones at midnight, in each site's time zone."""
        for day in {day for day in self._days.values() if day is not None}:
            for (charger_id, connector), ended in queries.ended_today(ids, day).items():
                self._ended[charger_id][connector] = ended
        if ids is None:
            self._before_wh = {}
        for began_at, numbers in self._overnight(ids).items():
            self._before_wh |= queries.energy_by(numbers, began_at)

    def _overnight(self, ids: Ids) -> dict[datetime, list[int]]:
        """Return the numbers of the open sessions that began before their day, by its beginning."""
        numbers: defaultdict[datetime, list[int]] = defaultdict(list)
        for charger_id in self._sessions if ids is None else ids:
            charger = self._chargers.get(charger_id)
            day = None if charger is None else self._days.get(charger.site_id)
            for session in self._sessions.get(charger_id, {}).values():
                if day is not None and session.started_at < day.began_at:
                    numbers[day.began_at].append(session.number)
        return numbers

    def _rows_of(self, charger: ChargerPart) -> list[FleetRow]:
        connectors = {connector.number: connector for connector in self._connectors[charger.id]}
        sessions = {session.connector: session for session in self._sessions[charger.id].values()}
        numbers = sorted({number for number in (*connectors, *sessions) if number > 0})
        if not numbers or 0 in sessions or _needs_row(connectors.get(0)):
            numbers.insert(0, 0)
        today = self._today(charger, numbers)
        return [
            self._row(charger, number, connectors.get(number), sessions.get(number), today.get(number))
            for number in numbers
        ]

    def _today(self, charger: ChargerPart, numbers: list[int]) -> dict[int, Today]:
        """Sum up today's energy by row; return nothing if the site's day is unknown.

        The energy of a connector without a row counts in the first.
        """
        if self._days.get(charger.site_id) is None:
            return {}
        today = dict.fromkeys(numbers, NO_ENERGY)
        for connector, ended in self._ended[charger.id].items():
            number = connector if connector in today else numbers[0]
            today[number] = today[number].plus(ended)
        for session in self._sessions[charger.id].values():
            today[session.connector] = today[session.connector].plus(self._running_today(session))
        return today

    def _running_today(self, session: SessionPart) -> Today:
        if session.energy_wh is None:
            return Today(unknown=1)
        return Today(session.energy_wh - self._before_wh.get(session.number, 0))

    def _row(
        self,
        charger: ChargerPart,
        number: int,
        connector: ConnectorPart | None,
        session: SessionPart | None,
        today: Today | None,
    ) -> FleetRow:
        is_online = charger.bridge_id in self._leases
        _, _, status, error_code, info, changed_us = connector or _UNREPORTED
        if session is not None and session.status in _TRANSACTION_STATES and status in ("", ConnectorStatus.OCCUPIED):
            status = session.status
        return fleet_row.row(
            charger_id=charger.id,
            connector=number,
            identity=charger.identity,
            name=charger.name,
            site=self._site_names.get(charger.site_id, ""),
            is_online=is_online,
            last_contact_at=_contact_at(charger.last_contact_us, is_online=is_online),
            is_blocked=bool(charger.is_blocked),
            status=status,
            error_code=error_code,
            info=info,
            faulted_at=from_microseconds(changed_us) if changed_us and status == ConnectorStatus.FAULTED else None,
            session=None if session is None else _running(session, is_online=is_online),
            today=today,
        )

    def _snapshot(self) -> Snapshot:
        bridge_ids = {charger.bridge_id for charger in self._chargers.values()}
        instants = [ends_at for bridge_id, ends_at in self._leases.items() if bridge_id in bridge_ids]
        instants += [day.ends_at for day in self._days.values() if day is not None]
        rows = [row for charger_id in self._chargers for row in self._rows[charger_id]]
        return Snapshot(rows, min(instants, default=None))


def _contact_at(last_contact_us: int | None, *, is_online: bool) -> datetime | None:
    """Return the last contact, rounded to the minute while online: exact, every message would change the row."""
    if last_contact_us is None:
        return None
    return _minute(last_contact_us // _MINUTE_US) if is_online else from_microseconds(last_contact_us)


@lru_cache(maxsize=1000)
def _minute(minutes: int) -> datetime:
    return from_microseconds(minutes * _MINUTE_US)


def _needs_row(connector: ConnectorPart | None) -> bool:
    """Tell whether connector 0, the charger as a whole, gets a row: not if it is available, as nearly all are."""
    if connector is None:
        return False
    return connector.status != ConnectorStatus.AVAILABLE or fleet_row.is_error(connector.error_code)


def _running(session: SessionPart, *, is_online: bool) -> Running:
    power_w = session.power_w if is_online else None
    return Running(session.number, session.energy_wh, power_w, session.driver, session.is_stuck, session.is_refused)
