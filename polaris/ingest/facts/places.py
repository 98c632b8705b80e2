"""The charger that a start comes from: all that the start depends on there, in one query for all starts of a batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from polaris.domain.facts import SessionStarted
from polaris.domain.instants import believable, from_microseconds, to_microseconds
from polaris.domain.price_windows import from_json, next_border
from polaris.ingest.facts import max_power
from polaris.ingest.requests import promised_starts
from polaris.models import Charger, ChargingSession, RowQuery


class Place(NamedTuple):
    """A charger as of its start. The flags only say whether it is worth a query to look for one that fits."""

    charger_id: int
    site_id: int
    max_power_w: int | None
    energy_unit: str
    clock_offset_s: int
    reported_power: str | None  # JSON
    tariff_id: int | None  # in force at the earliest start of the batch
    schedule: str | None  # of that
    next_tariff_us: int | None  # from then on it is another
    has_unmatched_end: bool
    has_start_to_come: bool

    def is_usual_for(self, start: SessionStarted) -> bool:
        """Whether the tariff is the one in force at this start, too, and no end or command may belong to it."""
        next_tariff_at = self.next_tariff_us and from_microseconds(self.next_tariff_us)
        if next_tariff_at and next_tariff_at <= believable(start.at, start.received_at):
            return False
        return start.transaction_id is not None or not (self.has_unmatched_end or self.has_start_to_come)

    def next_border_at(self, started_at: datetime) -> datetime | None:
        """Return the first instant at which the prices of a session change; None if they never do."""
        schedule = from_json(self.schedule)
        return None if schedule is None else next_border(schedule, started_at)

    def bound_w(self, connector: int) -> int:
        """Return the most power that a connector can deliver."""
        return max_power.bound(self.max_power_w, self.reported_power, connector)


class _OpenOn(NamedTuple):
    charger_id: int
    connector: int


_OF_SITE = "FROM tariff WHERE tariff.site_id = charger.site_id AND valid_from_at"
_NEWEST = "ORDER BY valid_from_at DESC, id DESC LIMIT 1"
_PLACES = RowQuery(
    Place,
    Charger,
    "SELECT {columns} FROM charger LEFT JOIN charger_notice"  # noqa: S608 - names of ours
    f" ON charger_notice.charger_id = charger.id AND charger_notice.topic = '{max_power.TOPIC}'"
    " WHERE charger.id IN ({marks})",
    charger_id=Charger.id,
    reported_power="charger_notice.payload",
    tariff_id=f"(SELECT id {_OF_SITE} <= {{param}} {_NEWEST})",
    schedule=f"(SELECT schedule {_OF_SITE} <= {{param}} {_NEWEST})",
    next_tariff_us=f"(SELECT MIN(valid_from_at) {_OF_SITE} > {{param}})",
    has_unmatched_end=(
        "EXISTS (SELECT 1 FROM orphan_end WHERE orphan_end.charger_id = charger.id AND session_id IS NULL"
        " AND ended_at >= {param})"
    ),
    has_start_to_come=(
        "EXISTS (SELECT 1 FROM command WHERE command.charger_id = charger.id"  # noqa: S608 - names of ours
        f" AND {promised_starts.START_TO_COME}"
        " AND deadline_at >= {param})"
    ),
)
_OPEN = RowQuery(
    _OpenOn,
    ChargingSession,
    "SELECT {columns} FROM charging_session WHERE state = 'active' AND charger_id IN ({marks})",
)


def of(starts: Collection[SessionStarted]) -> dict[int, Place]:
    """Return the places of starts by charger."""
    earliest_us = to_microseconds(min(believable(start.at, start.received_at) for start in starts))
    latest_start_us = to_microseconds(min(start.received_at for start in starts) - promised_starts.LATEST_START)
    rows = _PLACES.rows([start.charger_id for start in starts], *[earliest_us] * 4, latest_start_us)
    return {row.charger_id: row for row in rows}


def occupied(charger_ids: Collection[int]) -> dict[int, set[int]]:
    """Return the connectors with an open session, by charger."""
    connectors: defaultdict[int, set[int]] = defaultdict(set)
    for charger_id, connector in _OPEN.rows(list(charger_ids)):
        connectors[charger_id].add(connector)
    return connectors


def may_be_taken(connector: int, occupied: Collection[int]) -> bool:
    """Whether one of the occupied connectors is this one, or may be. 0 is one that is not known (OCPP 2.x)."""
    return bool(occupied) and (connector == 0 or connector in occupied or 0 in occupied)
