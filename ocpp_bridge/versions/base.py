"""The typed edge of the `ocpp` package: its routing by `@on`, and its dataclasses as payloads for the wire.

Its receive loop, validation and key conversion are not used: they take 85 % of its time, and frames can kill them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from functools import cache
from typing import Any, Protocol, TypeVar, cast

import msgspec
from ocpp import routing  # type: ignore[import-untyped]

from ocpp_bridge.ocppj import Answer, Fault
from polaris.domain.commands.catalog import Command
from polaris.domain.enums import Authorization, StopEvent
from polaris.domain.facts import Fact
from polaris.ingest import ClaimedCommand, ClaimedStop, CommandResult, Outcome

F = TypeVar("F", bound=Callable[..., object])


class IncomingCall(msgspec.Struct, frozen=True):
    """What a handler is told beside the payload: whose it is, when it came, and as it was sent."""

    charger_id: int
    identity: str
    received_at: datetime
    raw: Mapping[str, object]
    id: str = ""
    energy_unit: str = ""  # what the operator says of the charger's energies, whatever their unit says
    is_send: bool = False  # it gets no answer
    request: msgspec.Struct | None = None  # the payload as its Action's struct, where it was read at once


@dataclass(frozen=True, slots=True)
class CentralSystem:
    """What handlers may ask for. `store` returns after the commit; `authorize` raises where the database is gone."""

    store: Callable[[Fact], Awaitable[Outcome]]
    authorize: Callable[[str], Awaitable[Authorization]]
    now: Callable[[], datetime]
    heartbeat_s: int


class NotSaid(Exception):
    """A command that the charger's version cannot say; its text is a sentence."""


class Calls(Protocol):
    """The commands of one version, as CALLs."""

    def say(self, claimed: ClaimedCommand) -> tuple[str, dict[str, object]]:
        """The Action and payload of a command. Raise `NotSaid`."""

    def result(self, command: Command, answer: Answer) -> CommandResult:
        """What the charger's answer means."""


class Version(Protocol):
    """One OCPP version: what is answered to a charger, and how commands are said to it."""

    subprotocol: str
    message_types: tuple[int, ...]
    decoders: Mapping[str, msgspec.json.Decoder[Any]]  # of the CALLs that chargers send all day
    answers_all: bool  # what is no frame, or of a type that is not known, gets a CALLERROR too

    @property
    def calls(self) -> Calls:
        """The commands that it has."""

    def error_code(self, fault: Fault) -> str:
        """The version's spelling of what is wrong with a CALL."""

    async def answer(self, message: IncomingCall, action: str) -> dict[str, object]:
        """The payload of the answer to a CALL. Raise `CallRefused` for a CALLERROR."""

    def remote_stop(self, stop: ClaimedStop) -> tuple[str, dict[str, object]]:
        """The action and payload that ask for a session's stop."""

    def trigger_readings(self, connector: int) -> tuple[str, dict[str, object]]:
        """The action and payload that ask for a connector's readings."""

    def stop_event(self, answer: Answer) -> StopEvent:
        """What the charger's answer to it means."""


def on(action: str) -> Callable[[F], F]:
    """Mark a method as the handler of an Action."""
    return cast(Callable[[F], F], routing.on(action, skip_schema_validation=True))


def handlers(owner: object) -> dict[str, Callable[..., Awaitable[object]]]:
    """The methods of `owner` that `on` marked, by Action."""
    return {str(action): route["_on_action"] for action, route in routing.create_route_map(owner).items()}


def payload(message: Any) -> dict[str, object]:
    """A `call` or `call_result` dataclass as the wire has it: camelCase keys, and nothing for what is None."""
    return {
        wire: _on_wire(value)
        for name, wire in _wire_names(message.__class__)
        if (value := getattr(message, name)) is not None
    }


def _on_wire(value: Any) -> object:
    if isinstance(value, list):
        return [_on_wire(item) for item in value]
    return payload(value) if is_dataclass(value) else value


@cache
def _wire_names(cls: type) -> list[tuple[str, str]]:
    return [(field.name, _camel(field.name)) for field in fields(cls)]


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)
