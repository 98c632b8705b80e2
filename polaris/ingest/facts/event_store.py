"""Transaction events (OCPP 2.x) as rows: each kept whole, once, with what it was taken for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from polaris.domain import session
from polaris.domain.cards import normal_id_tag
from polaris.domain.facts import SessionReported
from polaris.ingest.sanitize import fit, fit_json
from polaris.models import Bulk, TransactionEvent
from polaris.models.database import to_microseconds

EventValues = tuple[object, ...]

_COLUMNS = {
    "charger_id": "integer",
    "transaction_id": "text",
    "seq_no": "integer",
    "report": "text",
    "at": "bigint",
    "connector": "integer",
    "id_tag": "text",
    "authorization": "text",
    "status": "text",
    "reason": "text",
    "is_offline": "boolean",
    "payload": "text",
    "received_at": "bigint",
}
_NAMES = ", ".join(f'"{name}"' for name in _COLUMNS)  # PostgreSQL has an AUTHORIZATION of its own
_INSERT = Bulk(
    tuple(_COLUMNS.values()),
    sqlite=f"INSERT INTO transaction_event ({_NAMES}) VALUES ({{values}})",
    postgresql=f"INSERT INTO transaction_event ({_NAMES}) SELECT * FROM {{values}}",
)


def values(fact: SessionReported, seq_no: int | None, authorization: str = "") -> EventValues:
    """An event as `store` takes it; `seq_no` is None where its own is another event's."""
    at: datetime = session.believable(fact.at, fact.received_at)
    return (
        fact.charger_id,
        fit(fact.transaction_id),
        seq_no,
        str(fact.report),
        to_microseconds(at),
        fact.connector,
        None if fact.id_tag is None else fit(normal_id_tag(fact.id_tag)),
        authorization,
        fit(fact.status),
        fit(fact.reason),
        fact.is_offline,
        fit_json(fact.raw),
        to_microseconds(fact.received_at),
    )


def store(rows: Sequence[EventValues]) -> None:
    """Store events. One that is stored already breaks the batch: who writes it at the same time is seen in the next."""
    _INSERT.execute(rows)


def of_transaction(charger_id: int, transaction_id: str) -> Any:
    """The query for a transaction's events."""
    return TransactionEvent.select().where(
        TransactionEvent.charger == charger_id, TransactionEvent.transaction_id == fit(transaction_id)
    )
