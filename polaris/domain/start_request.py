"""Rules of a driver's start: what prevents it, and how far one has come as its driver sees it.

A start is a command with the driver's account and the connector in its row: its own lifecycle is
`commands.lifecycle`, and nothing here changes its state.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from polaris.domain.commands import lifecycle
from polaris.domain.commands.lifecycle import Progress
from polaris.domain.enums import AccountStatus, CommandState, ConnectorStatus, StartEnd

COOLDOWN = timedelta(seconds=10)  # from the press; without it, a person could keep a charger busy with refused starts
# Past its deadline, for a start's fate still to be shown. Without it, the page would greet with last week's failure.
FATE_SHOWN = timedelta(minutes=10)

# A car may be plugged in first: Preparing, Finishing and, in OCPP 2.x, Occupied prevent nothing by themselves.
_BUSY = frozenset({ConnectorStatus.CHARGING, ConnectorStatus.SUSPENDED_EV, ConnectorStatus.SUSPENDED_EVSE})


class StartObstacle(StrEnum):
    """A cause that prevents a start; each has its own text and next step."""

    NOT_FOUND = "not_found"  # no such charger, or no such connector
    ACCOUNT_INACTIVE = "account_inactive"
    NO_CARD = "no_card"
    CHARGING = "charging"  # with this card
    STARTING = "starting"  # at another connector
    OFFLINE = "offline"
    OUT_OF_ORDER = "out_of_order"
    OUT_OF_SERVICE = "out_of_service"
    IN_USE = "in_use"
    RESERVED = "reserved"
    TOO_MANY = "too_many"  # commands that wait for the charger
    COOLING_DOWN = "cooling_down"


_BROKEN: dict[str, StartObstacle] = {
    ConnectorStatus.FAULTED: StartObstacle.OUT_OF_ORDER,
    ConnectorStatus.UNAVAILABLE: StartObstacle.OUT_OF_SERVICE,
}


@dataclass(frozen=True, slots=True)
class Bay:
    """A connector and the name of its charger, as a link to it needs them."""

    identity: str
    charger_name: str
    connector: int


@dataclass(frozen=True, slots=True)
class Running:
    """A session that goes on, and the charger's name."""

    number: int
    charger_name: str


@dataclass(frozen=True, slots=True)
class OwnCard:
    """An active card of the driver, and the session that goes on with it."""

    id: int
    id_tag: str
    session: Running | None = None


@dataclass(frozen=True, slots=True)
class Driver:
    """The person who wants to start. `starting` is another connector at which a start of theirs is under way."""

    status: AccountStatus
    cards: tuple[OwnCard, ...]
    starting: Bay | None = None
    is_operator: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A connector as a start depends on it. `session` is the driver's own that goes on there."""

    is_allowed: bool  # the charger is not blocked
    is_online: bool
    status: str
    session: int | None = None
    is_taken: bool = False  # by a session, or by a start that is under way, of somebody else
    reserved_for: frozenset[str] = frozenset()  # id tags


@dataclass(frozen=True, slots=True)
class Obstacle:
    """The cause that prevents a start, and the session or the start that is in the way, if it is the driver's own."""

    kind: StartObstacle
    session: Running | None = None
    starting: Bay | None = None


class StartPhase(StrEnum):
    """The progress of a driver's start; each phase has its own text."""

    READY = "ready"
    SENT = "sent"
    PLUG_IN = "plug_in"
    TAKEN = "taken"  # accepted, and then somebody else has begun a session there
    GIVEN_UP = "given_up"
    CARD_BLOCKED = "card_blocked"
    ACCOUNT_INACTIVE = "account_inactive"
    CHARGING = "charging"
    LATE = "late"  # the session began after the start's time
    ENDED = "ended"  # it began, and is over
    FAILED = "failed"
    UNKNOWN = "unknown"  # the connection broke before the charger answered
    UNSENT = "unsent"  # the charger was never asked
    UNSUITED = "unsuited"  # the charger's version of OCPP cannot start with this card
    OFFLINE = "offline"
    NOT_PLUGGED_IN = "not_plugged_in"


@dataclass(frozen=True, slots=True)
class StartProgress:
    """A driver's newest start at a connector, with the session that began of it."""

    command: Progress
    requested_at: datetime
    is_sent: bool
    is_answered: bool
    session: int | None = None
    is_session_active: bool = False
    is_late: bool = False
    end: StartEnd | None = None  # that it has come to before its time
    is_repeated: bool = False  # the one before it failed, too


