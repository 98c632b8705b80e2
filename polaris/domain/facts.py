"""The facts a charger can bring, in the product's words: what the bridge hands to `polaris.ingest`.

A fact is a value: it can be stored twice, late or out of order and end in the same state. `at` is the charger's own
clock (UTC; None where it sent none that can be read), the time of receipt is `received_at`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct, field

from polaris.domain.metering import Reading

CHARGER_CONNECTED = "charger.connected"
CHARGER_DISCONNECTED = "charger.disconnected"
CHARGER_BOOTED = "charger.booted"
CHARGER_NOTIFIED = "charger.notified"
CONNECTOR_STATUS_CHANGED = "connector.status_changed"
SESSION_STARTED = "session.started"
SESSION_METERED = "session.metered"
SESSION_ENDED = "session.ended"
SESSION_REPORTED = "session.reported"


class Fact(Struct, frozen=True, kw_only=True):
    """What every fact has: whose it is and when it came. `raw` is the payload as it was sent, for the record.

    `message_id` is the message's own, where a repeated one must get the same answer; "" elsewhere.
    """

    charger_id: int
    received_at: datetime
    message_id: str = ""
    raw: Mapping[str, object] = field(default_factory=dict)


class ChargerConnected(Fact, frozen=True, kw_only=True):
    name = CHARGER_CONNECTED
    bridge_id: str
    connection_id: str
    protocol: str


class ChargerDisconnected(Fact, frozen=True, kw_only=True):
    name = CHARGER_DISCONNECTED
    connection_id: str


class ChargerBooted(Fact, frozen=True, kw_only=True):
    name = CHARGER_BOOTED
    vendor: str
    model: str
    serial: str
    firmware: str


class ChargerNotified(Fact, frozen=True, kw_only=True):
    """A message that changes no session: firmware, diagnostics, data transfer. The latest of each topic is kept.

    A report comes in parts, counted from 0; `request` names what it answers, where it says that.
    """

    name = CHARGER_NOTIFIED
    topic: str
    request: str = ""
    part: int = 0


class ConnectorStatusChanged(Fact, frozen=True, kw_only=True):
    """Connector 0 is the charger itself."""

    name = CONNECTOR_STATUS_CHANGED
    connector: int
    status: str
    error_code: str
    info: str
    at: datetime | None


class SessionStarted(Fact, frozen=True, kw_only=True):
    name = SESSION_STARTED
    connector: int
    id_tag: str
    at: datetime | None
    meter_start_wh: int  # below 0 where the charger said none
    transaction_id: str | None = None  # the charger's own name for it (OCPP 2.x)


class SessionMetered(Fact, frozen=True, kw_only=True):
    """Readings of the session `number` or `transaction_id`, or, where the charger named none, of the one open on the
    connector."""

    name = SESSION_METERED
    connector: int
    number: int | None
    readings: tuple[Reading, ...]
    transaction_id: str | None = None


class SessionEnded(Fact, frozen=True, kw_only=True):
    name = SESSION_ENDED
    number: int | None
    at: datetime | None
    meter_stop_wh: int | None
    reason: str
    id_tag: str | None
    readings: tuple[Reading, ...]
    transaction_id: str | None = None


class Report(StrEnum):
    """Which part of a transaction an event tells of (OCPP 2.x, TransactionEventEnumType)."""

    STARTED = "Started"
    UPDATED = "Updated"
    ENDED = "Ended"


class SessionReported(Fact, frozen=True, kw_only=True):
    """A numbered event of a session (OCPP 2.x): it is kept, and then taken as a start, readings or an end.

    Events come late, out of order and more than once; what one leaves out another may have said.
    """

    name = SESSION_REPORTED
    transaction_id: str
    seq_no: int | None
    report: Report
    at: datetime | None
    connector: int  # 0 where it says none
    id_tag: str | None
    status: str  # the charging state, "" where it says none
    reason: str
    is_offline: bool
    readings: tuple[Reading, ...]
    remote_start_id: int | None = None  # the command that it began with
