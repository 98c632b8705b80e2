"""What a charger's page shows: rows and the log of frames in, one view object out. It changes nothing.

The first rendering of the page, every push and every reconnect read through here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from peewee import JOIN

from polaris.domain.enums import ConnectorStatus
from polaris.models import Bridge, Charger, Connector, Site, blocking, run_blocking
from polaris.models.database import from_microseconds, to_microseconds
from polaris.ocpp_log.exchange import Exchange, exchanges
from polaris.ocpp_log.tail import Tail, Tails, Unavailable
from polaris.web.sessions import queries as session_queries
from polaris.web.sessions.rows import is_held
from polaris.web.sessions.view import RunningSession, SessionRow

MESSAGES = 20
CONNECTORS = 100
NO_ERROR = "NoError"  # OCPP 1.6 §7.6
SLACK = timedelta(minutes=1)  # between a charger's last contact and its last line: both are written a little later


class LogCoverage(StrEnum):
    """What the log of frames on this machine has of a charger."""

    HERE = "here"
    BEHIND = "behind"  # it was heard of after the newest line
    ELSEWHERE = "elsewhere"  # nothing of it is here, though it was heard of; or there is no log at all


@dataclass(frozen=True, slots=True)
class ConnectorLine:
    """A connector and what its charger last said of it; number 0 is the charger itself."""

    number: int
    status: str
    error_code: str  # "" for none
    info: str
    changed_at: datetime

    @property
    def is_faulted(self) -> bool:
        return self.status == ConnectorStatus.FAULTED or self.error_code != ""


@dataclass(frozen=True, slots=True)
class Messages:
    """A charger's newest messages, the newest first. `searched_from`: how far back more were looked for in vain."""

    log: LogCoverage
    newest: tuple[Exchange, ...] = ()
    searched_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChargerView:
    """A charger as its page shows it: the argument of every fragment of the page. Its messages stand beside it."""

    id: int
    identity: str
    name: str
    site: str
    is_online: bool
    last_contact_at: datetime | None
    booted_at: datetime | None
    protocol: str
    vendor: str
    model: str
    serial: str
    firmware: str
    connectors: tuple[ConnectorLine, ...]
    running: tuple[RunningSession, ...]
    past: tuple[SessionRow, ...]
    has_older: bool
    changes_at: datetime | None  # when time alone will change it

    @property
    def is_faulted(self) -> bool:
        return any(connector.is_faulted for connector in self.connectors)


@blocking
def charger_id(identity: str) -> int | None:
    """The id of the charger, None where there is none of that identity."""
    found = Charger.select(Charger.id).where(Charger.identity == identity.replace("\0", "")).first()
    return None if found is None else int(found.id)


@blocking
def read(charger_id: int, now: datetime, *, before: int | None = None) -> ChargerView | None:
    """What a charger's page shows at `now`; of its past sessions those below `before`."""
    query = Charger.select(Charger, Bridge, Site).join_from(Charger, Bridge, JOIN.LEFT_OUTER).join_from(Charger, Site)
    found = query.where(Charger.id == charger_id).first()
    if found is None:
        return None
    past = session_queries.past(charger_id, now, before=before)
    running = session_queries.running(charger_id, now)
    lease_until_at = found.bridge and found.bridge.lease_until_at
    is_online = is_held(found.connection_id, lease_until_at, now)
    return ChargerView(
        id=found.id,
        identity=found.identity,
        name=found.name,
        site=found.site.name,
        is_online=is_online,
        last_contact_at=found.last_contact_at,
        booted_at=found.booted_at,
        protocol=found.protocol,
        vendor=found.vendor,
        model=found.model,
        serial=found.serial,
        firmware=found.firmware,
        connectors=_connectors(charger_id),
        running=running,
        past=tuple(past[: session_queries.LIST]),
        has_older=len(past) > session_queries.LIST,
        changes_at=_first([lease_until_at if is_online else None, *[one.changes_at for one in running]]),
    )


def _connectors(charger_id: int) -> tuple[ConnectorLine, ...]:
    query = Connector.select().where(Connector.charger == charger_id).order_by(Connector.number).limit(CONNECTORS)
    return tuple(
        ConnectorLine(
            found.number,
            found.status,
            "" if found.error_code == NO_ERROR else found.error_code,
            found.info,
            found.changed_at,
        )
        for found in query
    )


def _first(instants: Iterable[datetime | None]) -> datetime | None:
    return min((instant for instant in instants if instant is not None), default=None)


def messages(page: ChargerView, tails: Tails) -> Messages:
    """The newest messages of the page's charger: looked for from where it was last heard of."""
    heard_at = page.last_contact_at
    until_us = None if heard_at is None else to_microseconds(heard_at + SLACK)
    try:
        tail: Tail = run_blocking(tails.of, page.identity, until_us)
    except Unavailable:
        return Messages(LogCoverage.ELSEWHERE)
    return Messages(
        _log(tail, heard_at),
        tuple(reversed(exchanges(tail.lines)[-MESSAGES:])),
        None if tail.searched_from_us is None else from_microseconds(tail.searched_from_us),
    )


def _log(tail: Tail, heard_at: datetime | None) -> LogCoverage:
    if heard_at is None or (tail.lines and from_microseconds(tail.lines[-1].at_us) >= heard_at - SLACK):
        return LogCoverage.HERE
    return LogCoverage.BEHIND if tail.lines else LogCoverage.ELSEWHERE
