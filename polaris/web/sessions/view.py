"""What a session's page says: the state table of the product, as a function of stored values and `now`.

The templates print what stands here and decide nothing. `changes_at` is the next instant at which time alone will
change it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from polaris.domain import stop_request
from polaris.domain.data_quality import Note
from polaris.domain.enums import ConnectorStatus, SessionState, StopState
from polaris.domain.stop_request import StopRequest
from polaris.domain.tariff import Money

ADVICE_AFTER = 2  # failures in a row
MINUTE = timedelta(minutes=1)


class StopPhase(StrEnum):
    """Where the stop of an active session stands; each has its own words."""

    READY = "ready"
    SENT = "sent"
    ACCEPTED = "accepted"
    ASKED_AGAIN = "asked_again"
    FAILED = "failed"
    OFFLINE = "offline"
    OVERDUE = "overdue"
    UNPLUG = "unplug"  # it was obeyed: charging has stopped, and the session ends when the car is unplugged


_PHASE = {
    StopState.REQUESTED: StopPhase.SENT,
    StopState.SENT: StopPhase.SENT,
    StopState.ACCEPTED: StopPhase.ACCEPTED,
    StopState.OFFLINE: StopPhase.OFFLINE,
    StopState.OVERDUE: StopPhase.OVERDUE,
    StopState.REJECTED: StopPhase.FAILED,
    StopState.FAILED: StopPhase.FAILED,
    StopState.TIMED_OUT: StopPhase.FAILED,
    StopState.UNKNOWN: StopPhase.FAILED,
    StopState.COMPLETED: StopPhase.READY,
}
_PENDING = frozenset({StopPhase.SENT, StopPhase.ACCEPTED, StopPhase.ASKED_AGAIN})
_OBEYED = frozenset({StopState.ACCEPTED, StopState.OVERDUE})
_PAUSES = frozenset({ConnectorStatus.SUSPENDED_EV, ConnectorStatus.SUSPENDED_EVSE})


class Point(Struct, frozen=True, gc=False):
    """One reading of the timeline or the curve. `at` is the charger's time."""

    at: datetime
    energy_wh: int | None
    power_w: int | None
    soc_percent: int | None = None
    is_final: bool = False


class Stop(Struct, frozen=True):
    """The stop control. `wait_s` counts down to the button's return; `needs_advice` after failures in a row."""

    phase: StopPhase
    wait_s: int = 0
    needs_advice: bool = False

    @property
    def is_pending(self) -> bool:
        return self.phase in _PENDING

    @property
    def can_press(self) -> bool:
        return not self.is_pending and self.wait_s == 0 and self.phase is not StopPhase.UNPLUG


class _Stated:
    """What follows from a session's state, wherever it is said."""

    __slots__ = ()
    state: SessionState

    @property
    def is_active(self) -> bool:
        return self.state is SessionState.ACTIVE

    @property
    def is_estimated(self) -> bool:
        return self.state is SessionState.ESTIMATED


class Headline(_Stated, Struct, frozen=True):
    """What the header of a session's page says. Its revision stands apart: the header stays while readings come."""

    number: int
    state: SessionState
    charger_name: str
    started_at: datetime
    ended_at: datetime | None
    revision: int = 0


class StopControl(Struct, frozen=True):
    """What the stop control of a session says, in the same way."""

    number: int
    is_active: bool
    stop: Stop
    revision: int = 0


