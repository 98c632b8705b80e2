"""Owns what is alike in every version's commands: making the CALL of one, checking it, and reading its answer.

What each is called and made of is a table of the version's own (`calls_v16`, `calls_v2`). Nothing is sent that the
version's schema does not allow: what a command's own bounds let through, and the version does not, is refused in words.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from jsonschema import ValidationError  # type: ignore[import-untyped]
from ocpp.messages import MessageType, get_validator

from ocpp_bridge.ocppj import Answer
from ocpp_bridge.redaction import strike_out
from ocpp_bridge.versions import timestamps
from ocpp_bridge.versions.base import NotSaid, payload
from polaris.domain.commands.catalog import Command
from polaris.domain.enums import CommandEvent
from polaris.ingest import ClaimedCommand, CommandResult

Build = Callable[[Any, ClaimedCommand], object]  # a command, to the version's own `call` dataclass
Read = Callable[[Any], str]  # an answer's payload, to the charger's own word

_ACCEPTED = (
    "Accepted",
    "AcceptedCanceled",
    "EmptyResultSet",
    "NothingQueued",
    "Ongoing",
    "Over",
    "Queued",
    "RebootRequired",
    "Scheduled",
    "Unlocked",
)
_REJECTED = (
    "Failed",
    "Faulted",
    "InvalidCertificate",
    "NotImplemented",
    "NotSupported",
    "NotSupportedAttributeType",
    "Occupied",
    "OngoingAuthorizedTransaction",
    "Rejected",
    "RevokedCertificate",
    "Unavailable",
    "Unknown",
    "UnknownComponent",
    "UnknownConnector",
    "UnknownKey",
    "UnknownMessageId",
    "UnknownVariable",
    "UnknownVendorId",
    "UnlockFailed",
    "VersionMismatch",
)
_EVENTS = dict.fromkeys(_ACCEPTED, CommandEvent.ACCEPTED) | dict.fromkeys(_REJECTED, CommandEvent.REJECTED)


class Calls:
    """The commands of one version."""

    def __init__(
        self, version: str, builds: Mapping[type[Command], Build], reads: Mapping[type[Command], Read]
    ) -> None:
        self._version, self._builds, self._reads = version, builds, reads

    def say(self, claimed: ClaimedCommand) -> tuple[str, dict[str, object]]:
        """The Action and payload of a command. Raise `NotSaid`."""
        build = self._builds.get(type(claimed.command))
        if build is None:
            raise NotSaid(f"OCPP {self._version}, which the charger speaks, has no such command.")
        message = build(claimed.command, claimed)
        action = type(message).__name__
        said = payload(message)
        self._check(action, said)
        return action, said

    def result(self, command: Command, answer: Answer) -> CommandResult:
        """What the charger's answer means. A word that nobody knows is an error."""
        if answer.error_code:
            return CommandResult(CommandEvent.ERROR, answer.error_code)
        said = answer.payload if isinstance(answer.payload, dict) else {}
        word = self._reads.get(type(command), _status)(said)
        return CommandResult(_EVENTS.get(word, CommandEvent.ERROR), word or "no status", _without_secrets(said))

    def _check(self, action: str, said: Mapping[str, object]) -> None:
        """As the library does it: 1.6 wants one decimal place, which floats do not have."""
        validator = get_validator(MessageType.Call, action, self._version, parse_float=Decimal)
        try:
            validator.validate(json.loads(json.dumps(said), parse_float=Decimal))
        except ValidationError as error:
            place = ".".join(str(step) for step in error.path) or action
            raise NotSaid(f"OCPP {self._version} refuses {place}: {error.validator} {error.validator_value}.") from None


def accepted(_: object) -> str:
    """The word for an answer that has none: it was answered."""
    return "Accepted"


def instant(at: datetime | None) -> str | None:
    """An instant of whatever zone, as the wire has it."""
    return None if at is None else timestamps.wire(at.astimezone(UTC))


def _status(said: Mapping[str, object]) -> str:
    return str(said.get("status", ""))


def _without_secrets(said: Mapping[str, object]) -> dict[str, object]:
    clean: dict[str, object] = json.loads(strike_out(json.dumps(said)))
    return clean
