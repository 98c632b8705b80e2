"""The facts that a run's steps are judged by: those that its charger has sent since the run began."""

from __future__ import annotations

from datetime import datetime

from peewee import fn

from polaris.domain.commissioning import MIN_READINGS, Fate, Seen, SeenSession
from polaris.domain.connectors import NO_ERROR
from polaris.domain.enums import Authorization, ChargerStatus, SessionState, StopState
from polaris.ingest import settings
from polaris.ingest.requests import command_history
from polaris.models import Charger, ChargingSession, Command, Connector, MeterReading, StopRequest

MAX_SESSIONS = 10  # the newest; a run needs one or two
MAX_CONNECTORS = 100
MAX_READINGS = 10 * MIN_READINGS  # counted
MAX_COMMANDS = 50  # the newest, among which a run's own are looked for


def seen(charger: Charger, began_at: datetime, now: datetime) -> Seen:
    """Read what a run that began then has seen of a charger, in the caller's transaction."""
    listed = settings.of(charger.identity)
    return Seen(
        status=ChargerStatus(charger.status),
        is_online=charger.is_online(now),
        heard_at=charger.last_contact_at,
        protocol=charger.protocol,
        security_profile=charger.security_profile,
        booted_at=charger.booted_at,
        clock_offset_s=charger.clock_offset_s,
        connectors=_connectors(charger.id),
        settings=listed.settings,
        settings_at=listed.reported_at,
        sessions=_sessions(charger.id, began_at),
        fates=_fates(charger.identity, began_at, now),
        last_command=Command.select(fn.MAX(Command.id)).where(Command.charger == charger).scalar() or 0,
    )


def _connectors(charger_id: int) -> tuple[tuple[int, str, str], ...]:
    query = Connector.select().where(Connector.charger == charger_id).order_by(Connector.number).limit(MAX_CONNECTORS)
    return tuple((row.number, row.status, "" if row.error_code == NO_ERROR else row.error_code) for row in query)


def _sessions(charger_id: int, began_at: datetime) -> tuple[SeenSession, ...]:
    newest = ChargingSession.select().where(ChargingSession.charger == charger_id)
    rows = newest.order_by(ChargingSession.number.desc()).limit(MAX_SESSIONS)
    return tuple(_session(row) for row in rows if row.start_received_at >= began_at)


def _session(row: ChargingSession) -> SeenSession:
    readings = MeterReading.select().where(MeterReading.session == row.number).limit(MAX_READINGS)
    stop = StopRequest.select().where(StopRequest.session == row.number).order_by(StopRequest.id.desc()).first()
    ended_at = row.end_received_at
    return SeenSession(
        number=row.number,
        connector=row.connector,
        readings=readings.count(),
        energy_wh=row.effective_wh,
        power_w=row.power_w,
        is_over=row.state != SessionState.ACTIVE,
        stop=None if stop is None else StopState(stop.state),
        stop_took_s=None if stop is None or ended_at is None else (ended_at - stop.requested_at).total_seconds(),
        has_card=row.id_tag != "",
        refusal=Authorization(row.authorization) if row.is_refused else None,
    )


def _fates(identity: str, began_at: datetime, now: datetime) -> dict[str, Fate]:
    """Return what became of the newest command of each kind since the run began."""
    newest = command_history.latest(identity, now, MAX_COMMANDS)
    asked = [command for command in newest if command.requested_at >= began_at and not command.is_dry_run]
    return {each.kind: Fate(each.state, each.sentence) for each in reversed(asked)}