class SessionView(_Stated, Struct, frozen=True):
    """The one argument of every fragment of a session. Instants are UTC, `elapsed_s` and `silent_s` whole seconds."""

    number: int
    revision: int
    state: SessionState
    charger_name: str
    connector: int
    started_at: datetime
    ended_at: datetime | None
    elapsed_s: int
    energy_wh: int
    power_w: int | None
    average_power_w: int | None
    soc_percent: int | None
    cost: Money | None
    stop_reason: str
    paused_by: str  # SuspendedEV, SuspendedEVSE or ""
    is_awaiting_end: bool  # the charger restarted or freed the connector, and its final reading is still to come
    is_online: bool
    is_stale: bool
    last_reading_at: datetime | None
    silent_s: int
    stop: Stop
    timeline: tuple[Point, ...]  # newest first, at most 20
    has_more_readings: bool
    curve: tuple[Point, ...]  # oldest first, at most 200
    changes_at: datetime | None
    notes: tuple[Note, ...] = ()  # on the quality of the figures

    @property
    def headline(self) -> Headline:
        return Headline(self.number, self.state, self.charger_name, self.started_at, self.ended_at)

    @property
    def stop_control(self) -> StopControl:
        return StopControl(self.number, self.is_active, self.stop)

    @property
    def is_paused(self) -> bool:
        return self.paused_by != ""


def stop_control(requests: Sequence[StopRequest], now: datetime, connector_status: str = "") -> Stop:
    """The stop control of an active session, from its requests, newest first, and the state of its connector.

    A charger of OCPP 2.x may end a transaction only when the car is unplugged (TxStopPoint EVConnected, F03.FR.02).
    """
    if not requests:
        return Stop(StopPhase.READY)
    latest = stop_request.effective(requests[0], now)
    if latest.state in _OBEYED and connector_status == ConnectorStatus.EV_CONNECTED:
        return Stop(StopPhase.UNPLUG)
    phase = _PHASE[latest.state]
    if phase in _PENDING and (latest.attempts > 1 or stop_request.is_retried(latest, now)):
        phase = StopPhase.ASKED_AGAIN
    left = stop_request.cooldown_left(requests[0], now)
    return Stop(
        phase,
        wait_s=-int(-left.total_seconds() // 1),
        needs_advice=stop_request.failures_in_a_row(requests, now) >= ADVICE_AFTER,
    )


def changes_at(
    requests: Sequence[StopRequest], last_heard_at: datetime, stale_after: timedelta, now: datetime
) -> datetime:
    """The next instant at which time alone changes an active session's page.

    A deadline, a cooldown's end, the first moment of silence, and each minute of it after that.
    """
    stale_at = last_heard_at + stale_after
    changes = [stale_at if now < stale_at else now + MINUTE - (now - last_heard_at) % MINUTE]
    stop_at = stop_changes_at(requests, now)
    return min(changes if stop_at is None else [*changes, stop_at])


def stop_changes_at(requests: Sequence[StopRequest], now: datetime) -> datetime | None:
    """The next instant at which time alone changes the stop control; None where it changes nothing."""
    if not requests:
        return None
    latest = requests[0]
    instants = [now + stop_request.cooldown_left(latest, now)]
    if latest.state in stop_request.OPEN:
        instants += [latest.deadline_at, latest.deadline_at + stop_request.RETRY_WITHIN]
    return min((instant for instant in instants if instant > now), default=None)


def paused_by(connector_status: str) -> str:
    """Which side paused: SuspendedEV, SuspendedEVSE, or "" where neither did."""
    return connector_status if connector_status in _PAUSES else ""


def average_power_w(energy_wh: int, duration_s: int) -> int | None:
    """Average power in W; None for a session without duration."""
    return round(energy_wh * 3600 / duration_s) if duration_s > 0 else None


class SessionRow(_Stated, Struct, frozen=True):
    """A session as a line of a list: the argument of the row fragment."""

    number: int
    revision: int
    state: SessionState
    charger_name: str
    started_at: datetime
    ended_at: datetime | None
    elapsed_s: int
    energy_wh: int
    power_w: int | None
    cost: Money | None
    is_online: bool
    driver: str  # the owner's e-mail address, for operators; "" where nobody owns it


class RunningSession(Struct, frozen=True):
    """An active session on its charger's page: its line, and the argument of the stop control beneath."""

    row: SessionRow
    connector: int
    stop: Stop
    changes_at: datetime | None  # when time alone will change the stop control

    @property
    def number(self) -> int:
        return self.row.number

    @property
    def revision(self) -> int:
        return self.row.revision

    @property
    def is_active(self) -> bool:
        return self.row.is_active
