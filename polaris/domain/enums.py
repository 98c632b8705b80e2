"""The values that states, facts and outcomes are spelled with, in one place. OCPP's own values keep OCPP's spelling."""

from enum import StrEnum


class Role(StrEnum):
    DRIVER = "driver"
    OPERATOR = "operator"


class AccountStatus(StrEnum):
    ACTIVE = "active"
    STOPPED = "stopped"
    SUSPENDED = "suspended"


class CardStatus(StrEnum):
    """A card as its owner and the operator see it."""

    ACTIVE = "active"
    BLOCKED = "blocked"


class Authorization(StrEnum):
    """What a charger is told of a card (OCPP 1.6 §7.2, AuthorizationStatus)."""

    ACCEPTED = "Accepted"
    BLOCKED = "Blocked"
    EXPIRED = "Expired"
    INVALID = "Invalid"
    CONCURRENT_TX = "ConcurrentTx"


class ConnectorStatus(StrEnum):
    """A connector's state (OCPP 1.6 §7.7, ChargePointStatus), and what OCPP 2.x adds: its connectors are only occupied,
    and whether they charge is the transaction's own state (ChargingStateEnumType)."""

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
    ESTIMATED = "estimated"  # closed without the charger's own end; its figures are ours until that end comes


class StopState(StrEnum):
    REQUESTED = "requested"
    SENT = "sent"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    REJECTED = "rejected"
    FAILED = "failed"
    OFFLINE = "offline"
    TIMED_OUT = "timed_out"  # no answer within the deadline
    UNKNOWN = "unknown"  # the connection broke while the charger had the command
    OVERDUE = "overdue"  # accepted twice, and no end came


class CommandState(StrEnum):
    REQUESTED = "requested"
    SENT = "sent"
    PROMISED = "promised"  # accepted, and what was asked for has yet to begin
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    ERROR = "error"
    OFFLINE = "offline"
    TIMED_OUT = "timed_out"  # not sent, not answered or not begun within the deadline
    UNKNOWN = "unknown"  # the connection or the bridge went away while the charger had the command


class RequestEvent(StrEnum):
    """An event in the life of a stop request or of a command."""

    CLAIMED = "claimed"
    ACCEPTED = "accepted"
    PROMISED = "promised"
    FULFILLED = "fulfilled"  # what was promised has begun
    REJECTED = "rejected"
    NOT_SENT = "not_sent"  # the charger's version of OCPP cannot express it
    ERROR = "error"
    NO_RECEIVER = "no_receiver"
    PUBLISH_FAILED = "publish_failed"  # Redis does not answer
    NO_ANSWER = "no_answer"
    DISCONNECTED = "disconnected"
    DEADLINE = "deadline"
    SESSION_ENDED = "session_ended"
