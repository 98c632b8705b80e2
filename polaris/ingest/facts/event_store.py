"""The store of transaction events (OCPP 2.x): each is kept once, with the whole payload."""

from __future__ import annotations

from typing import Any

from polaris.domain.cards import normal_id_tag
from polaris.domain.facts import SessionReported
from polaris.domain.session import believable
from polaris.ingest.sanitize import fit, fit_json
from polaris.models import Bulk, TransactionEvent

# A duplicate, stored by another process at the same time, fails the batch; the retry finds it.
INSERT = Bulk.insert(TransactionEvent)


def values(fact: SessionReported, seq_no: int | None) -> dict[str, Any]:
    """Return an event's columns for `INSERT`; `seq_no` is None if another event has the fact's own."""
    return {
        "charger_id": fact.charger_id,
        "transaction_id": fit(fact.transaction_id),
        "seq_no": seq_no,
        "report": str(fact.report),
        "at": believable(fact.at, fact.received_at),
        "connector": fact.connector,
        "id_tag": None if fact.id_tag is None else fit(normal_id_tag(fact.id_tag)),
        "authorization": "",
        "status": fit(fact.status),
        "reason": fit(fact.reason),
        "is_offline": fact.is_offline,
        "payload": fit_json(fact.raw),
        "received_at": fact.received_at,
    }


def of_transaction(charger_id: int, transaction_id: str) -> Any:
    """Return the query for a transaction's events."""
    return TransactionEvent.select().where(
        TransactionEvent.charger == charger_id, TransactionEvent.transaction_id == fit(transaction_id)
    )
