"""The rows of sessions, by their number or transaction."""

from __future__ import annotations

from polaris.domain.facts import SessionEnded, SessionMetered
from polaris.domain.limits import MAX_INT32
from polaris.ingest.sanitize import fit
from polaris.models import ChargingSession, ModelQuery

_BY_NUMBER = ModelQuery(
    ChargingSession, "SELECT {columns} FROM charging_session WHERE (charger_id, number) IN (VALUES {marks})"
)
_BY_TRANSACTION = ModelQuery(
    ChargingSession,
    "SELECT {columns} FROM charging_session"
    " WHERE transaction_id IS NOT NULL AND (charger_id, transaction_id) IN (VALUES {marks})",
)


def named(fact: SessionMetered | SessionEnded) -> ChargingSession | None:
    """Return the charger's own session that the fact names. Numbers of other chargers' sessions are unknown to it."""
    if fact.transaction_id is not None:
        return of_transaction(fact.charger_id, fact.transaction_id)
    if fact.number is None or not 0 < fact.number <= MAX_INT32:
        return None
    return of_number(fact.charger_id, fact.number)


def of_number(charger_id: int, number: int) -> ChargingSession | None:
    """Return the charger's session of this number, its row locked."""
    return _BY_NUMBER.first((charger_id, number), is_locking=True)


def of_transaction(charger_id: int, transaction_id: str) -> ChargingSession | None:
    """Return the charger's session of a transaction (OCPP 2.x), its row locked."""
    return _BY_TRANSACTION.first((charger_id, fit(transaction_id)), is_locking=True)
