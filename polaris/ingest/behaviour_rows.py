"""The rows of a charger's history that tell what it is like. Each query is bounded and goes by an index."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from polaris.domain.absences import Connection
from polaris.domain.behaviour import MAX_SEEN, SentStop
from polaris.domain.clock_drift import Sample
from polaris.domain.enums import ConnectorStatus, SessionState, StopState
from polaris.domain.spelling import letters
from polaris.domain.stop_request import StopProgress
from polaris.models import (
    Bridge,
    Charger,
    ChargerConnection,
    ChargerFirmware,
    ChargingSession,
    ClockSample,
    Command,
    RowQuery,
    SessionNote,
    Site,
    StopRequest,
)

UNPLUGGED = "evdisconnected"  # a stop's reason, by its letters


class ChargerRow(NamedTuple):
    id: int
    identity: str
    name: str
    is_pinged: bool
    connection_id: str | None
    connected_at: datetime | None
    last_contact_at: datetime | None
    lease_until_at: datetime | None
    zone: str


CHARGER = RowQuery(
    ChargerRow,
    Charger,
    "SELECT {columns} FROM charger JOIN site ON site.id = charger.site_id"
    " LEFT JOIN bridge ON bridge.id = charger.bridge_id WHERE charger.id = {param}",
    lease_until_at=Bridge.lease_until_at,
    zone=Site.time_zone,
)


class FirmwareRow(NamedTuple):
    since_at: datetime
    vendor: str
    model: str
    serial: str
    firmware: str

    @property
    def device(self) -> tuple[str, str, str]:
        return self.vendor, self.model, self.serial


FIRMWARES = RowQuery(
    FirmwareRow,
    ChargerFirmware,
    "SELECT {columns} FROM charger_firmware WHERE charger_id = {param} ORDER BY since_at DESC LIMIT 2",
)


class StopRow(NamedTuple):
    state: str
    requested_at: datetime
    deadline_at: datetime
    decided_at: datetime
    attempts: int
    sent_at: datetime
    answered_at: datetime | None
    is_card_needed: bool | None
    session_state: str
    connector_status: str
    transaction_id: str | None
    ended_at: datetime | None
    stop_reason: str

    @property
    def waits_for_cable(self) -> bool:
        """Whether charging stopped, and the session ends when the car is unplugged (OCPP 2.x, F03.FR.02)."""
        if self.transaction_id is None or self.answered_at is None:
            return False
        return self.connector_status == ConnectorStatus.EV_CONNECTED or letters(self.stop_reason) == UNPLUGGED

    def to_domain(self) -> SentStop:
        state = StopState(self.state)
        progress = StopProgress(state, self.requested_at, self.deadline_at, self.decided_at, self.attempts)
        ended_at = self.ended_at if self.session_state == SessionState.COMPLETED else None
        return SentStop(progress, self.sent_at, self.answered_at, ended_at, self.stop_reason, self.waits_for_cable)


STOPS = RowQuery(
    StopRow,
    StopRequest,
    "SELECT {columns} FROM stop_request"  # noqa: S608 - a number of ours
    " JOIN charging_session ON charging_session.number = stop_request.session_id"
    " WHERE stop_request.charger_id = {param} AND stop_request.sent_at IS NOT NULL"
    " AND stop_request.sent_at >= {param} AND stop_request.sent_at < {param}"
    f" ORDER BY stop_request.sent_at DESC LIMIT {MAX_SEEN}",
    session_state=ChargingSession.state,
    connector_status=ChargingSession.connector_status,
    transaction_id=ChargingSession.transaction_id,
    ended_at=ChargingSession.ended_at,
    stop_reason=ChargingSession.stop_reason,
)


class CommandRow(NamedTuple):
    state: str
    deadline_at: datetime
    sent_at: datetime
    answered_at: datetime | None


COMMANDS = RowQuery(
    CommandRow,
    Command,
    "SELECT {columns} FROM command WHERE charger_id = {param} AND sent_at IS NOT NULL"  # noqa: S608
    f" AND sent_at >= {{param}} AND sent_at < {{param}} ORDER BY id DESC LIMIT {MAX_SEEN}",
)


class EndedRow(NamedTuple):
    number: int
    started_at: datetime
    is_start_inferred: bool


SESSIONS = RowQuery(
    EndedRow,
    ChargingSession,
    "SELECT {columns} FROM charging_session WHERE charger_id = {param} AND ended_at IS NOT NULL"  # noqa: S608
    f" AND ended_at >= {{param}} ORDER BY ended_at DESC LIMIT {MAX_SEEN}",
)


class NoteRow(NamedTuple):
    session_id: int
    kind: str


NOTES = RowQuery(NoteRow, SessionNote, "SELECT {columns} FROM session_note WHERE session_id IN ({marks})")


class ConnectionRow(NamedTuple):
    charger_id: int
    connected_at: datetime
    ended_at: datetime
    ended_by: str

    def to_domain(self) -> Connection:
        return Connection(self.connected_at, self.ended_at, self.ended_by)


CONNECTIONS = RowQuery(
    ConnectionRow, ChargerConnection, "SELECT {columns} FROM charger_connection WHERE charger_id IN ({marks})"
)


class ClockRow(NamedTuple):
    at: datetime
    ahead_ms: int
    lowest_ms: int
    highest_ms: int

    def to_domain(self) -> Sample:
        return Sample(self.at, self.ahead_ms / 1000, self.lowest_ms / 1000, self.highest_ms / 1000)


CLOCK = RowQuery(
    ClockRow,
    ClockSample,
    "SELECT {columns} FROM clock_sample WHERE charger_id = {param} AND day >= {param} ORDER BY day",
)
