"""The life of a command to a charger: a row with a deadline, from a person's wish to the charger's last word on it.

Every transition stands in `TRANSITIONS`. What has no row there is no transition: it changes nothing. A command past its
deadline reads as run out whatever its stored state says (`effective`), so that no process has to be alive for that.
What can be commanded is in `command_kinds`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from polaris.domain.enums import CommandEvent as E
from polaris.domain.enums import CommandState as S

OPEN = frozenset({S.REQUESTED, S.SENT, S.PROMISED})
GRACE = timedelta(seconds=5)  # past its deadline, for the bridge that sent it to say how it went

TRANSITIONS: dict[tuple[S, E], S] = {
    (S.REQUESTED, E.CLAIMED): S.SENT,
    (S.REQUESTED, E.NO_RECEIVER): S.OFFLINE,
    (S.REQUESTED, E.BUS_FAILED): S.ERROR,
    (S.REQUESTED, E.DEADLINE): S.TIMED_OUT,
    (S.SENT, E.ACCEPTED): S.ACCEPTED,
    (S.SENT, E.PROMISED): S.PROMISED,
    (S.SENT, E.FULFILLED): S.ACCEPTED,  # it overtook its own promise
    (S.SENT, E.REJECTED): S.REJECTED,
    (S.SENT, E.NOT_SENT): S.REJECTED,
    (S.SENT, E.ERROR): S.ERROR,
    (S.SENT, E.NO_ANSWER): S.TIMED_OUT,
    (S.SENT, E.DISCONNECTED): S.UNKNOWN,
    (S.SENT, E.DEADLINE): S.UNKNOWN,  # the bridge that sent it says nothing any more
    (S.PROMISED, E.FULFILLED): S.ACCEPTED,
    (S.PROMISED, E.DEADLINE): S.TIMED_OUT,
    # Late news still counts.
    (S.TIMED_OUT, E.ACCEPTED): S.ACCEPTED,
    (S.TIMED_OUT, E.PROMISED): S.PROMISED,
    (S.TIMED_OUT, E.FULFILLED): S.ACCEPTED,
    (S.TIMED_OUT, E.REJECTED): S.REJECTED,
    (S.TIMED_OUT, E.ERROR): S.ERROR,
    (S.UNKNOWN, E.ACCEPTED): S.ACCEPTED,
    (S.UNKNOWN, E.PROMISED): S.PROMISED,
    (S.UNKNOWN, E.FULFILLED): S.ACCEPTED,
    (S.UNKNOWN, E.REJECTED): S.REJECTED,
    (S.UNKNOWN, E.ERROR): S.ERROR,
}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a command is; `deadline_at` is when its present open state runs out."""

    state: S
    deadline_at: datetime


@dataclass(frozen=True, slots=True)
class CommandLimits:
    """How long a command may wait to be sent, and then for its answer; and what was promised, to begin."""

    answer: timedelta
    begin: timedelta


def begin(now: datetime, limits: CommandLimits) -> Progress:
    return Progress(S.REQUESTED, now + limits.answer)


def advance(progress: Progress, event: E, now: datetime, limits: CommandLimits) -> Progress | None:
    """The command after `event`, or None where the event changes nothing: a deadline that is to come, for one."""
    after = TRANSITIONS.get((progress.state, event))
    if after is None or (event is E.DEADLINE and now < runs_out_at(progress)):
        return None
    if event is E.CLAIMED and now >= progress.deadline_at:
        return None  # a stale command never fires
    waits = {S.SENT: limits.answer, S.PROMISED: limits.begin}.get(after)
    return Progress(after, progress.deadline_at if waits is None else now + waits)


def runs_out_at(progress: Progress) -> datetime:
    return progress.deadline_at + GRACE if progress.state is S.SENT else progress.deadline_at


def effective(progress: Progress, now: datetime) -> S:
    """The state as a reader must take it: an open one past its deadline has run out."""
    if progress.state not in OPEN or now < runs_out_at(progress):
        return progress.state
    return TRANSITIONS[progress.state, E.DEADLINE]
