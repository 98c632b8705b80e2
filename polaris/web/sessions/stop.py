"""The progress of an active session's stop, as a function of its requests and `now`, and the control that shows it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from polaris.domain import stop_request
from polaris.domain.enums import ConnectorStatus, Role, StopState
from polaris.domain.stop_request import StopProgress
from polaris.domain.viewer import Viewer
from polaris.web.sessions.limit import LimitView

ADVICE_AFTER_FAILURES = 2  # in a row; the third attempt will hardly do better


class StopPhase(StrEnum):
    """The progress of an active session's stop; each phase has its own text."""

    READY = "ready"
    AT_LIMIT = "at_limit"  # its limit is reached, and the charger is asked as soon as it can be
    SENT = "sent"
    ACCEPTED = "accepted"
    ASKED_AGAIN = "asked_again"
    FAILED = "failed"
    UNSENT = "unsent"  # the charger was never asked
    OFFLINE = "offline"
    OVERDUE = "overdue"
    UNPLUG = "unplug"  # charging has stopped, and the session ends when the car is unplugged


class StopButton(StrEnum):
    """The form of the stop button. Only READY can be pressed."""

    PENDING = "pending"
    STOPPED = "stopped"
    REFUSED = "refused"  # the viewer's account may not stop sessions
    COOLDOWN = "cooldown"
    READY = "ready"


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
_PENDING = frozenset({StopPhase.AT_LIMIT, StopPhase.SENT, StopPhase.ACCEPTED, StopPhase.ASKED_AGAIN})
_FAILED = frozenset({StopPhase.FAILED, StopPhase.UNSENT, StopPhase.OFFLINE, StopPhase.OVERDUE})
_ACCEPTED = frozenset({StopState.ACCEPTED, StopState.OVERDUE})


class Stop(Struct, frozen=True):
    """The progress of a stop. `wait_s` counts down to the button's return; `needs_advice` after failures in a row.

    The charger usually ends a session within `usual_s` of accepting, if that is known of it.
    """

    phase: StopPhase
    wait_s: int = 0
    needs_advice: bool = False
    usual_s: int | None = None
    is_longer: bool = False  # than usual

    @property
    def is_pending(self) -> bool:
        return self.phase in _PENDING

    @property
    def can_press(self) -> bool:
        return not self.is_pending and self.wait_s == 0 and self.phase is not StopPhase.UNPLUG


class StopControl(Struct, frozen=True):
    """The stop control of a session as one viewer sees it, without a revision.

    Beside it, it is what the viewer can do about an energy that is not known: for an operator, if the connector's
    power is set too low, also while the session goes on.
    """

    number: int
    is_active: bool
    is_unknown: bool
    stop: Stop
    viewer: Viewer
    operator_contact: str
    outpaced_charger: str = ""  # the identity of the charger if its meter rises faster than it is known to deliver
    limit: LimitView | None = None
    is_at_limit: bool = False  # it has ended at its limit

    @property
    def phase(self) -> StopPhase:
        return self.stop.phase

    @property
    def wait_s(self) -> int:
        return self.stop.wait_s

    @property
    def usual_s(self) -> int | None:
        return self.stop.usual_s

    @property
    def is_longer(self) -> bool:
        return self.stop.is_longer

    @property
    def button(self) -> StopButton:
        if self.stop.is_pending:
            return StopButton.PENDING
        if self.phase is StopPhase.UNPLUG:
            return StopButton.STOPPED
        if not self.viewer.may_act:
            return StopButton.REFUSED
        return StopButton.COOLDOWN if self.wait_s else StopButton.READY

    @property
    def may_set_limit(self) -> bool:
        """Whether the viewer sets the limit: a driver sees no sessions but their own."""
        return self.viewer.role is Role.DRIVER and self.button in (StopButton.READY, StopButton.COOLDOWN)

    @property
    def is_failed(self) -> bool:
        return self.phase in _FAILED

    @property
    def needs_advice(self) -> bool:
        """Whether to say how else the session can be stopped."""
        is_stuck = self.stop.needs_advice or self.phase is StopPhase.OVERDUE
        return not self.stop.is_pending and (is_stuck or not self.viewer.may_act)

    @property
    def status(self) -> str:
        if not self.is_active:
            return "unknown" if self.is_unknown else "limit" if self.is_at_limit else "ended"
        if self.stop.is_pending:
            return "pending"
        return self.phase if self.viewer.may_act else "refused"


def progress(
    requests: Sequence[StopProgress], now: datetime, connector_status: str = "", usual_s: int | None = None
) -> Stop:
    """Return the progress of an active session's stop, from its requests, newest first, and its connector's state.

    A charger of OCPP 2.x may end a transaction only when the car is unplugged (TxStopPoint EVConnected, F03.FR.02).
    """
    if not requests:
        return Stop(StopPhase.READY)
    latest = stop_request.effective(requests[0], now)
    if latest.state in _ACCEPTED and connector_status == ConnectorStatus.EV_CONNECTED:
        return Stop(StopPhase.UNPLUG)
    phase = _PHASE[latest.state]
    if phase in _PENDING and (latest.attempts > 1 or stop_request.is_retried(latest, now)):
        phase = StopPhase.ASKED_AGAIN
    elif latest.is_at_limit and latest.state is StopState.REQUESTED:
        phase = StopPhase.AT_LIMIT
    elif latest.is_unsent:
        phase = StopPhase.UNSENT
    if phase is StopPhase.ACCEPTED and usual_s is not None:
        return Stop(phase, usual_s=usual_s, is_longer=now >= latest.decided_at + timedelta(seconds=usual_s))
    left = stop_request.cooldown_left(requests[0], now)
    return Stop(
        phase,
        wait_s=-int(-left.total_seconds() // 1),
        needs_advice=stop_request.failures_in_a_row(requests, now) >= ADVICE_AFTER_FAILURES,
    )


def is_accepted(requests: Sequence[StopProgress]) -> bool:
    """Whether the charger has accepted the newest of some requests, and has not been asked again."""
    return bool(requests) and requests[0].state is StopState.ACCEPTED and requests[0].attempts == 1


def changes_at(requests: Sequence[StopProgress], now: datetime, usual_s: int | None = None) -> datetime | None:
    """Return the next instant at which time alone changes the stop control, or None."""
    if not requests:
        return None
    latest = requests[0]
    instants = [now + stop_request.cooldown_left(latest, now)]
    if latest.state in stop_request.OPEN:
        instants += [latest.deadline_at, latest.deadline_at + stop_request.RETRY_WITHIN]
    if usual_s is not None and is_accepted(requests):
        instants.append(latest.decided_at + timedelta(seconds=usual_s))
    return min((instant for instant in instants if instant > now), default=None)
