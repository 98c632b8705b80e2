"""Sessions as they are stored, as far as pages show them: a row of each, joined from five tables.

Their own columns alone and no model instances: those would take most of the time that a reading takes to be shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from peewee import JOIN

from polaris.domain.tariff import Tariff as Prices
from polaris.models import Account, Bridge, Charger, ChargingSession, Prepared, Tariff


def is_held(connection_id: str | None, lease_until_at: datetime | None, now: datetime) -> bool:
    """Whether a bridge that is alive holds a charger of this connection and this lease."""
    return connection_id is not None and lease_until_at is not None and lease_until_at > now


class Stored(NamedTuple):
    """In the order of `_COLUMNS`. What is of a bridge or an account is None where there is none."""

    number: int
    revision: int
    state: str
    connector: int
    connector_status: str
    started_at: datetime
    ended_at: datetime | None
    energy_wh: int
    power_w: int | None
    soc_percent: int | None
    stop_reason: str
    last_reading_at: datetime | None
    last_heard_at: datetime
    is_awaiting_end: bool
    is_start_inferred: bool
    charger_name: str
    connection_id: str | None
    lease_until_at: datetime | None
    owner: str | None
    currency: str | None  # None together with all the prices
    per_kwh: Decimal
    per_minute: Decimal
    per_session: Decimal
    tax_percent: Decimal

    @property
    def prices(self) -> Prices | None:
        if self.currency is None:
            return None
        return Prices(self.currency, self.per_kwh, self.per_minute, self.per_session, self.tax_percent)

    def is_online(self, now: datetime) -> bool:
        return is_held(self.connection_id, self.lease_until_at, now)


_COLUMNS = (
    *(ChargingSession.number, ChargingSession.revision, ChargingSession.state),
    *(ChargingSession.connector, ChargingSession.connector_status),
    *(ChargingSession.started_at, ChargingSession.ended_at),
    *(ChargingSession.energy_wh, ChargingSession.power_w, ChargingSession.soc_percent, ChargingSession.stop_reason),
    *(ChargingSession.last_reading_at, ChargingSession.last_heard_at),
    *(ChargingSession.is_awaiting_end, ChargingSession.is_start_inferred),
    *(Charger.name, Charger.connection_id, Bridge.lease_until_at, Account.email),
    *(Tariff.currency, Tariff.per_kwh, Tariff.per_minute, Tariff.per_session, Tariff.tax_percent),
)


def query() -> Any:
    """Of all sessions, for `found`."""
    return (
        ChargingSession.select(*_COLUMNS)
        .join_from(ChargingSession, Charger)
        .join_from(Charger, Bridge, JOIN.LEFT_OUTER)
        .join_from(ChargingSession, Account, JOIN.LEFT_OUTER)
        .join_from(ChargingSession, Tariff, JOIN.LEFT_OUTER)
        .tuples()
    )


def found(rows: Iterable[Any]) -> list[Stored]:
    return [Stored(*row) for row in rows]


def of(numbers: list[int]) -> list[Stored]:
    """Those of these sessions that there are. In a caller that has a connection."""
    return found(_NUMBERED.rows(numbers))


_NUMBERED = Prepared(lambda numbers: query().where(ChargingSession.number.in_(numbers)))
