"""Events of OCPP 2.x, the many: updates that come in their turn and bring readings alone, kept and read together.

What says anything else (a card, a state, an end) or comes late goes the way of the few, `reports.reported`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from polaris.domain.facts import Fact, Report, SessionMetered, SessionReported
from polaris.ingest.facts import event_store
from polaris.ingest.sanitize import fit
from polaris.models import database

_SELECT = """
WITH told(charger_id, transaction_id) AS (VALUES {pairs})
SELECT s.charger_id, s.number, s.connector, s.connector_status, s.base_wh + s.before_wh + s.energy_wh, (
    SELECT MAX(e.seq_no) FROM transaction_event e
    WHERE e.charger_id = s.charger_id AND e.transaction_id = s.transaction_id)
FROM told JOIN charging_session s ON s.charger_id = told.charger_id AND s.transaction_id = told.transaction_id
WHERE s.state = 'active' AND NOT s.is_awaiting_end
"""


@dataclass(frozen=True, slots=True)
class _Open:
    """A session that goes on, as far as an event can change it."""

    number: int
    connector: int
    status: str
    has_register: bool
    last_seq_no: int


def store(batch: Sequence[Fact]) -> Sequence[Fact]:
    """Keep the plain updates of a batch; return the batch with the readings that they bring in their place."""
    found = _sessions([fact for fact in batch if isinstance(fact, SessionReported) and _may_be_plain(fact)])
    if not found:
        return batch
    plain = {index: fact for index, fact in enumerate(batch) if isinstance(fact, SessionReported)}
    plain = {
        i: fact for i, fact in plain.items() if _may_be_plain(fact) and _is_plain(fact, found.get(fact.charger_id))
    }
    event_store.store([event_store.values(fact, fact.seq_no) for fact in plain.values()])
    return [_metered(plain[i], found[fact.charger_id]) if i in plain else fact for i, fact in enumerate(batch)]


def _may_be_plain(fact: SessionReported) -> bool:
    is_whole = fact.transaction_id != "" and fact.seq_no is not None and bool(fact.readings)
    is_whole = is_whole and fact.remote_start_id is None
    return is_whole and fact.report is Report.UPDATED and fact.id_tag is None and not fact.is_offline


def _is_plain(fact: SessionReported, found: _Open | None) -> bool:
    return (
        found is not None
        and (fact.seq_no or 0) > found.last_seq_no
        and found.has_register
        and (fact.status == "" or fit(fact.status) == found.status)
        and (fact.connector == 0 or found.connector > 0)
    )


def _sessions(facts: Sequence[SessionReported]) -> dict[int, _Open]:
    """The open sessions that these events are of, by charger: a batch holds one fact of each at most."""
    if not facts:
        return {}
    pair = f"({database.param}, {database.param})"
    sql = _SELECT.format(pairs=", ".join([pair] * len(facts)))
    names = [value for fact in facts for value in (fact.charger_id, fit(fact.transaction_id))]
    return {
        charger_id: _Open(number, connector, status, wh > 0, -1 if last_seq_no is None else last_seq_no)
        for charger_id, number, connector, status, wh, last_seq_no in database.execute_sql(sql, names).fetchall()
    }


def _metered(fact: SessionReported, found: _Open) -> SessionMetered:
    return SessionMetered(
        charger_id=fact.charger_id,
        received_at=fact.received_at,
        raw=fact.raw,
        connector=found.connector,
        number=found.number,
        readings=fact.readings,
    )
