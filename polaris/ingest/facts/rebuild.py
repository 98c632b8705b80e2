"""A session told again from all its events and readings, when one of them came late (OCPP 2.x): the same end state as
if each had come in its turn. Only a late event costs this, and no more than its own session holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from polaris.domain import session
from polaris.domain.enums import ConnectorStatus, SessionState
from polaris.domain.facts import Report
from polaris.domain.metering import Reading
from polaris.domain.session import Decision
from polaris.ingest.facts import event_store, sessions
from polaris.ingest.facts.chargers import change
from polaris.models import ChargingSession, MeterReading, TransactionEvent
from polaris.pubsub import ChangeNotification


def retell(notifications: list[ChangeNotification], found: ChargingSession) -> None:
    """Tell a session again; its owner is the first card that its events name."""
    told = _events(found)
    rows = list(MeterReading.select().where(MeterReading.session == found).order_by(MeterReading.sampled_at))
    story = _Story(found, told, rows)
    decision = story.told()
    _correct(rows, decision)
    found.take(decision.session)
    found.meter_start_wh = story.base_wh
    found.is_start_inferred = story.start is None
    found.connector = next((event.connector for event in told if event.connector > 0), 0)
    found.tariff = sessions.tariff(found.charger_id, found.started_at)
    if found.state == SessionState.ACTIVE:
        _show_status(found, told)
    _name_owner(found, told)
    change(notifications, found, **{field.name: getattr(found, field.name) for field in found.dirty_fields})


def _events(found: ChargingSession) -> list[TransactionEvent]:
    """The session's events in the charger's order; those without a number in the order of their coming, at the end."""
    mine = event_store.of_transaction(found.charger_id, found.transaction_id or "")
    return list(mine.order_by(TransactionEvent.seq_no.is_null(), TransactionEvent.seq_no, TransactionEvent.id))


@dataclass
class _Story:
    """What is known of a session: its events and readings, in order."""

    found: ChargingSession
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
        """The register that the session began at: the first that was read."""
        return next((row.register_wh for row in self.rows if row.register_wh is not None), 0)

    def told(self) -> Decision:
        ended_at = self.found.ended_at
        readings = [_reading(row) for row in self.rows if not row.is_final]
        before = [r for r in readings if ended_at is None or r.sampled_at <= ended_at]
        decision = session.meter(session.begin(self._started_at(), self.found.start_received_at, self.base_wh), before)
        if ended_at is None:
            return decision
        closed = self._closed(decision)
        late = session.meter(closed.session, [r for r in readings if r.sampled_at > ended_at])
        return replace(closed, rows=closed.rows + late.rows)

    def _started_at(self) -> datetime:
        first: datetime = self.events[0].at if self.start is None else self.start.at
        return first if self.start is not None else min([first, *(row.sampled_at for row in self.rows)])

    def _closed(self, metered: Decision) -> Decision:
        """The session as the charger ended it, or, where it was closed without that, with the figures known now."""
        if self.end is None or self.found.state != SessionState.COMPLETED:
            values = replace(
                metered.session,
                state=SessionState(self.found.state),
                ended_at=self.found.ended_at,
                power_w=None,
                stop_reason=self.found.stop_reason,
            )
            return replace(metered, session=values)
        ended = session.end(
            metered.session,
            at=self.end.at,
            received_at=self.end.received_at,
            meter_stop_wh=next((row.register_wh for row in self.rows if row.is_final), None),
            reason=self.end.reason,
        )
        return replace(ended, rows=metered.rows + ended.rows)


def _reading(row: MeterReading) -> Reading:
    return Reading(
        row.sampled_at,
        row.context,
        row.register_wh,
        row.power_w,
        row.soc_percent,
        row.interval_wh,
        row.signed_data,
    )


def _correct(rows: Sequence[MeterReading], decision: Decision) -> None:
    """Write what had been delivered by each reading, where it is another figure now."""
    told = {row.reading.sampled_at: row.energy_wh for row in decision.rows}
    for row in rows:
        energy_wh = told.get(row.sampled_at, row.energy_wh)
        if energy_wh is not None and energy_wh != row.energy_wh:
            MeterReading.update(energy_wh=energy_wh).where(MeterReading.id == row.id).execute()


def _show_status(found: ChargingSession, told: Sequence[TransactionEvent]) -> None:
    """The newest state; a power that was read before another state, or sent from memory, is not that of now."""
    said = [event for event in told if event.status]
    if said:
        found.connector_status = said[-1].status
        is_newer = found.last_reading_at is None or said[-1].at > found.last_reading_at
        found.power_w = None if is_newer and said[-1].status != ConnectorStatus.CHARGING else found.power_w
    found.power_w = None if told[-1].is_offline else found.power_w


def _name_owner(found: ChargingSession, told: Sequence[TransactionEvent]) -> None:
    """Give the session to the first card that its events name; who only ended it owns it where nobody else is named."""
    id_tags = {True: "", False: ""}  # by whether it only ended the session
    for event in reversed(told):
        id_tags[event.report == Report.ENDED] = event.id_tag or id_tags[event.report == Report.ENDED]
    id_tag = id_tags[False] or (id_tags[True] if found.is_start_inferred else "")
    if id_tag == found.id_tag:
        return
    for name, value in sessions.owner(id_tag).items():
        setattr(found, name, value)
