"""Lifecycle of a command to a charger: a row with a deadline, from the request to the charger's final answer.

Every transition is in `TRANSITIONS`; any other event changes nothing. A command past its deadline counts as run out
whatever its stored state (`effective`), so readers need no process that sweeps it. The commands themselves are in
`catalog`.

A dry run has states of its own, before those of what is sent. From them only a person's press leads on: there is no
transition by which a bridge could claim a dry run for sending.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from polaris.domain.enums import CommandState as S
from polaris.domain.enums import RequestEvent as E

OPEN = frozenset({S.DRAFTED, S.REQUESTED, S.SENT, S.PROMISED})
# Past the deadline, for the bridge to record the missing answer itself. Without it a sweep could come first, and store
# UNKNOWN, which is for a bridge that no longer reports.
GRACE = timedelta(seconds=5)

TRANSITIONS: dict[tuple[S, E], S] = {
    (S.DRAFTED, E.PREVIEWED): S.PREVIEWED,
    (S.DRAFTED, E.NOT_SENT): S.REJECTED,
    (S.DRAFTED, E.NO_RECEIVER): S.OFFLINE,
    (S.DRAFTED, E.PUBLISH_FAILED): S.ERROR,
    (S.DRAFTED, E.DEADLINE): S.TIMED_OUT,
    (S.PREVIEWED, E.RELEASED): S.REQUESTED,
    (S.REQUESTED, E.CLAIMED): S.SENT,
    (S.REQUESTED, E.NOT_SENT): S.REJECTED,
    (S.REQUESTED, E.NO_RECEIVER): S.OFFLINE,
    (S.REQUESTED, E.PUBLISH_FAILED): S.ERROR,
    (S.REQUESTED, E.DEADLINE): S.TIMED_OUT,
    (S.REQUESTED, E.WITHDRAWN): S.TIMED_OUT,
    (S.SENT, E.ACCEPTED): S.ACCEPTED,
    (S.SENT, E.PROMISED): S.PROMISED,
    (S.SENT, E.FULFILLED): S.ACCEPTED,  # the session began before the charger answered
    (S.SENT, E.REJECTED): S.REJECTED,
    (S.SENT, E.NOT_SENT): S.REJECTED,
    (S.SENT, E.ERROR): S.ERROR,
    (S.SENT, E.NO_ANSWER): S.TIMED_OUT,
    (S.SENT, E.DISCONNECTED): S.UNKNOWN,
    (S.SENT, E.WITHDRAWN): S.TIMED_OUT,
    (S.SENT, E.DEADLINE): S.UNKNOWN,  # the bridge that sent it no longer reports
    (S.PROMISED, E.FULFILLED): S.ACCEPTED,
    (S.PROMISED, E.DEADLINE): S.TIMED_OUT,
    (S.PROMISED, E.WITHDRAWN): S.TIMED_OUT,
    # A late answer still counts.
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
    """The state of a command; `deadline_at` is when the present open state runs out."""

    state: S
    deadline_at: datetime


@dataclass(frozen=True, slots=True)
class CommandLimits:
    """Time-outs for sending a command, then for its answer (both `answer`), and for a promised session to begin."""

    answer: timedelta
    begin: timedelta


def begin(now: datetime, limits: CommandLimits, *, is_dry_run: bool = False) -> Progress:
    return Progress(S.DRAFTED if is_dry_run else S.REQUESTED, now + limits.answer)


def advance(progress: Progress, event: E, now: datetime, limits: CommandLimits) -> Progress | None:
    """Return the command after `event`, or None if the event changes nothing."""
    after = TRANSITIONS.get((progress.state, event))
    if after is None or (event is E.DEADLINE and now < runs_out_at(progress)):
        return None
    if event is E.CLAIMED and now >= progress.deadline_at:
        return None  # a stale command is never sent
    timeout = {S.REQUESTED: limits.answer, S.SENT: limits.answer, S.PROMISED: limits.begin}.get(after)
    return Progress(after, progress.deadline_at if timeout is None else now + timeout)


def runs_out_at(progress: Progress) -> datetime:
    return progress.deadline_at + GRACE if progress.state is S.SENT else progress.deadline_at


def effective(progress: Progress, now: datetime) -> S:
    """Return the state as a reader must take it: an open one past its deadline has run out."""
    if progress.state not in OPEN or now < runs_out_at(progress):
        return progress.state
    return TRANSITIONS[progress.state, E.DEADLINE]
