"""One command for many chargers: its states, which commands make sense for many, and its pace.

A bulk begins as a dry run, a list of chargers that somebody looks at; what is started is that list. Every transition is
in `CHANGES`; any other changes nothing, and is refused unless it is in `SO_ALREADY`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from polaris.domain.commands import catalog
from polaris.domain.commands.catalog import ChargerCommand
from polaris.domain.enums import CommandState
from polaris.domain.sentences import say

MAX_ITEMS = 10_000  # chargers of one bulk
TURN = timedelta(seconds=1)
DRAFT_LIFETIME = timedelta(hours=1)  # what an older dry run says of chargers and sessions may be so no more
# Commands in a turn: without the pace, thousands of chargers would restart, or fetch a file, in the same moment.
MAX_PER_TURN = 5
MAX_IN_FLIGHT = 50  # commands without an outcome: ten turns of chargers that do not answer

# What makes sense for many chargers alike: nothing that is about one session, one card or one connector's reservation.
KINDS = (
    "trigger",
    "get-configuration",
    "set-configuration",
    "availability",
    "reset",
    "update-firmware",
    "get-log",
    "send-local-list",
    "local-list-version",
    "clear-cache",
    "set-charging-profile",
    "clear-charging-profile",
)


class BulkState(StrEnum):
    DRAFT = "draft"  # a dry run
    EXPIRED = "expired"  # a dry run that was not started
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"


class BulkChange(StrEnum):
    """A person's request about a bulk."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


CHANGES: dict[tuple[BulkState, BulkChange], BulkState] = {
    (BulkState.DRAFT, BulkChange.START): BulkState.RUNNING,
    (BulkState.RUNNING, BulkChange.PAUSE): BulkState.PAUSED,
    (BulkState.PAUSED, BulkChange.RESUME): BulkState.RUNNING,
    (BulkState.RUNNING, BulkChange.CANCEL): BulkState.CANCELLED,
    (BulkState.PAUSED, BulkChange.CANCEL): BulkState.CANCELLED,
}
SO_ALREADY = {  # a second press, or one of somebody whose page was behind
    (BulkState.RUNNING, BulkChange.START),
    (BulkState.RUNNING, BulkChange.RESUME),
    (BulkState.DONE, BulkChange.START),
    (BulkState.DONE, BulkChange.RESUME),
    (BulkState.PAUSED, BulkChange.PAUSE),
    (BulkState.CANCELLED, BulkChange.CANCEL),
}


class ItemState(StrEnum):
    """The state of one charger of a bulk. Once requested, its fate is that of its command."""

    WAITING = "waiting"
    EXCLUDED = "excluded"  # by the dry run, or when its turn came
    REQUESTED = "requested"


FAILED = (
    CommandState.REJECTED,
    CommandState.ERROR,
    CommandState.OFFLINE,
    CommandState.TIMED_OUT,
    CommandState.UNKNOWN,
)


def problem(command: ChargerCommand) -> str:
    """Return why a command is not sent to many chargers, "" if it can be."""
    if catalog.kind(command) not in KINDS:
        return say("This command is about one charger.")
    if catalog.redacted(command) != command:
        return say(
            "It holds a secret, which is stored for no longer than it takes to send it. Send it to each by itself."
        )
    return ""


def expires_at(state: BulkState, requested_at: datetime) -> datetime | None:
    """Return until when a dry run can be started; None if the bulk is none any more."""
    return requested_at + DRAFT_LIFETIME if state is BulkState.DRAFT else None


def effective(state: BulkState, requested_at: datetime, now: datetime) -> BulkState:
    """Return the state as a reader must take it: a dry run that is too old has expired, whatever is stored."""
    until = expires_at(state, requested_at)
    return state if until is None or now < until else BulkState.EXPIRED


def changed(state: BulkState, change: BulkChange) -> BulkState | None:
    """Return the state after a change, None if it changes nothing."""
    return CHANGES.get((state, change))
