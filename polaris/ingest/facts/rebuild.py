"""The rebuild of a session from its stored events and readings after a late event arrives (OCPP 2.x).

The result is the state that the events would have given in order. Only a late event costs this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from polaris.domain import session as lifecycle
from polaris.domain.enums import ConnectorStatus, SessionState
from polaris.domain.facts import Report
from polaris.domain.metering import Reading
from polaris.domain.session import Decision
from polaris.ingest.facts import event_store, sessions
from polaris.ingest.facts.chargers import change
from polaris.models import ChargingSession, MeterReading, TransactionEvent
from polaris.pubsub import ChangeNotification


def rebuild(notifications: list[ChangeNotification], session: ChargingSession) -> None:
    """Rebuild a session. Its owner is the first card that its events name."""
    events = _events(session)
    rows = list(MeterReading.select().where(MeterReading.session == session).order_by(MeterReading.sampled_at))
    history = _History(session, events, rows)
    decision = history.replayed()
    _correct_energy(rows, decision)
    session.take(decision.session)
    session.meter_start_wh = history.base_wh
    session.is_start_inferred = history.start is None
    session.connector = next((event.connector for event in events if event.connector > 0), 0)
    session.tariff = sessions.tariff_in_force(session.charger_id, session.started_at)
    if session.state == SessionState.ACTIVE:
        _set_status(session, events)
    _set_owner(session, events)
    change(notifications, session, **sessions.changed_columns(session))


def _events(session: ChargingSession) -> list[TransactionEvent]:
    """Load the session's events in the charger's order; those without a number come last, as they arrived."""
    query = event_store.of_transaction(session.charger_id, session.transaction_id or "")
    return list(query.order_by(TransactionEvent.seq_no.is_null(), TransactionEvent.seq_no, TransactionEvent.id))


@dataclass
class _History:
    """A session with its events and readings, in order."""

    session: ChargingSession
    events: Sequence[TransactionEvent]
    rows: Sequence[MeterReading]

    @property
    def start(self) -> TransactionEvent | None:
        return next((event for event in self.events if event.report == Report.STARTED), None)

    @property
    def end(self) -> TransactionEvent | None:
        return next((event for event in self.events if event.report == Report.ENDED), None)

    @property
    def base_wh(self) -> int:
        """The register at the session's start: the first that was read."""
        return next((row.register_wh for row in self.rows if row.register_wh is not None), 0)

    def replayed(self) -> Decision:
        """Replay the readings, and the end if there is one, from the session's start."""
        ended_at = self.session.ended_at
        readings = [_reading(row) for row in self.rows if not row.is_final]
        before = [r for r in readings if ended_at is None or r.sampled_at <= ended_at]
        begun = lifecycle.begin(self._started_at(), self.session.start_received_at, self.base_wh)
        metered = lifecycle.meter(begun, before)
        if ended_at is None:
            return metered
        closed = self._closed(metered)
        late = lifecycle.meter(closed.session, [r for r in readings if r.sampled_at > ended_at])
        return replace(closed, rows=closed.rows + late.rows)

    def _started_at(self) -> datetime:
        first: datetime = self.events[0].at if self.start is None else self.start.at
        return first if self.start is not None else min([first, *(row.sampled_at for row in self.rows)])

    def _closed(self, metered: Decision) -> Decision:
        """Close the session with the charger's end or, if it was closed without one, as it was, with these figures."""
        if self.end is None or self.session.state != SessionState.COMPLETED:
            closed = replace(
                metered.session,
                state=SessionState(self.session.state),
                ended_at=self.session.ended_at,
                power_w=None,
                stop_reason=self.session.stop_reason,
            )
            return replace(metered, session=closed)
        ended = lifecycle.end(
            metered.session,
            at=self.end.at,
            received_at=self.end.received_at,
            meter_stop_wh=next((row.register_wh for row in self.rows if row.is_final), None),
            reason=self.end.reason,
        )
        return replace(ended, rows=metered.rows + ended.rows)


def _reading(row: MeterReading) -> Reading:
    return Reading(*(getattr(row, field) for field in Reading.__struct_fields__))


def _correct_energy(rows: Sequence[MeterReading], decision: Decision) -> None:
    """Update the readings whose delivered energy has changed."""
    replayed = {row.reading.sampled_at: row.energy_wh for row in decision.rows}
    for row in rows:
        energy_wh = replayed.get(row.sampled_at, row.energy_wh)
        if energy_wh is not None and energy_wh != row.energy_wh:
            MeterReading.update(energy_wh=energy_wh).where(MeterReading.id == row.id).execute()


def _set_status(session: ChargingSession, events: Sequence[TransactionEvent]) -> None:
    """Set the newest state. A power read before another state, or sent from the charger's memory, is outdated."""
    with_status = [event for event in events if event.status]
    if with_status:
        newest = with_status[-1]
        session.connector_status = newest.status
        is_newer = session.last_reading_at is None or newest.at > session.last_reading_at
        session.power_w = None if is_newer and newest.status != ConnectorStatus.CHARGING else session.power_w
    session.power_w = None if events[-1].is_offline else session.power_w


def _set_owner(session: ChargingSession, events: Sequence[TransactionEvent]) -> None:
    """Set the owner to the first card in the events. If there is no start, an end's card will do."""
    before_end = [event.id_tag for event in events if event.id_tag and event.report != Report.ENDED]
    at_end = [event.id_tag for event in events if event.id_tag and event.report == Report.ENDED]
    id_tags = before_end or (at_end if session.is_start_inferred else [])
    id_tag = id_tags[0] if id_tags else ""
    if id_tag == session.id_tag:
        return
    for name, value in sessions.owner_columns(id_tag, session.charger_id, session.connector).items():
        setattr(session, name, value)
