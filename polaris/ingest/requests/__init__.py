"""Requests to chargers, as rows: stop requests and commands. Both are made, claimed, recorded and swept alike.

A request's row id is published to the bridge that holds the charger; the bridge claims the row, sends the CALL and
records its outcome. A sweep applies the deadline of a row that nothing has happened to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from polaris.domain.commands.catalog import ChargerCommand
from polaris.domain.commands.interruptions import InterruptedSession
from polaris.domain.enums import RequestEvent
from polaris.pubsub import RequestKind


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """A row to publish to the bridge that holds the charger of this identity."""

    kind: RequestKind
    id: int
    identity: str


@dataclass(frozen=True, slots=True)
class DriverStart:
    """The account that a start is for, and the connector; in OCPP 2.x its EVSE."""

    account_id: int
    connector: int


@dataclass(frozen=True, slots=True)
class RequestTerms:
    """The terms on which a person requests a command."""

    key: str = ""  # random, of the form: what is pressed or sent twice has the same one
    is_dry_run: bool = False
    agreed: frozenset[int] | None = None  # the sessions that it may interrupt; None: any
    start: DriverStart | None = None  # of a driver who asks for it


@dataclass(frozen=True, slots=True)
class Interrupts:
    """The sessions that a command can interrupt. Not all of them were agreed to, so it was not requested."""

    sessions: tuple[InterruptedSession, ...]


@dataclass(frozen=True, slots=True)
class ClaimedCommand:
    """A command to send. `secret` is a key that was made for it and is stored nowhere."""

    id: int
    command: ChargerCommand
    session: int | None = None  # the session that the command is about
    transaction_id: str | None = None  # that session's id in OCPP 2.x
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The outcome of a request at the bridge, with the charger's own status and answer if it gave any."""

    event: RequestEvent
    status: str = ""
    answer: Mapping[str, object] = field(default_factory=dict)
    frame: str = ""  # of a dry run, without secrets
