"""The facts that chargers report, in the product's words: the bridge passes them to `polaris.ingest`.

Facts are values, and storing them twice, late or out of order leads to the same state. `at` is the charger's clock in
UTC (None if it sent no valid time), with what it is known to be ahead taken off; `sent_at` is without that, to
recognise a repetition by; `received_at` is the time of receipt.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from msgspec import Struct, field

from polaris.domain.metering import Reading


class Fact(Struct, frozen=True, kw_only=True, gc=False):
    """The common part of all facts: the charger, the time of receipt, and the payload as it was sent.

    `message_id` is set if a repeated message must get the same answer, else "".
    """

    name: ClassVar[str]  # by which facts are stored

    charger_id: int
    received_at: datetime
    message_id: str = ""
    raw: Mapping[str, object] = field(default_factory=dict)


class ChargerConnected(Fact, frozen=True, kw_only=True):
    name = "charger.connected"
    bridge_id: str
    connection_id: str
    protocol: str


class ChargerDisconnected(Fact, frozen=True, kw_only=True):
    """`answers_pings` is None if the connection has not shown it."""

    name = "charger.disconnected"
    connection_id: str
    answers_pings: bool | None = None


class ChargerBooted(Fact, frozen=True, kw_only=True):
    """`reason` is the charger's own word for why it booted (OCPP 2.x), "" if it gave none."""

    name = "charger.booted"
    vendor: str
    model: str
    serial: str
    firmware: str
    reason: str = ""


class ChargerClockChanged(Fact, frozen=True, kw_only=True):
    """The charger's clock is ahead of ours by another time than before: 0 if it is right now, negative if behind."""

    name = "charger.clock_changed"
    offset_s: int


class ChargerClockSampled(Fact, frozen=True, kw_only=True):
    """The charger's clock was ahead of ours by so much, negative if behind, when the fact was received."""

    name = "charger.clock_sampled"
    ahead: timedelta


class ChargerNotified(Fact, frozen=True, kw_only=True):
    """A message that changes no session: firmware, diagnostics, data transfer. The latest of each topic is kept.

    A report may come in parts, counted from 0; `request` is the id of the request that it answers, if it names one.
    It may tell connectors' states and, by the id of the EVSE (OCPP 2.x), the greatest power of its connectors.
    """

    name = "charger.notified"
    topic: str
    request: str = ""
    part: int = 0
    states: tuple[ConnectorStatusChanged, ...] = ()
    max_power_w: Mapping[int, int] = field(default_factory=dict)


class ConnectorStatusChanged(Fact, frozen=True, kw_only=True):
    """Connector 0 is the charger itself. `card_asked_at` is when it last asked about a card over this connection."""

    name = "connector.status_changed"
    connector: int
    status: str
    error_code: str
    info: str
    at: datetime | None
    card_asked_at: datetime | None = None


class SessionStarted(Fact, frozen=True, kw_only=True):
    name = "session.started"
    connector: int
    id_tag: str
    at: datetime | None
    meter_start_wh: int  # negative if the charger sent none
    sent_at: datetime | None = None
    transaction_id: str | None = None  # assigned by the charger (OCPP 2.x)


class SessionMetered(Fact, frozen=True, kw_only=True):
    """Readings of the session `number` or `transaction_id`, or of the one open on the connector if both are None."""

    name = "session.metered"
    connector: int
    number: int | None
    readings: tuple[Reading, ...]
    transaction_id: str | None = None


class SessionEnded(Fact, frozen=True, kw_only=True):
    name = "session.ended"
    number: int | None
    at: datetime | None
    meter_stop_wh: int | None
    reason: str
    id_tag: str | None
    readings: tuple[Reading, ...]
    transaction_id: str | None = None
    sent_at: datetime | None = None


class Report(StrEnum):
    """The part of a transaction that an event reports (OCPP 2.x, TransactionEventEnumType)."""

    STARTED = "Started"
    UPDATED = "Updated"
    ENDED = "Ended"


class SessionReported(Fact, frozen=True, kw_only=True):
    """A numbered event of a session (OCPP 2.x): it is stored, then applied as a start, readings or an end.

    Events arrive late, out of order and repeatedly; values that one lacks may be in another.
    """

    name = "session.reported"
    transaction_id: str
    seq_no: int | None
    report: Report
    at: datetime | None
    connector: int  # 0 if it names none
    id_tag: str | None
    status: str  # the charging state, "" if it has none
    reason: str
    is_offline: bool
    readings: tuple[Reading, ...]
    remote_start_id: int | None = None  # of the command that started the transaction
