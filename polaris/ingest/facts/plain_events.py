"""Batch path for transaction events (OCPP 2.x): updates that arrive in order and carry nothing but readings.

Any other event (with a card, a state or an end, or out of order) falls back to the single-row path,
`transaction_events.reported`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from polaris.domain.enums import SessionState
from polaris.domain.facts import Fact, Report, SessionMetered, SessionReported
from polaris.ingest.facts import event_store, meter_batch
from polaris.ingest.facts.meter_batch import SessionKey
from polaris.ingest.sanitize import fit, fit_line
from polaris.models import ChargingSession, RowQuery


class _Open(NamedTuple):
    """An open session, as far as an event can change it, with the columns that `meter_batch` takes."""

    number: int
    charger_id: int
    account_id: int | None
    started_at: datetime
    meter: str
    energy_wh: int | None
    power_w: int | None
    soc_percent: int | None
    last_reading_at: datetime | None
    next_border_at: datetime | None
    over_at: datetime | None
    limit_id: int | None
    transaction_id: str | None
    connector: int
    connector_status: str
    last_seq_no: int
    is_usual: bool  # for `meter_batch`

    # Equal for all, so they are not loaded.
    state, ended_at, stop_reason = SessionState.ACTIVE, None, ""  # type: ignore[misc]  # class attributes, no columns


_OPEN = RowQuery(
    _Open,
    ChargingSession,
    "SELECT {columns} FROM charging_session"
    " WHERE state = 'active' AND NOT is_awaiting_end AND charger_id IN ({marks}) ORDER BY charger_id, connector",
    is_usual=meter_batch.IS_USUAL,
    last_seq_no=(
        "COALESCE((SELECT MAX(e.seq_no) FROM transaction_event e WHERE e.charger_id = charging_session.charger_id"
        " AND e.transaction_id = charging_session.transaction_id), -1)"
    ),
)


def store(batch: Sequence[Fact]) -> tuple[Sequence[Fact], dict[SessionKey, _Open]]:
    """Store the plain updates of a batch; return the batch with each of them replaced by its readings.

    Their sessions, as far as `meter_batch` takes them, are locked and returned as well.
    """
    candidates = {
        index: fact
        for index, fact in enumerate(batch)
        if isinstance(fact, SessionReported) and _has_only_readings(fact)
    }
    if not candidates:
        return batch, {}
    # By charger, of which few sessions are open: by transaction id the database would search all that it ever had.
    rows = _OPEN.rows([fact.charger_id for fact in candidates.values()], is_locking=True)
    sessions = {(row.charger_id, row.transaction_id): row for row in rows}
    events, facts = [], list(batch)
    loaded: dict[SessionKey, _Open] = {}
    for index, fact in candidates.items():
        session = sessions.get((fact.charger_id, fit(fact.transaction_id)))
        if session is not None and _is_plain(fact, session):
            events.append(event_store.values(fact, fact.seq_no))
            facts[index] = _metered(fact, session)
            if session.is_usual:
                loaded[session.charger_id, session.number] = session
    event_store.INSERT.execute(events)
    return facts, loaded


def _has_only_readings(fact: SessionReported) -> bool:
    return (
        fact.report is Report.UPDATED
        and fact.transaction_id != ""
        and fact.seq_no is not None
        and bool(fact.readings)
        and fact.id_tag is None
        and fact.remote_start_id is None
        and not fact.is_offline
    )


def _is_plain(fact: SessionReported, session: _Open) -> bool:
    return (
        (fact.seq_no or 0) > session.last_seq_no
        and fact.at is not None
        and session.started_at <= fact.at  # else of an earlier transaction with this id
        and (fact.status == "" or fit_line(fact.status) == session.connector_status)
        and (fact.connector == 0 or session.connector > 0)
    )


def _metered(fact: SessionReported, session: _Open) -> SessionMetered:
    return SessionMetered(
        charger_id=fact.charger_id,
        received_at=fact.received_at,
        raw=fact.raw,
        connector=session.connector,
        number=session.number,
        readings=fact.readings,
    )
