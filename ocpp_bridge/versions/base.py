"""The rules that every OCPP version shares: the table of handlers, and the `ocpp` package's dataclasses as payloads.

Of that package the enums, the dataclasses and the schemas are used. Its receive loop, routing, validation and key
conversion are not: they take 85 % of its time, and unusual frames end them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from ocpp.v201 import call_result  # its answers to boots and heartbeats are those of every version
from ocpp.v201.enums import RegistrationStatusEnumType

from ocpp_bridge import ocppj
from ocpp_bridge.ocppj import CallRefused, Fault
from ocpp_bridge.versions import lenient, timestamps
from ocpp_bridge.versions.timestamps import ChargerClock
from polaris.domain.facts import Fact
from polaris.domain.phases import PhaseMemory
from polaris.ingest import CardAnswer, Outcome

if TYPE_CHECKING:
    from ocpp_bridge.versions.commands import CommandEncoder


class Payload(msgspec.Struct, rename="camel", gc=False):
    """The base of all payloads: camelCase in JSON, and unknown fields are ignored."""


class NoFields(Payload):
    """A payload of which no field is read."""


class CardMemory:
    """When a charger asked about a card last, over one connection; None if it has not."""

    __slots__ = ("asked_at",)

    def __init__(self) -> None:
        self.asked_at: datetime | None = None


class IncomingCall(msgspec.Struct, frozen=True):
    """A charger's CALL or SEND as it was received, with the charger and the time of receipt."""

    charger_id: int
    identity: str
    received_at: datetime
    action: str
    raw: Mapping[str, object]
    id: str = ""
    energy_unit: str = ""  # the operator's setting for this charger; it overrides the unit of every energy it sends
    is_send: bool = False  # a SEND gets no answer
    clock: ChargerClock = msgspec.field(default_factory=ChargerClock)
    phases: PhaseMemory | None = None  # of the connection's other messages
    cards: CardMemory = msgspec.field(default_factory=CardMemory)


class CardLookup(NamedTuple):
    """A card that has to be looked up before a CALL can be answered. The outcome is a `CardAnswer`."""

    id_tag: str
    charger_id: int  # that asks


Needs = Fact | CardLookup | None


def nothing(*_: object) -> None:
    """Need nothing: the CALL is answered at once. Or reply nothing: the answer has no fields."""


def _whole(payload: Payload) -> Payload:
    return payload


class Handler(NamedTuple):
    """How an Action is handled: two functions that do no I/O, either of which may raise `CallRefused`.

    `needs` returns the fact to store or the card to look up, or None if the CALL can be answered at once. `reply`
    returns the answer to the outcome as a `call_result` dataclass, or None if the answer has no fields. It gets
    a `part` of the payload: the samples would take up memory, slow to reach, until the fact is stored.
    """

    needs: Callable[[Any, IncomingCall], Needs]
    reply: Callable[[Any, IncomingCall, Any], object] = nothing
    payload: type[Payload] = NoFields
    part: Callable[[Any], Any] = _whole


class PendingReply:
    """A CALL between its receipt and its answer: do what it `needs`, then `answer` with the outcome."""

    __slots__ = ("_call", "_handler", "_part", "needs")

    def __init__(self, handler: Handler, payload: msgspec.Struct, call: IncomingCall) -> None:
        self._handler, self._part, self._call = handler, handler.part(payload), call
        self.needs = handler.needs(payload, call)

    def answer(self, outcome: Outcome | CardAnswer) -> dict[str, object]:
        """Return the payload of the answer. Raise `CallRefused` for a CALLERROR."""
        result = self._handler.reply(self._part, self._call, outcome)
        return {} if result is None else payload(result)


@dataclass(frozen=True, slots=True)
class CentralSystem:
    """The bridge's services. `store` is done after the commit; `authorize` raises if the database is gone."""

    store: Callable[[Fact], asyncio.Future[Outcome]]
    authorize: Callable[[str, int, datetime], asyncio.Future[CardAnswer]]
    now: Callable[[], datetime]
    heartbeat_s: int

    def request(self, needs: Fact | CardLookup) -> asyncio.Future[Any]:
        """Begin to do what a handler needs."""
        return self.authorize(*needs, self.now()) if isinstance(needs, CardLookup) else self.store(needs)


class Version:
    """One OCPP version: how a charger's CALLs are answered, and how commands are sent to it."""

    subprotocol: str
    message_types: tuple[int, ...] = (ocppj.CALL, ocppj.CALLRESULT, ocppj.CALLERROR)
    actions: Mapping[str, str]  # the version's enum members
    decoders: Mapping[str, msgspec.json.Decoder[Any]]  # of the Actions that make up nearly all of the traffic
    error_codes: Mapping[Fault, str]
    answers_all: bool  # unreadable messages and unknown message types get a CALLERROR, too
    commands: CommandEncoder

    def __init__(self, central_system: CentralSystem, handlers: Mapping[str, Handler]) -> None:
        self.central_system = central_system
        self.handlers = {"Heartbeat": Handler(nothing, self._heartbeat_answer), **handlers}

    def begin(self, call: IncomingCall, request: msgspec.Struct | None = None) -> PendingReply:
        """Begin to handle a CALL; `request` is its payload if that is decoded already. Raise `CallRefused`."""
        handler = self.handlers.get(call.action)
        if handler is None:
            raise self._unhandled(call.action)
        return PendingReply(handler, request or lenient.read(call.raw, handler.payload), call)

    def interval_s(self, _: int) -> int:
        """Return the heartbeat interval of a charger, by its id."""
        return self.central_system.heartbeat_s

    def boot_answer(self, _: Payload, call: IncomingCall, __: Outcome) -> object:
        """Accept the charger: the handshake admitted it, and Polaris never answers Pending or Rejected."""
        return call_result.BootNotification(
            current_time=timestamps.wire(self.central_system.now()),
            interval=self.interval_s(call.charger_id),
            status=RegistrationStatusEnumType.accepted,
        )

    def _heartbeat_answer(self, *_: object) -> object:
        """Answer the time. The contact is recorded for every frame, not here."""
        return call_result.Heartbeat(current_time=timestamps.wire(self.central_system.now()))

    def _unhandled(self, action: str) -> CallRefused:
        if action in self.actions.values():
            return CallRefused(Fault.NOT_SUPPORTED, "This action is not supported.")
        return CallRefused(Fault.NOT_IMPLEMENTED, "There is no such action.")


def payload(message: Any) -> dict[str, object]:
    """Return a `call` or `call_result` dataclass as JSON has it: camelCase keys, and no fields that are None."""
    return {
        key: _value(value) for name, key in _keys(message.__class__) if (value := getattr(message, name)) is not None
    }


def _value(value: Any) -> object:
    if isinstance(value, list):
        return [_value(item) for item in value]
    return payload(value) if is_dataclass(value) else value


@cache
def _keys(cls: type) -> list[tuple[str, str]]:
    return [(field.name, _camel(field.name)) for field in fields(cls)]


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)
