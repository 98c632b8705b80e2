"""Owns a charger that tells of one session in any version of OCPP: the same story, as the version writes it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from simulator.charger import Charger
from simulator.charger_v2 import event, token
from simulator.connection import Payload
from tests.support.depot import Depot, session, sessions
from tests.support.frames_of import at, begun, meter, stop, value

V16, IN_DATA, V201, V21 = WAYS = ("ocpp1.6", "transactionData", "ocpp2.0.1", "ocpp2.1")  # IN_DATA is OCPP 1.6, too
VERSIONS = (V16, V201, V21)


@dataclass
class Telling:
    """Entries are `frames_of.value`, as OCPP 1.6 has them. `shown` is the session's energy after each message."""

    charger: Charger
    id_tag: str
    way: str
    transaction_id: str = "tx"
    number: int = 0
    events: int = 0
    shown: list[int | None] = field(default_factory=list)

    @property
    def is_v2(self) -> bool:
        return self.way in (V201, V21)

    async def start(self, register_wh: int | None, minutes: float = 0) -> None:
        if self.is_v2:
            begin = [] if register_wh is None else [_register(register_wh, minutes, "Transaction.Begin")]
            rest = {"evse": {"id": 1, "connectorId": 1}, "idToken": token(self.id_tag), "timestamp": at(minutes)}
            await self._event("Started", begin, **rest)
            self.number = sessions(self.charger.identity)[-1].number
        else:
            self.number = await begun(self.charger, self.id_tag, minutes=minutes, meter_start=register_wh)
        self._look()

    async def tell(self, *entries: Payload, is_named: bool = True) -> None:
        if self.is_v2 and is_named:
            await self._event("Updated", entries)
        elif self.is_v2:
            await self.charger.call("MeterValues", {"evseId": 1, "meterValue": [_v2(entry) for entry in entries]})
        else:
            await self.charger.call("MeterValues", meter(self.number if is_named else None, *entries))
        self._look()

    async def end(self, register_wh: int | None, minutes: float = 60, entries: tuple[Payload, ...] = ()) -> None:
        if self.way != V16 and register_wh is not None:
            entries, register_wh = (*entries, _register(register_wh, minutes, "Transaction.End")), None
        if self.is_v2:
            await self._event("Ended", entries, stoppedReason="EVDisconnected", timestamp=at(minutes))
        else:
            data = {"transactionData": list(entries)} if entries else {}
            ended = stop(self.number, minutes=minutes, meter_stop=register_wh, **data)
            await self.charger.call("StopTransaction", ended)
        self._look()

    async def _event(self, kind: str, entries: Any, stoppedReason: str = "", **rest: Any) -> None:  # noqa: N803
        info = {"stoppedReason": stoppedReason} if stoppedReason else {}
        meter_values = {"meterValue": [_v2(entry) for entry in entries]} if entries else {}
        told = event(self.transaction_id, self.events, kind, "MeterValuePeriodic", info, **meter_values)
        self.events += 1
        await self.charger.call("TransactionEvent", told | rest)

    def _look(self) -> None:
        self.shown.append(session(self.number).energy_wh)


@asynccontextmanager
async def telling(depot: Depot, way: str) -> AsyncIterator[Telling]:
    version = V16 if way == IN_DATA else way
    make = depot.charger if version == V16 else depot.charger_v2
    async with make(subprotocols=(version,)) as charger:
        # The simulator knows nothing of the transaction. Asked about it, as it may be at any time, it says nothing.
        charger.on_command["GetTransactionStatus"] = {"messagesInQueue": True}
        yield Telling(charger, depot.card().id_tag, way)


def _register(register_wh: int, minutes: float, context: str) -> Payload:
    return value(minutes, {"value": str(register_wh), "context": context})


def _v2(entry: Payload) -> Payload:
    """An entry as OCPP 2.x has it: numbers, where they are some, and the unit in an object."""
    samples = []
    for sample in entry["sampledValue"]:
        converted = {key: one for key, one in sample.items() if key != "unit"}
        if "unit" in sample:
            converted["unitOfMeasure"] = {"unit": sample["unit"]}
        samples.append(converted | {"value": _number(sample["value"])})
    return entry | {"sampledValue": samples}


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
