"""A charger's history, stored as it happens: its connections that have ended, and since when it is which device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from peewee import EXCLUDED, Case

from polaris.domain.enums import EndedBy
from polaris.domain.facts import ChargerBooted, ChargerClockSampled, ChargerConnected, ChargerDisconnected
from polaris.ingest.sanitize import fit_line
from polaris.models import EPOCH, Bulk, Charger, ChargerConnection, ChargerFirmware, ClockSample, RowQuery
from polaris.models.charger_connection import MAX_KEPT
from polaris.pubsub import ChangeNotification

MAX_FIRMWARES = 20  # rows for each charger; one that reports another firmware with each boot would fill the database

_INTO = "INSERT INTO charger_connection (charger_id, slot, connected_at, ended_at, ended_by)"
_SLOT = f"charger.connections & {MAX_KEPT - 1}"
_RENEWED = (
    " ON CONFLICT (charger_id, slot) DO UPDATE"
    " SET connected_at = excluded.connected_at, ended_at = excluded.ended_at, ended_by = excluded.ended_by"
)
_ENDED = Bulk(
    ChargerConnection,
    ("ended_at", "ended_by", "charger_id"),
    sqlite=f"{_INTO} SELECT id, {_SLOT}, connected_at, ?, ? FROM charger"  # noqa: S608 - names of ours
    f" WHERE id = ? AND connected_at IS NOT NULL {_RENEWED}",
    postgresql=f"{_INTO} SELECT charger.id, {_SLOT}, connected_at, v.ended_at, v.ended_by"  # noqa: S608
    f" FROM {{values}} JOIN charger ON charger.id = v.charger_id WHERE connected_at IS NOT NULL {_RENEWED}",
)
# Another bridge than before: whether that one ended or the charger was gone, nobody has seen.
_WITHOUT_END = (
    f"{_INTO} SELECT charger.id, {_SLOT}, connected_at, COALESCE(last_contact_at, connected_at),"
    f" CASE WHEN charger.bridge_id = {{bridge}} THEN '{EndedBy.CHARGER}' ELSE '{EndedBy.POLARIS}' END"
)
_REPLACED = Bulk(
    Charger,
    ("bridge_id", "connection_id", "id"),
    sqlite=f"{_WITHOUT_END.replace('{bridge}', '?')} FROM charger WHERE connection_id <> ? AND id = ? {_RENEWED}",
    postgresql=f"{_WITHOUT_END.replace('{bridge}', 'v.bridge_id')}"
    f" FROM {{values}} JOIN charger ON charger.id = v.id WHERE charger.connection_id <> v.connection_id {_RENEWED}",
)
_NEW_FIRMWARE = Bulk.insert(ChargerFirmware, on_conflict="ON CONFLICT (charger_id, since_at) DO NOTHING")
_OLDEST_KEPT = (
    "(SELECT newer.since_at FROM charger_firmware AS newer WHERE newer.charger_id = charger_firmware.charger_id"  # noqa: S608
    f" ORDER BY newer.since_at DESC LIMIT 1 OFFSET {MAX_FIRMWARES - 1})"
)
_DELETE_OLD = Bulk(
    ChargerFirmware,
    ("charger_id",),
    sqlite=f"DELETE FROM charger_firmware WHERE charger_id = ? AND since_at < {_OLDEST_KEPT}",  # noqa: S608
    postgresql="DELETE FROM charger_firmware USING {values}"  # noqa: S608
    f" WHERE charger_firmware.charger_id = v.charger_id AND since_at < {_OLDEST_KEPT}",
)


class _Device(NamedTuple):
    """A charger's description, as it was stored last."""

    id: int
    vendor: str
    model: str
    serial: str
    firmware: str


_DEVICES = RowQuery(_Device, Charger, "SELECT {columns} FROM charger WHERE id IN ({marks})")


def replaced(facts: Sequence[ChargerConnected]) -> None:
    """Store the connections that these replace and whose end nobody has reported. Their chargers still hold them."""
    _REPLACED.execute(
        {"bridge_id": fact.bridge_id, "connection_id": fact.connection_id, "id": fact.charger_id} for fact in facts
    )


def disconnected(facts: Sequence[ChargerDisconnected]) -> None:
    """Store the connections that have ended. Their chargers still hold them."""
    ended(
        {
            fact.charger_id: (fact.received_at, EndedBy.PINGS if fact.answers_pings is False else EndedBy.CHARGER)
            for fact in facts
        }
    )


def ended(connections: Mapping[int, tuple[datetime, EndedBy]]) -> None:
    """Store the ends of connections, by charger."""
    _ENDED.execute(
        {"charger_id": charger_id, "ended_at": ended_at, "ended_by": ended_by}
        for charger_id, (ended_at, ended_by) in connections.items()
    )


def clock_sampled(notifications: list[ChangeNotification], fact: ChargerClockSampled, now: datetime) -> None:
    """Store how far a charger's clock is ahead: a row for each day, with its last sample, its lowest and highest."""
    ahead_ms = round(fact.ahead.total_seconds() * 1000)
    day = (fact.received_at - EPOCH).days
    lower, higher = EXCLUDED.lowest_ms < ClockSample.lowest_ms, EXCLUDED.highest_ms > ClockSample.highest_ms
    ClockSample.insert(
        charger=fact.charger_id,
        day=day,
        at=fact.received_at,
        ahead_ms=ahead_ms,
        lowest_ms=ahead_ms,
        highest_ms=ahead_ms,
    ).on_conflict(
        conflict_target=[ClockSample.charger, ClockSample.day],
        update={
            ClockSample.at: EXCLUDED.at,
            ClockSample.ahead_ms: EXCLUDED.ahead_ms,
            ClockSample.lowest_ms: Case(None, [(lower, EXCLUDED.lowest_ms)], ClockSample.lowest_ms),
            ClockSample.highest_ms: Case(None, [(higher, EXCLUDED.highest_ms)], ClockSample.highest_ms),
        },
    ).execute()


def described(facts: Sequence[ChargerBooted]) -> None:
    """Store since when chargers are another device, or have another firmware, than is stored of them still."""
    stored = {device.id: device for device in _DEVICES.rows([fact.charger_id for fact in facts])}
    booted = [
        (_Device(fact.charger_id, *map(fit_line, (fact.vendor, fact.model, fact.serial, fact.firmware))), fact)
        for fact in facts
    ]
    changed = [
        device._asdict() | {"charger_id": device.id, "since_at": fact.received_at}
        for device, fact in booted
        if stored.get(device.id) != device
    ]
    _NEW_FIRMWARE.execute(changed)
    _DELETE_OLD.execute(changed)
