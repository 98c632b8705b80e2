"""Enums for states, events and outcomes. OCPP's own values keep OCPP's spelling."""

from enum import StrEnum


class Role(StrEnum):
    DRIVER = "driver"
    OPERATOR = "operator"


class AccountStatus(StrEnum):
    ACTIVE = "active"
    STOPPED = "stopped"
    SUSPENDED = "suspended"


class ChargerStatus(StrEnum):
    """Whether a charger may connect."""

    ACTIVE = "active"
    BLOCKED = "blocked"
    RETIRED = "retired"  # for good: only its history is left


class Alarm(StrEnum):
    """A matter that an operator should look at, as the topic of a notice of the charger."""

    TWO_CONNECTIONS = "Alarm two connections"
    WRONG_KEYS = "Alarm wrong keys"
    VOLUME = "Alarm volume"
    TOO_LONG = "Alarm too long"
    CONNECTORS = "Alarm connectors"
    UNPROCESSABLE = "Alarm unprocessable"


class EndedBy(StrEnum):
    """The cause of the end of a charger's connection, as far as Polaris can tell."""

    CHARGER = "charger"  # the charger or the network
    PINGS = "pings"  # Polaris, because the charger answered no pings
    POLARIS = "polaris"  # the bridge ended


class CardStatus(StrEnum):
    """A card as its owner and the operator see it."""

    ACTIVE = "active"
    BLOCKED = "blocked"


class Authorization(StrEnum):
    """The answer to a charger about a card (OCPP 1.6 §7.2, AuthorizationStatus)."""

    ACCEPTED = "Accepted"
    BLOCKED = "Blocked"
    EXPIRED = "Expired"
    INVALID = "Invalid"
    CONCURRENT_TX = "ConcurrentTx"


class ConnectorStatus(StrEnum):
    """A connector's state (OCPP 1.6 §7.7, ChargePointStatus), with the additions of OCPP 2.x.

    There a connector is only Occupied; whether it charges is the transaction's state (ChargingStateEnumType).
    """

    AVAILABLE = "Available"
    PREPARING = "Preparing"
    CHARGING = "Charging"
    SUSPENDED_EVSE = "SuspendedEVSE"
    SUSPENDED_EV = "SuspendedEV"
    FINISHING = "Finishing"
    RESERVED = "Reserved"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"
    OCCUPIED = "Occupied"
    EV_CONNECTED = "EVConnected"
    IDLE = "Idle"


class SessionState(StrEnum):
    ACTIVE = "active"
    COMPLETED = "completed"
    ESTIMATED = "estimated"  # closed without the charger's end; a late end replaces the figures


class SetAside(StrEnum):
    """Why a reading is kept, but not counted."""

    TOO_MUCH = "too_much"  # more than the connector can deliver in the time
    CONTRADICTED = "contradicted"  # it does not fit the readings before and after it
    OTHER_REGISTER = "other_register"  # it counts from elsewhere than the readings that are used
    UNREADABLE = "unreadable"  # it has no number or no unit that is known
    POWER = "power"  # its energy counts, but not its power: more than the connector can deliver
    UNNAMED = "unnamed"  # it names no session and does not continue this one's register


def is_counted(set_aside: str) -> bool:
    """Whether a reading's energy counts: nothing of it is set aside, or its power alone."""
    return set_aside in ("", SetAside.POWER)


class Correction(StrEnum):
    """The cause of a change to the energy of an ended session."""

    LATE_END = "late_end"  # the charger's own end took the place of an estimate
    LATE_READINGS = "late_readings"
    RECOMPUTED = "recomputed"
    SET = "set"  # by an operator


class StopState(StrEnum):
    REQUESTED = "requested"
    SENT = "sent"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    REJECTED = "rejected"
    FAILED = "failed"
    OFFLINE = "offline"
    TIMED_OUT = "timed_out"  # not answered within the deadline
    UNKNOWN = "unknown"  # the connection broke before the charger answered
    OVERDUE = "overdue"  # accepted twice, without an end of the session


class CommandState(StrEnum):
    DRAFTED = "drafted"  # a dry run: its frame is being made
    PREVIEWED = "previewed"  # a dry run whose frame is known; only a person's press sends it
    REQUESTED = "requested"
    SENT = "sent"
    PROMISED = "promised"  # accepted, but not begun yet
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    ERROR = "error"
    OFFLINE = "offline"
    TIMED_OUT = "timed_out"  # not sent, not answered or not begun within the deadline
    UNKNOWN = "unknown"  # the connection or the bridge broke before the charger answered


class StartEnd(StrEnum):
    """Why a driver's start is over before its time. It is kept as the command's status, in the charger's place."""

    OVERTAKEN = "Overtaken"  # by somebody else's session
    GIVEN_UP = "GivenUp"
    CARD_BLOCKED = "CardBlocked"
    ACCOUNT_INACTIVE = "AccountInactive"


class RequestEvent(StrEnum):
    """An event that may change the state of a stop request or a command."""

    CLAIMED = "claimed"
    PREVIEWED = "previewed"  # the frame of a dry run was made, and not sent
    RELEASED = "released"  # a person has sent a dry run
    ACCEPTED = "accepted"
    PROMISED = "promised"
    FULFILLED = "fulfilled"  # the promised action has begun
    WITHDRAWN = "withdrawn"  # a driver's start is over before its time: `StartEnd` says why
    REJECTED = "rejected"
    NOT_SENT = "not_sent"  # the charger's version has no such message, or it would interrupt what nobody agreed to
    ERROR = "error"
    NO_RECEIVER = "no_receiver"
    PUBLISH_FAILED = "publish_failed"  # Redis did not answer
    NO_ANSWER = "no_answer"
    DISCONNECTED = "disconnected"
    DEADLINE = "deadline"
    SESSION_ENDED = "session_ended"
