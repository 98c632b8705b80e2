"""The queries of a charger's page: from stored rows and the OCPP log to its view objects. Nothing is written.

The first rendering of the page, every push and every reconnect read through here, so that they cannot differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from peewee import JOIN

from polaris.domain import meter_keys
from polaris.domain.clock import off_text
from polaris.domain.connectors import NO_ERROR
from polaris.domain.enums import Alarm, ConnectorStatus
from polaris.domain.limits import ALARM_AGE, DEFAULT_MAX_POWER_W
from polaris.ingest import behaviour
from polaris.ingest import settings as settings_
from polaris.models import (
    Bridge,
    Charger,
    ChargerNotice,
    ChargingSession,
    Connector,
    Site,
    blocking,
    from_microseconds,
    is_held,
    run_blocking,
    to_microseconds,
)
from polaris.ocpp_log.exchange import Exchange, exchanges
from polaris.ocpp_log.tail import Tail, Tails, Unavailable
from polaris.web.chargers import settings_list
from polaris.web.chargers.settings_list import SettingsList
from polaris.web.sessions import queries as session_queries
from polaris.web.sessions.view import RunningSession, SessionRow

MESSAGE_ROWS = 20
MAX_CONNECTORS = 100  # without it, a charger that reports thousands would make its page unusable
# Between a charger's last contact and its newest line, both written with some delay. Without it, the log would seem
# to be behind most of the time.
LOG_TOLERANCE = timedelta(minutes=1)

_STYLED = (ConnectorStatus.AVAILABLE, ConnectorStatus.CHARGING, ConnectorStatus.UNAVAILABLE)


class LogCoverage(StrEnum):
    """How far this machine's OCPP log covers a charger."""

    HERE = "here"
    BEHIND = "behind"  # the charger's last contact is later than the newest line
    ELSEWHERE = "elsewhere"  # there is no line although there was contact, or no log at all


@dataclass(frozen=True, slots=True)
class ConnectorLine:
    """A connector with the status that its charger last reported; number 0 is the charger itself."""

    number: int
    status: str
    error_code: str  # "" for none
    info: str
    changed_at: datetime
    max_power_w: int | None  # as the charger reported it

    @property
    def is_faulted(self) -> bool:
        return self.status == ConnectorStatus.FAULTED or self.error_code != ""

    @property
    def is_charger_in_service(self) -> bool:
        """Whether this is the charger itself, which is "available" as a whole and not free."""
        return self.number == 0 and self.status == ConnectorStatus.AVAILABLE

    @property
    def display_status(self) -> str:
        """The state by which the connector is styled."""
        if self.is_faulted:
            return "faulted"
        return self.status.lower() if self.status in _STYLED else "other"


@dataclass(frozen=True, slots=True)
class RaisedAlarm:
    """An alarm, and when it was raised last."""

    alarm: Alarm
    at: datetime


@dataclass(frozen=True, slots=True)
class Messages:
    """A charger's newest messages, newest first. `searched_from` is how far back the log was searched for more."""

    log: LogCoverage
    newest: tuple[Exchange, ...] = ()
    searched_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChargerView:
    """A charger as its page shows it: the argument of every fragment. Its messages are read separately."""

    id: int
    identity: str
    name: str
    site: str
    status: str
    alarms: tuple[RaisedAlarm, ...]
    is_online: bool
    last_contact_at: datetime | None
    booted_at: datetime | None
    protocol: str
    vendor: str
    model: str
    serial: str
    firmware: str
    meter_keys: tuple[str, ...]  # fingerprints
    max_power_w: int | None  # of each connector, as an operator set it
    clock_offset_s: int  # how far its clock is ahead, as it was last heard
    is_pinged: bool
    unanswered_pings: int  # times in a row that it was disconnected for them
    connectors: tuple[ConnectorLine, ...]
    running: tuple[RunningSession, ...]
    past: tuple[SessionRow, ...]
    has_older: bool
    usual_end_s: int | None  # within which it nearly always ends a session once it has accepted; None if unknown
    changes_at: datetime | None  # when time alone will change it

    @property
    def clock_off(self) -> str:
        return off_text(self.clock_offset_s)

    @property
    def is_faulted(self) -> bool:
        return any(connector.is_faulted for connector in self.connectors)

    @property
    def is_power_reported(self) -> bool:
        """Whether the charger has reported the greatest power of each of its connectors."""
        numbered = [connector for connector in self.connectors if connector.number]
        return bool(numbered) and all(connector.max_power_w for connector in numbered)

    @property
    def assumed_power_w(self) -> int:
        return DEFAULT_MAX_POWER_W


