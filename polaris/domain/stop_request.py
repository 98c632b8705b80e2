"""Lifecycle of a stop request: a row with a deadline, from the driver's click to the session's end.

Every transition is in `TRANSITIONS`; any other event changes nothing. A request past its deadline counts as run
out whatever its stored state (`effective`), so the page needs no process that sweeps it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from polaris.domain.enums import RequestEvent as E
from polaris.domain.enums import StopState as S
from polaris.domain.spelling import letters

COOLDOWN = timedelta(seconds=10)
MAX_ATTEMPTS = 2  # the driver's, and one automatic retry (`is_retried`)
RETRY_WITHIN = timedelta(seconds=10)  # of the deadline; without it a stale stop could fire much later
# Past its deadline, for a session's end still to be what a request asked for, if the charger does not say so. Without
# it, a stop at the charger hours after a failed one would read as that.
LATEST_END = timedelta(minutes=5)
MAX_WAIT = timedelta(days=7)  # of a limit's request for its charger

OPEN = frozenset({S.REQUESTED, S.SENT, S.ACCEPTED})
FAILED = frozenset({S.REJECTED, S.FAILED, S.OFFLINE, S.TIMED_OUT, S.UNKNOWN, S.OVERDUE})

TRANSITIONS: dict[tuple[S, E], S] = {
    (S.REQUESTED, E.CLAIMED): S.SENT,
    (S.REQUESTED, E.NO_RECEIVER): S.OFFLINE,
    (S.REQUESTED, E.PUBLISH_FAILED): S.FAILED,
    (S.REQUESTED, E.DEADLINE): S.TIMED_OUT,
    (S.SENT, E.ACCEPTED): S.ACCEPTED,
    (S.SENT, E.REJECTED): S.REJECTED,
    (S.SENT, E.ERROR): S.FAILED,
    (S.SENT, E.DEADLINE): S.TIMED_OUT,
    (S.SENT, E.DISCONNECTED): S.UNKNOWN,
    (S.ACCEPTED, E.DEADLINE): S.OVERDUE,
    # A late answer still counts.
    (S.TIMED_OUT, E.ACCEPTED): S.ACCEPTED,
    (S.TIMED_OUT, E.REJECTED): S.REJECTED,
    (S.TIMED_OUT, E.ERROR): S.FAILED,
    (S.TIMED_OUT, E.DISCONNECTED): S.UNKNOWN,
    (S.UNKNOWN, E.ACCEPTED): S.ACCEPTED,
    # The end of the session completes every request whose outcome was open; rejected, failed and offline ones stay.
    (S.REQUESTED, E.SESSION_ENDED): S.COMPLETED,
    (S.SENT, E.SESSION_ENDED): S.COMPLETED,
    (S.ACCEPTED, E.SESSION_ENDED): S.COMPLETED,
    (S.TIMED_OUT, E.SESSION_ENDED): S.COMPLETED,
    (S.UNKNOWN, E.SESSION_ENDED): S.COMPLETED,
    (S.OVERDUE, E.SESSION_ENDED): S.COMPLETED,
}


_NOT_SENT = frozenset({E.NO_RECEIVER, E.PUBLISH_FAILED})
# By which chargers name a stop that was asked for, in lower case: as one, as one at the charger, or not at all.
_REMOTE = frozenset({"remote", "remotestop"})
_UNCLEAR = frozenset({"", "local", "other", "stopauthorized"})
# By which a charger says that it has kept a limit (OCPP 2.1).
_OF_LIMIT = frozenset({"energylimitreached", "costlimitreached", "soclimitreached", "timelimitreached"})
# An end from before a limit's request is none of its: it had happened when the readings arrived that made it.
_ENDS_BEFORE = timedelta(minutes=1)


class StoppedBy(StrEnum):
    """The cause of an ended session's stop: its driver, their limit, or an operator."""

    DRIVER = "driver"
    LIMIT = "limit"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class StopProgress:
    """A stop request. At `deadline_at` its open state runs out; `decided_at` is when its last state was reached."""

    state: S
    requested_at: datetime
    deadline_at: datetime
    decided_at: datetime
    attempts: int = 1
    is_at_limit: bool = False  # its cause is a limit, and no person

    @property
    def is_unsent(self) -> bool:
        """Whether it failed before it could be sent: then its time ran out at once, and the charger was never asked."""
        return self.state is S.FAILED and self.decided_at == self.deadline_at


