"""The life of a stop request: a row with a deadline, from the driver's click to the session's end.

Every transition stands in `TRANSITIONS`. What has no row there is no transition: it changes nothing. A request past its
deadline reads as timed out whatever its stored state says (`effective`), so that no process has to be alive for the
page to be true.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from polaris.domain.enums import StopEvent as E
from polaris.domain.enums import StopState as S

COOLDOWN = timedelta(seconds=10)
MAX_ATTEMPTS = 2  # the driver's, and one automatic retry where the charger accepted and no end came
RETRY_WITHIN = timedelta(seconds=10)  # of the deadline; a stale stop never fires later

OPEN = frozenset({S.REQUESTED, S.SENT, S.ACCEPTED})
FAILED = frozenset({S.REJECTED, S.FAILED, S.OFFLINE, S.TIMED_OUT, S.UNKNOWN, S.OVERDUE})

TRANSITIONS: dict[tuple[S, E], S] = {
    (S.REQUESTED, E.CLAIMED): S.SENT,
    (S.REQUESTED, E.NO_RECEIVER): S.OFFLINE,
    (S.REQUESTED, E.BUS_FAILED): S.FAILED,
    (S.REQUESTED, E.DEADLINE): S.TIMED_OUT,
    (S.SENT, E.ACCEPTED): S.ACCEPTED,
    (S.SENT, E.REJECTED): S.REJECTED,
    (S.SENT, E.ERROR): S.FAILED,
    (S.SENT, E.DEADLINE): S.TIMED_OUT,
    (S.SENT, E.DISCONNECTED): S.UNKNOWN,
    (S.ACCEPTED, E.DEADLINE): S.OVERDUE,
    # Late news still counts.
    (S.TIMED_OUT, E.ACCEPTED): S.ACCEPTED,
    (S.TIMED_OUT, E.REJECTED): S.REJECTED,
    (S.TIMED_OUT, E.ERROR): S.FAILED,
    (S.TIMED_OUT, E.DISCONNECTED): S.UNKNOWN,
    (S.UNKNOWN, E.ACCEPTED): S.ACCEPTED,
    # The end of the session answers every request whose fate was open; a refusal stays a refusal on the record.
    (S.REQUESTED, E.SESSION_ENDED): S.COMPLETED,
    (S.SENT, E.SESSION_ENDED): S.COMPLETED,
    (S.ACCEPTED, E.SESSION_ENDED): S.COMPLETED,
    (S.TIMED_OUT, E.SESSION_ENDED): S.COMPLETED,
    (S.UNKNOWN, E.SESSION_ENDED): S.COMPLETED,
    (S.OVERDUE, E.SESSION_ENDED): S.COMPLETED,
}


@dataclass(frozen=True, slots=True)
class StopRequest:
    """`deadline_at` is when the present open state runs out; `decided_at` when the last state was reached."""

    state: S
    requested_at: datetime
    deadline_at: datetime
    decided_at: datetime
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class StopLimits:
    """How long a charger may take to answer, and from its acceptance to the end of the session."""

    answer: timedelta
    end: timedelta


def begin(now: datetime, limits: StopLimits) -> StopRequest:
    return StopRequest(S.REQUESTED, now, now + limits.answer, now)


def advance(request: StopRequest, event: E, now: datetime, limits: StopLimits) -> StopRequest | None:
    """The request after `event`, or None where the event changes nothing.

    An accepted request whose deadline passes is asked once more before it counts as overdue.
    """
    if event is E.DEADLINE and is_retried(request, now):
        return replace(
            request, state=S.REQUESTED, deadline_at=now + limits.answer, decided_at=now, attempts=request.attempts + 1
        )
    after = TRANSITIONS.get((request.state, event))
    if after is None:
        return None
    deadline_at = now + limits.end if after is S.ACCEPTED else request.deadline_at
    decided_at = min(now, request.deadline_at) if event is E.DEADLINE else now
    return replace(request, state=after, deadline_at=deadline_at, decided_at=decided_at)


def is_retried(request: StopRequest, now: datetime) -> bool:
    """Whether an accepted request past its deadline is to be asked once more."""
    return (
        request.state is S.ACCEPTED
        and request.attempts < MAX_ATTEMPTS
        and request.deadline_at <= now < request.deadline_at + RETRY_WITHIN
    )


def effective(request: StopRequest, now: datetime) -> StopRequest:
    """The request as a reader must take it: an open one past its deadline has run out at that instant."""
    if request.state not in OPEN or now < request.deadline_at or is_retried(request, now):
        return request
    state = S.OVERDUE if request.state is S.ACCEPTED else S.TIMED_OUT
    return replace(request, state=state, decided_at=request.deadline_at)


def failures_in_a_row(requests: Sequence[StopRequest], now: datetime) -> int:
    """How many of the newest requests (newest first) failed."""
    count = 0
    for request in requests:
        if effective(request, now).state not in FAILED:
            break
        count += 1
    return count


def cooldown_left(latest: StopRequest | None, now: datetime) -> timedelta:
    """How long until a driver may ask again; zero where they may."""
    if latest is None:
        return timedelta(0)
    latest = effective(latest, now)
    if latest.state not in FAILED:
        return timedelta(0)
    return max(timedelta(0), latest.decided_at + COOLDOWN - now)