@blocking
def charger_id(identity: str) -> int | None:
    """Look a charger up by its identity; return its id, or None if there is none."""
    charger = Charger.select(Charger.id).where(Charger.identity == identity.replace("\0", "")).first()
    return None if charger is None else int(charger.id)


@blocking
def charger_view(charger_id: int, now: datetime, *, before: int | None = None) -> ChargerView | None:
    """Read what a charger's page shows at `now`, with its newest past sessions or those below `before`."""
    query = Charger.select(Charger, Bridge, Site).join_from(Charger, Bridge, JOIN.LEFT_OUTER).join_from(Charger, Site)
    charger = query.where(Charger.id == charger_id).first()
    if charger is None:
        return None
    past = session_queries.past_sessions(charger_id, now, before=before)
    running = session_queries.running_sessions(ChargingSession.charger == charger_id, now)
    lease_until_at = charger.bridge and charger.bridge.lease_until_at
    is_online = is_held(charger.connection_id, lease_until_at, now)
    instants = [lease_until_at if is_online else None, *[session.changes_at for session in running]]
    return ChargerView(
        id=charger.id,
        identity=charger.identity,
        name=charger.name,
        site=charger.site.name,
        status=charger.status,
        alarms=_alarms(charger_id, now),
        is_online=is_online,
        last_contact_at=charger.last_contact_at,
        booted_at=charger.booted_at,
        protocol=charger.protocol,
        vendor=charger.vendor,
        model=charger.model,
        serial=charger.serial,
        firmware=charger.firmware,
        meter_keys=tuple(meter_keys.fingerprints(charger.meter_public_key)),
        max_power_w=charger.max_power_w,
        clock_offset_s=charger.clock_offset_s,
        is_pinged=charger.is_pinged,
        unanswered_pings=charger.unanswered_pings,
        connectors=_connectors(charger_id),
        running=running,
        past=tuple(past[: session_queries.LIST_ROWS]),
        has_older=len(past) > session_queries.LIST_ROWS,
        usual_end_s=behaviour.usual_end_s(charger_id, now),
        changes_at=min(filter(None, instants), default=None),
    )


def _alarms(charger_id: int, now: datetime) -> tuple[RaisedAlarm, ...]:
    query = ChargerNotice.select().where(
        ChargerNotice.charger == charger_id,
        ChargerNotice.topic.in_(list(Alarm)),
        ChargerNotice.received_at > now - ALARM_AGE,
    )
    return tuple(
        RaisedAlarm(Alarm(row.topic), row.received_at) for row in query.order_by(ChargerNotice.received_at.desc())
    )


def _connectors(charger_id: int) -> tuple[ConnectorLine, ...]:
    query = Connector.select().where(Connector.charger == charger_id).order_by(Connector.number).limit(MAX_CONNECTORS)
    return tuple(
        ConnectorLine(
            connector.number,
            connector.status,
            "" if connector.error_code == NO_ERROR else connector.error_code,
            connector.info,
            connector.changed_at,
            connector.max_power_w,
        )
        for connector in query
    )


@blocking
def settings(charger: ChargerView, search: str = "", start: int = 0) -> SettingsList:
    """Read a charger's settings, those that match a search."""
    waiting = settings_.waiting_for_restart(charger.id)
    return settings_list.listed(settings_.of(charger.identity), waiting, search, start)


@blocking
def settings_version(charger_id: int) -> str:
    """Return a text that is another one whenever a charger's settings may be."""
    return settings_.version(charger_id)


def messages(charger: ChargerView, tails: Tails) -> Messages:
    """Read a charger's newest messages, searching the log backwards from its last contact."""
    try:
        tail = newest_lines(charger.identity, charger.last_contact_at, tails)
    except Unavailable:
        return Messages(LogCoverage.ELSEWHERE)
    return Messages(
        coverage(tail, charger.last_contact_at),
        tuple(reversed(exchanges(tail.lines)[-MESSAGE_ROWS:])),
        None if tail.searched_from_us is None else from_microseconds(tail.searched_from_us),
    )


def newest_lines(identity: str, contact_at: datetime | None, tails: Tails) -> Tail:
    """Return the newest lines of a charger that was last heard of at an instant. Raise `Unavailable`."""
    until_us = None if contact_at is None else to_microseconds(contact_at + LOG_TOLERANCE)
    tail: Tail = run_blocking(tails.of, identity, until_us)
    return tail


def coverage(tail: Tail, contact_at: datetime | None) -> LogCoverage:
    """Tell how far the log covers a charger that was last heard of at an instant."""
    if contact_at is None or (tail.lines and from_microseconds(tail.lines[-1].at_us) >= contact_at - LOG_TOLERANCE):
        return LogCoverage.HERE
    return LogCoverage.BEHIND if tail.lines else LogCoverage.ELSEWHERE