_PHASES = {
    CommandState.REQUESTED: StartPhase.SENT,
    CommandState.SENT: StartPhase.SENT,
    CommandState.OFFLINE: StartPhase.OFFLINE,
    CommandState.UNKNOWN: StartPhase.UNKNOWN,
}
_ENDS = {
    StartEnd.OVERTAKEN: StartPhase.TAKEN,
    StartEnd.GIVEN_UP: StartPhase.GIVEN_UP,
    StartEnd.CARD_BLOCKED: StartPhase.CARD_BLOCKED,
    StartEnd.ACCOUNT_INACTIVE: StartPhase.ACCOUNT_INACTIVE,
}
PENDING = frozenset({StartPhase.SENT, StartPhase.PLUG_IN})
FAILED = frozenset(
    {
        StartPhase.TAKEN,
        StartPhase.CARD_BLOCKED,
        StartPhase.ACCOUNT_INACTIVE,
        StartPhase.FAILED,
        StartPhase.UNKNOWN,
        StartPhase.UNSENT,
        StartPhase.UNSUITED,
        StartPhase.OFFLINE,
        StartPhase.NOT_PLUGGED_IN,
    }
)


def obstacle(driver: Driver, place: Place, card: OwnCard | None) -> Obstacle | None:
    """Return what prevents a driver's start with a card, the first thing that they can do something about."""
    if driver.status is not AccountStatus.ACTIVE:
        return Obstacle(StartObstacle.ACCOUNT_INACTIVE)
    if card is None:
        return Obstacle(StartObstacle.NO_CARD)
    if card.session is not None:
        return Obstacle(StartObstacle.CHARGING, session=card.session)
    if driver.starting is not None:
        return Obstacle(StartObstacle.STARTING, starting=driver.starting)
    kind = _of_place(place, card)
    return None if kind is None else Obstacle(kind)


def _of_place(place: Place, card: OwnCard) -> StartObstacle | None:
    if not place.is_allowed:
        return StartObstacle.OUT_OF_SERVICE
    if not place.is_online:
        return StartObstacle.OFFLINE
    if place.status in _BROKEN:
        return _BROKEN[place.status]
    if place.is_taken or place.status in _BUSY:
        return StartObstacle.IN_USE
    if place.status == ConnectorStatus.RESERVED and card.id_tag not in place.reserved_for:
        return StartObstacle.RESERVED
    return None


def proposed(driver: Driver, place: Place) -> OwnCard | None:
    """Return the card that a start is proposed with: the first with which nothing prevents it, or the least does."""
    by_obstacle = sorted(driver.cards, key=lambda card: (obstacle(driver, place, card) is not None, bool(card.session)))
    return next(iter(by_obstacle), None)


def phase(start: StartProgress | None, place: Place, now: datetime) -> StartPhase:
    """Return how far a driver's newest start at a connector has come."""
    if start is not None and start.session is not None and start.is_session_active:
        return StartPhase.LATE if start.is_late else StartPhase.CHARGING
    if place.session is not None:
        return StartPhase.CHARGING  # the driver's card was tapped there
    if start is None or now >= start.command.deadline_at + FATE_SHOWN:
        return StartPhase.READY
    if start.session is not None:
        return StartPhase.ENDED
    return of_command(start, now)


def of_command(start: StartProgress, now: datetime) -> StartPhase:
    """Return how far a start has come that has no session."""
    if start.end is not None:
        return _ENDS[start.end]
    state = lifecycle.effective(start.command, now)
    if state is CommandState.PROMISED:
        return StartPhase.PLUG_IN
    if state in _PHASES:
        return _PHASES[state]
    if not start.is_sent:
        return StartPhase.UNSUITED if state is CommandState.REJECTED else StartPhase.UNSENT
    is_promise = state is CommandState.TIMED_OUT and start.is_answered
    return StartPhase.NOT_PLUGGED_IN if is_promise else StartPhase.FAILED


def is_under_way(start: StartProgress | None, now: datetime) -> bool:
    """Return whether a start still has its time: another press is the same start."""
    return start is not None and start.end is None and lifecycle.effective(start.command, now) in lifecycle.OPEN


def left(start: StartProgress | None, now: datetime) -> timedelta:
    """Return how much time is left for the car to be plugged in."""
    return max(timedelta(0), start.command.deadline_at - now) if start is not None else timedelta(0)


def cooldown_left(start: StartProgress | None, now: datetime) -> timedelta:
    """Return how long until a driver may ask again; zero if they may now."""
    if start is None or start.session is not None or is_under_way(start, now):
        return timedelta(0)
    return max(timedelta(0), start.requested_at + COOLDOWN - now)


def changes_at(start: StartProgress | None, lease_until_at: datetime | None, now: datetime) -> datetime | None:
    """Return the next instant at which time alone changes the page: of the start, or the end of the charger's lease."""
    instants = [] if lease_until_at is None else [lease_until_at]
    if start is not None:
        deadline_at = start.command.deadline_at
        instants += [lifecycle.runs_out_at(start.command), deadline_at + FATE_SHOWN, start.requested_at + COOLDOWN]
    return min((instant for instant in instants if instant > now), default=None)
