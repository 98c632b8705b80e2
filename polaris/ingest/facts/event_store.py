"""The store of transaction events (OCPP 2.x): each is kept once, with the whole payload."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from polaris.domain.cards import normal_id_tag
from polaris.domain.facts import SessionReported
from polaris.domain.instants import believable
from polaris.ingest.sanitize import fit, fit_json, fit_line
from polaris.models import Bulk, ChargingSession, RowQuery, TransactionEvent

# A duplicate, stored by another process at the same time, fails the batch; the retry finds it.
INSERT = Bulk.insert(TransactionEvent)


class _Numbered(NamedTuple):
    received_at: datetime
    seq_no: int


_NUMBERED = RowQuery(
    _Numbered,
    TransactionEvent,
    "SELECT {columns} FROM transaction_event"
    " WHERE charger_id = {param} AND seq_no IS NOT NULL AND transaction_id IN ({marks})",
)


class Numbered(NamedTuple):
    """A stored event with its number."""

    seq_no: int
    authorization: str
    payload: str


_FROM = RowQuery(
    Numbered,
    TransactionEvent,
    "SELECT {columns} FROM transaction_event WHERE seq_no >= {param}"
    " AND (charger_id, transaction_id) IN (VALUES {marks}) ORDER BY seq_no LIMIT 2",
)
_ANSWER = Bulk(
    TransactionEvent,
    ("authorization", "charger_id", "transaction_id", "seq_no"),
    sqlite=(
        'UPDATE transaction_event SET "authorization" = ? WHERE charger_id = ? AND transaction_id = ? AND seq_no = ?'
    ),
    postgresql=(
        'UPDATE transaction_event SET "authorization" = v."authorization" FROM {values}'
        " WHERE transaction_event.charger_id = v.charger_id AND transaction_event.transaction_id = v.transaction_id"
        " AND transaction_event.seq_no = v.seq_no"
    ),
)


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
        "status": fit_line(fact.status),
        "reason": fit_line(fact.reason),
        "is_offline": fact.is_offline,
        "payload": fit_json(fact.raw),
        "received_at": fact.received_at,
    }


def numbered_from(charger_id: int, transaction_id: str, seq_no: int) -> list[Numbered]:
    """Return a transaction's event of this number, if there is one, and the next, if there is one."""
    return _FROM.rows([(charger_id, fit(transaction_id))], seq_no)


def set_answer(charger_id: int, transaction_id: str, seq_no: int, authorization: str) -> None:
    """Store the answer about the card of an event, for its repetitions."""
    _ANSWER.execute(
        [
            {
                "authorization": authorization,
                "charger_id": charger_id,
                "transaction_id": fit(transaction_id),
                "seq_no": seq_no,
            }
        ]
    )


def of_transaction(charger_id: int, transaction_id: str) -> Any:
    """Return the query for a transaction's events."""
    return TransactionEvent.select().where(
        TransactionEvent.charger == charger_id, TransactionEvent.transaction_id == fit(transaction_id)
    )


def in_order(session: ChargingSession) -> list[TransactionEvent]:
    """Load a session's events in the charger's order; those without a number come last, as they arrived."""
    query = of_transaction(session.charger_id, session.transaction_id or "")
    return list(query.order_by(TransactionEvent.seq_no.is_null(), TransactionEvent.seq_no, TransactionEvent.id))


def seq_nos(session: ChargingSession) -> dict[datetime, int]:
    """Return the numbers of a session's events by the receipt of each; none in OCPP 1.6."""
    if session.transaction_id is None:
        return {}
    return dict(_NUMBERED.rows([session.transaction_id], session.charger_id))
