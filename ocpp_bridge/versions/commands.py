"""Encoder of commands, the same for every version: the CALL of a command, its check, and the meaning of the answer.

The Action and payload of each command are in a table of the version (`v16.commands`, `v2.commands`). An operator's
values are checked against the version's schema: those that the catalog allows and the version does not are refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from jsonschema import ValidationError  # type: ignore[import-untyped]
from ocpp.messages import MessageType, get_validator

from ocpp_bridge import clock
from ocpp_bridge.ocppj import Answer
from ocpp_bridge.redaction import strike_out
from ocpp_bridge.versions import timestamps
from ocpp_bridge.versions.base import payload
from polaris.domain.commands.catalog import ChargerCommand, StopCharging, TriggerReadings
from polaris.domain.commands.outcome_text import MALFORMED, NOT_HELD
from polaris.domain.commands.values import ChargingProfile, ProfileKind
from polaris.domain.enums import RequestEvent
from polaris.domain.spelling import printable
from polaris.ingest import ClaimedCommand, CommandResult

Build = Callable[[Any, ClaimedCommand], object]  # from a command to the version's own `call` dataclass
ReadStatus = Callable[[Any], str]  # from an answer's payload to the charger's status

MAX_ERROR_WORDS = 150  # characters of a charger's own about an error: the code fits beside them

# Not checked against the schema: their values came from the charger, and go back to it as it sent them.
_UNCHECKED = (StopCharging, TriggerReadings)

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
_EVENTS = dict.fromkeys(_ACCEPTED, RequestEvent.ACCEPTED) | dict.fromkeys(_REJECTED, RequestEvent.REJECTED)


class CannotEncode(Exception):
    """A command that the charger's version has no CALL for; the text is a sentence."""


class CommandEncoder:
    """The commands of one version, as CALLs."""

    def __init__(
        self,
        version: str,
        builds: Mapping[type[ChargerCommand], Build],
        reads: Mapping[type[ChargerCommand], ReadStatus],
    ) -> None:
        self._version, self._builds = version, builds
        self._reads: dict[type[ChargerCommand], ReadStatus] = {**reads, StopCharging: _stop_status}

    def encode(self, claimed: ClaimedCommand) -> tuple[str, dict[str, object]]:
        """Return the Action and payload of a command. Raise `CannotEncode`."""
        build = self._builds.get(type(claimed.command))
        if build is None:
            raise CannotEncode(f"OCPP {self._version}, which the charger speaks, has no such command.")
        message = build(claimed.command, claimed)
        action, encoded = type(message).__name__, payload(message)
        if not isinstance(claimed.command, _UNCHECKED):
            self._check(action, encoded)
        return action, encoded

    def result(self, command: ChargerCommand, answer: Answer) -> CommandResult:
        """Return the outcome that the charger's answer stands for. An unknown status is an error."""
        if answer.error_code:
            return CommandResult(RequestEvent.ERROR, _error_words(answer), _redacted(answer.payload or {}))
        if answer.malformed:
            return CommandResult(RequestEvent.ERROR, MALFORMED, {"answer": strike_out(answer.malformed)})
        received = {} if answer.payload is None else answer.payload
        if not isinstance(received, dict):
            return CommandResult(RequestEvent.ERROR, NOT_HELD, _redacted({"answer": received}))
        status = self._reads.get(type(command), _status)(received)
        return CommandResult(_EVENTS.get(status, RequestEvent.ERROR), status or "no status", _redacted(received))

    def _check(self, action: str, encoded: Mapping[str, object]) -> None:
        """Validate a payload as the ocpp library does: 1.6 wants one decimal place, which floats do not have."""
        validator = get_validator(MessageType.Call, action, self._version, parse_float=Decimal)
        try:
            validator.validate(json.loads(json.dumps(encoded), parse_float=Decimal))
        except ValidationError as error:
            field = ".".join(str(step) for step in error.path) or action
            raise CannotEncode(
                f"OCPP {self._version} refuses {field}: {error.validator} {error.validator_value}."
            ) from None


def told(field: str) -> ReadStatus:
    """Return a reader of `Accepted` for an answer that has no status, but a number in a field."""
    return lambda received: "Accepted" if str(received.get(field, "")).lstrip("-").isdecimal() else NOT_HELD


def instant(at: datetime | None) -> str | None:
    """Return an instant of any zone as the wire has it."""
    return timestamps.wired(at)


def schedule_start(profile: ChargingProfile) -> str | None:
    """Return the start of a profile's schedule: now, if an absolute one names none (2.x K01.FR.40)."""
    is_from_now = profile.kind is ProfileKind.ABSOLUTE and profile.starts_at is None
    return instant(clock.now() if is_from_now else profile.starts_at)


def _status(received: Mapping[str, object]) -> str:
    return str(received.get("status", ""))


def _stop_status(received: Mapping[str, object]) -> str:
    """Return the status of a stop. It has two; any other is an error, not the rejection of an unknown transaction."""
    status = _status(received)
    return status if status in ("Accepted", "Rejected") else ""


def _error_words(answer: Answer) -> str:
    """Return an error's code with the charger's own words about it, on one line, without secrets."""
    words = printable(str(_redacted({"words": answer.description}).get("words", ""))).strip()
    if len(words) > MAX_ERROR_WORDS:
        words = f"{words[: MAX_ERROR_WORDS - 1]}…"
    return f"{answer.error_code} ({words})" if words else answer.error_code


def _redacted(received: object) -> dict[str, object]:
    """Return an answer without its secrets; one that is nested too deeply to be searched is not kept."""
    try:
        clean = json.loads(strike_out(json.dumps(received)))
    except (ValueError, RecursionError):
        return {}
    return clean if isinstance(clean, dict) else {"answer": clean}
