"""A charger's behaviour, read from its stored history: for its page, the command line and the drivers' stops.

Each query is bounded in number and age, and goes by an index. Nothing is summed up in advance, so nothing can be
outdated. A new device or firmware begins a new window.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from polaris.domain import behaviour, clock_drift, zones
from polaris.domain.absences import Absences, Connection, absences
from polaris.domain.behaviour import (
    COMMAND_FAILURES,
    MAX_CHANCE,
    MIN_SEEN,
    PERIOD,
    STOP_FAILURES,
    Asked,
    Cable,
    Quirk,
    Record,
    Worse,
)
from polaris.domain.clock_drift import Drift
from polaris.domain.commands.lifecycle import Progress
from polaris.domain.data_quality import Note
from polaris.domain.enums import CommandState, EndedBy
from polaris.ingest import behaviour_rows as rows
from polaris.models import EPOCH, Charger, is_held, to_microseconds

COMPARISONS = 2  # of a firmware with the one before: each may err as rarely as all together may


@dataclass(frozen=True, slots=True)
class Window:
    """The record of a charger while it was one device with one firmware, within the period that is looked back."""

    firmware: str  # "" if it reported none
    since_at: datetime
    is_whole: bool  # False if the firmware is older than the period
    stops: Record
    commands: Record


@dataclass(frozen=True, slots=True)
class Before:
    """The record with the firmware before on the same device, and by what the present one is worse, if it is."""

    window: Window
    worse_stops: Worse | None
    worse_commands: Worse | None


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A charger's behaviour. `sessions` is the number of sessions that were looked at for quirks."""

    charger_id: int
    identity: str
    name: str
    window: Window
    before: Before | None
    absences: Absences
    zone: str  # of the hours in `absences`
    clock: Drift
    sessions: int
    quirks: tuple[Quirk, ...]
    waiting_stops: int  # after which charging stopped, and the session ended only when the car was unplugged
    cards_needed: tuple[bool, ...]  # to get the cable after a stop
    is_pinged: bool

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been stored yet that any of it could follow from."""
        is_asked = self.window.stops.seen or self.window.commands.seen or self.waiting_stops
        return not (is_asked or self.before or self.sessions or self.absences.since_at)


@dataclass(frozen=True, slots=True)
class _Sent:
    """The stops and commands of a window."""

    stops: list[Asked]
    commands: list[Asked]


def of(charger_id: int, now: datetime) -> Behaviour | None:
    """Return what a charger is like; None if there is no such charger. The caller has a database connection."""
    charger = next(iter(rows.CHARGER.rows(None, charger_id)), None)
    if charger is None:
        return None
    present, former = _firmwares(charger_id, now)
    since_at = max(present.since_at, now - PERIOD)
    stops = _stops(charger_id, since_at, now)
    sent = _Sent(_asked(stops, now), _commands(charger_id, since_at, now, now))
    zone = zones.zone(charger.zone)
    sessions = rows.SESSIONS.rows(None, charger_id, to_microseconds(since_at))
    return Behaviour(
        charger_id=charger_id,
        identity=charger.identity,
        name=charger.name,
        window=_window(present, since_at, sent),
        before=None if former is None else _before(charger_id, former, present.since_at, sent, now),
        absences=absences(_connections(charger, now), since_at, now, zone),
        zone=str(zone),
        clock=clock_drift.drift(
            [row.to_domain() for row in rows.CLOCK.rows(None, charger_id, (since_at - EPOCH).days)]
        ),
        sessions=len(sessions),
        quirks=_quirks(sessions, zone) if len(sessions) >= MIN_SEEN else (),
        waiting_stops=sum(stop.waits_for_cable for stop in stops),
        cards_needed=tuple(_cards_needed(stops)),
        is_pinged=charger.is_pinged,
    )


def of_identity(identity: str, now: datetime) -> Behaviour | None:
    """Return what the charger of an identity is like; None if there is none."""
    charger = Charger.select(Charger.id).where(Charger.identity == identity.replace("\0", "")).first()
    return None if charger is None else of(charger.id, now)


def _before(charger_id: int, former: rows.FirmwareRow, until_at: datetime, sent: _Sent, now: datetime) -> Before | None:
    """Return the record of the firmware before; None if nothing was asked of it."""
    since_at = max(former.since_at, until_at - PERIOD)
    stops = _asked(_stops(charger_id, since_at, until_at), now)
    before = _Sent(stops, _commands(charger_id, since_at, until_at, now))
    if not (before.stops or before.commands):
        return None
    return Before(
        _window(former, since_at, before),
        behaviour.worse(sent.stops, before.stops, STOP_FAILURES, MAX_CHANCE / COMPARISONS),
        behaviour.worse(sent.commands, before.commands, COMMAND_FAILURES, MAX_CHANCE / COMPARISONS),
    )


def usual_end_s(charger_id: int, now: datetime) -> int | None:
    """Return within how many seconds a charger nearly always ends a session once it has accepted a stop.

    None if that was not seen often enough with its present firmware. The caller has a database connection.
    """
    present, _ = _firmwares(charger_id, now)
    stops = _asked(_stops(charger_id, max(present.since_at, now - PERIOD), now), now)
    return behaviour.delays(stop.end_s for stop in stops).usual_s


def cable(charger_id: int, now: datetime) -> Cable:
    """Return whether a charger holds the cable after a stop. The caller has a database connection."""
    present, _ = _firmwares(charger_id, now)
    return behaviour.cable(_cards_needed(_stops(charger_id, max(present.since_at, now - PERIOD), now)))


def _cards_needed(stops: Iterable[rows.StopRow]) -> list[bool]:
    return [stop.is_card_needed for stop in stops if stop.is_card_needed is not None]


def _firmwares(charger_id: int, now: datetime) -> tuple[rows.FirmwareRow, rows.FirmwareRow | None]:
    """Return the present firmware and the one before it, None if there is none, or if that was another device."""
    stored = rows.FIRMWARES.rows(None, charger_id)
    if not stored:
        return rows.FirmwareRow(EPOCH, "", "", "", ""), None
    present, *former = stored
    is_recent = present.since_at > now - PERIOD
    return present, former[0] if former and is_recent and former[0].device == present.device else None


def _window(firmware: rows.FirmwareRow, since_at: datetime, sent: _Sent) -> Window:
    is_whole = since_at == firmware.since_at
    return Window(firmware.firmware, since_at, is_whole, behaviour.record(sent.stops), behaviour.record(sent.commands))


def _stops(charger_id: int, since_at: datetime, until_at: datetime) -> list[rows.StopRow]:
    return rows.STOPS.rows(None, charger_id, to_microseconds(since_at), to_microseconds(until_at))


def _asked(stops: Iterable[rows.StopRow], now: datetime) -> list[Asked]:
    return [asked for stop in stops if (asked := behaviour.of_stop(stop.to_domain(), now)) is not None]


def _commands(charger_id: int, since_at: datetime, until_at: datetime, now: datetime) -> list[Asked]:
    sent = rows.COMMANDS.rows(None, charger_id, to_microseconds(since_at), to_microseconds(until_at))
    asked = (
        behaviour.of_command(Progress(CommandState(row.state), row.deadline_at), row.sent_at, row.answered_at, now)
        for row in sent
    )
    return [one for one in asked if one is not None]


def _connections(charger: rows.ChargerRow, now: datetime) -> list[Connection]:
    """Return a charger's connections. If its bridge has ended without a word, nobody knows whether it is gone, too."""
    past = [row.to_domain() for row in rows.CONNECTIONS.rows([charger.id])]
    if charger.connection_id is None or charger.connected_at is None:
        return past
    is_online = is_held(charger.connection_id, charger.lease_until_at, now)
    ended_at = None if is_online else charger.last_contact_at or charger.connected_at
    return [*past, Connection(charger.connected_at, ended_at, EndedBy.CHARGER if is_online else EndedBy.POLARIS)]


def _quirks(sessions: Iterable[rows.EndedRow], zone: tzinfo) -> tuple[Quirk, ...]:
    days = {session.number: session.started_at.astimezone(zone).date() for session in sessions}
    kinds = {note.value: note for note in Note}
    stored = rows.NOTES.rows(list(days))
    noted = [(kinds[row.kind], days[row.session_id]) for row in stored if row.kind in kinds]
    noted += [(Note.START_NEVER_CAME, days[session.number]) for session in sessions if session.is_start_inferred]
    return behaviour.quirks(noted)
