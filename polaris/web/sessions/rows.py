"""A session's row as pages show it, joined from five tables, and the rows of its stop requests, notes and corrections.

Plain rows rather than model instances: building those would take most of the time between a reading and its display.
Callers have a database connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from polaris.domain.enums import SessionState, StopState
from polaris.domain.evidence import is_refusal
from polaris.domain.stop_request import StopProgress
from polaris.domain.tariff import Prices
from polaris.domain.usage import Usage
from polaris.models import (
    EFFECTIVE_WH,
    Account,
    Bridge,
    Charger,
    ChargingSession,
    EnergyCorrection,
    RowQuery,
    SessionNote,
    StopRequest,
    is_held,
)
from polaris.models.session import usage_of
from polaris.models.tariff import PRICE_COLUMNS
from polaris.web.sessions.view import is_idle_refusal


class SessionRecord(NamedTuple):
    """A session with its charger, bridge, owner and tariff; the columns of a missing one of these are None.

    `energy_wh` is the operator's figure if there is one, else the charger's; None if it is not known.
    """

    number: int
    charger_id: int
    account_id: int | None
    revision: int
    state: str
    connector: int
    connector_status: str
    started_at: datetime
    ended_at: datetime | None
    energy_wh: int | None
    charger_wh: int | None
    is_decided: bool
    power_w: int | None
    soc_percent: int | None
    stop_reason: str
    last_reading_at: datetime | None
    last_heard_at: datetime
    is_awaiting_end: bool
    is_start_inferred: bool
    authorization: str
    id_tag: str
    transaction_id: str | None
    charger_name: str
    charger_identity: str
    connection_id: str | None
    lease_until_at: datetime | None
    owner: str | None
    border_wh: str
    over_at: datetime | None
    limit_id: int | None
    currency: str | None
    per_kwh: Decimal
    per_minute: Decimal
    per_session: Decimal
    tax_percent: Decimal
    idle_per_minute: Decimal
    idle_grace_s: int
    schedule: str

    @property
    def prices(self) -> Prices | None:
        return Prices.of(self)

    def usage(self, now: datetime) -> Usage:
        return usage_of(self, now, energy_wh=self.energy_wh, metered_wh=self.charger_wh)

    @property
    def refusal(self) -> str:
        """Return the answer by which the card was refused, or "" if it was not."""
        return self.authorization if is_refusal(self.authorization, self.id_tag, self.transaction_id) else ""

    @property
    def is_idle_refusal(self) -> bool:
        """Whether the card was refused, and no energy has flowed all the same."""
        return is_idle_refusal(
            self.refusal, self.state, self.connector_status, energy_wh=self.energy_wh, power_w=self.power_w
        )

    @property
    def is_active(self) -> bool:
        return self.state == SessionState.ACTIVE

    def is_online(self, now: datetime) -> bool:
        return is_held(self.connection_id, self.lease_until_at, now)


_SESSIONS = RowQuery(
    SessionRecord,
    ChargingSession,
    "SELECT {columns} FROM charging_session"
    " JOIN charger ON charger.id = charging_session.charger_id"
    " LEFT JOIN bridge ON bridge.id = charger.bridge_id"
    " LEFT JOIN account ON account.id = charging_session.account_id"
    " LEFT JOIN tariff ON tariff.id = charging_session.tariff_id"
    " WHERE charging_session.number IN ({marks})",
    energy_wh=EFFECTIVE_WH,
    charger_wh=ChargingSession.energy_wh,
    is_decided="charging_session.decided_wh IS NOT NULL",
    charger_name=Charger.name,
    charger_identity=Charger.identity,
    connection_id=Charger.connection_id,
    lease_until_at=Bridge.lease_until_at,
    owner=Account.email,
    **PRICE_COLUMNS,
)


def of_numbers(numbers: Sequence[int]) -> list[SessionRecord]:
    """Load the sessions with these numbers, in their order; unknown numbers are left out."""
    rows = {row.number: row for row in _SESSIONS.rows(numbers)}
    return [rows[number] for number in numbers if number in rows]


def query() -> Any:
    """Return the query for the numbers of all sessions, to be narrowed, sorted and given to `of_query`."""
    return ChargingSession.select(ChargingSession.number).tuples()


def of_query(numbers: Iterable[tuple[int]]) -> list[SessionRecord]:
    """Load the sessions that such a query selects, in its order."""
    return of_numbers([number for (number,) in numbers])


class StopRecord(NamedTuple):
    session_id: int
    account_id: int | None
    state: str
    requested_at: datetime
    deadline_at: datetime
    decided_at: datetime
    attempts: int
    limit_id: int | None

    @property
    def progress(self) -> StopProgress:
        state, is_at_limit = StopState(self.state), self.limit_id is not None
        return StopProgress(
            state, self.requested_at, self.deadline_at, self.decided_at, self.attempts, is_at_limit=is_at_limit
        )


STOP_REQUESTS = RowQuery(
    StopRecord, StopRequest, "SELECT {columns} FROM stop_request WHERE session_id IN ({marks}) ORDER BY id DESC"
)


class NoteRecord(NamedTuple):
    session_id: int
    kind: str


NOTES = RowQuery(NoteRecord, SessionNote, "SELECT {columns} FROM session_note WHERE session_id IN ({marks})")


class Unplugged(NamedTuple):
    number: int


# By a state that came after the start: of two connectors of an EVSE (OCPP 2.x), the other may be free all the time.
UNPLUGGED = RowQuery(
    Unplugged,
    ChargingSession,
    "SELECT {columns} FROM charging_session WHERE ("
    "EXISTS (SELECT 1 FROM connector WHERE connector.charger_id = charging_session.charger_id"
    " AND connector.number = charging_session.connector AND connector.changed_at > charging_session.started_at"
    " AND connector.status = {param})"
    " OR EXISTS (SELECT 1 FROM charging_session AS later WHERE later.charger_id = charging_session.charger_id"
    " AND later.connector = charging_session.connector AND later.number > charging_session.number))"
    " AND charging_session.number IN ({marks})",
)


class CorrectionRecord(NamedTuple):
    session_id: int
    at: datetime
    kind: str
    before_wh: int | None
    after_wh: int | None
    why: str


CORRECTIONS = RowQuery(
    CorrectionRecord,
    EnergyCorrection,
    "SELECT {columns} FROM energy_correction WHERE session_id IN ({marks}) ORDER BY id DESC",
)