@dataclass(frozen=True, slots=True)
class StopLimits:
    """Time-outs for the charger's answer, and from its acceptance to the end of the session."""

    answer: timedelta
    end: timedelta


def begin(now: datetime, limits: StopLimits) -> StopProgress:
    return StopProgress(S.REQUESTED, now, now + limits.answer, now)


def begin_at_limit(now: datetime) -> StopProgress:
    """Return the request that a session's limit makes: it waits for a charger that cannot be asked at once."""
    return StopProgress(S.REQUESTED, now, now + MAX_WAIT, now)


def advance(request: StopProgress, event: E, now: datetime, limits: StopLimits) -> StopProgress | None:
    """Return the request after `event`, or None if the event changes nothing.

    An accepted request whose deadline passes is sent once more before it counts as overdue. So is that of a limit if
    its fate is not known; until then it waits for its charger, also if that cannot be asked now.
    """
    after = TRANSITIONS.get((request.state, event))
    is_past = now >= request.deadline_at
    if after is None or (event is E.DEADLINE and not is_past) or (event is E.CLAIMED and is_past):
        return None
    if request.is_at_limit and event in _NOT_SENT:
        return None
    if is_retried(request, now, event):
        wait = MAX_WAIT if request.is_at_limit else limits.answer
        attempts = request.attempts + 1
        return replace(request, state=S.REQUESTED, deadline_at=now + wait, decided_at=now, attempts=attempts)
    deadline_at = now + limits.end if after is S.ACCEPTED else request.deadline_at
    if event is E.CLAIMED:
        deadline_at = min(deadline_at, now + limits.answer)  # that of a limit has waited
    if event is E.PUBLISH_FAILED:
        deadline_at = now  # no bridge may send it any more
    decided_at = request.deadline_at if event is E.DEADLINE else now
    return replace(request, state=after, deadline_at=deadline_at, decided_at=decided_at)


def is_retried(request: StopProgress, now: datetime, event: E = E.DEADLINE) -> bool:
    """Return whether a request is sent once more: an accepted one at its deadline, and a limit's that was cut off.

    That of a limit is a standing order, which is not too late after any time: nobody sees that it was lost.
    """
    if request.attempts >= MAX_ATTEMPTS:
        return False
    if request.is_at_limit and request.state is S.SENT and event is E.DISCONNECTED:
        return True
    if event is not E.DEADLINE or now < request.deadline_at:
        return False
    if request.is_at_limit:
        return request.state in (S.SENT, S.ACCEPTED)
    return request.state is S.ACCEPTED and now < request.deadline_at + RETRY_WITHIN


def effective(request: StopProgress, now: datetime) -> StopProgress:
    """Return the request as a reader must take it: an open one past its deadline has run out at that instant."""
    if request.state not in OPEN or now < request.deadline_at or is_retried(request, now):
        return request
    return replace(request, state=TRANSITIONS[request.state, E.DEADLINE], decided_at=request.deadline_at)


def has_ended(request: StopProgress, reason: str, ended_at: datetime) -> bool:
    """Return whether a session ended as the request asked for, by the charger's own reason and the time."""
    if request.state is not S.COMPLETED:
        return False
    if request.is_at_limit and ended_at < request.requested_at - _ENDS_BEFORE:
        return False
    reason = letters(reason)
    is_in_time = min(ended_at, request.decided_at) <= request.deadline_at + LATEST_END
    return reason in _REMOTE or (reason in _UNCLEAR and is_in_time)


def is_of_limit(reason: str) -> bool:
    """Return whether a charger ended a session because of a limit that it was told, by its own reason."""
    return letters(reason) in _OF_LIMIT


def failures_in_a_row(requests: Sequence[StopProgress], now: datetime) -> int:
    """Count the failed requests among the newest (newest first), up to the first that did not fail."""
    count = 0
    for request in requests:
        if effective(request, now).state not in FAILED:
            break
        count += 1
    return count


def cooldown_left(latest: StopProgress | None, now: datetime) -> timedelta:
    """Return how long until a driver may ask again; zero if they may now."""
    if latest is None:
        return timedelta(0)
    latest = effective(latest, now)
    if latest.state not in FAILED:
        return timedelta(0)
    return max(timedelta(0), latest.decided_at + COOLDOWN - now)
