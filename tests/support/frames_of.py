"""Owns the payloads that field tests send: OCPP 1.6 as chargers write it, at instants of the test's choosing."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from polaris import models
from polaris.models import SessionNote
from simulator.charger import Charger
from simulator.connection import Payload
from tests.support.depot import until

BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)


def at(minutes: float) -> str:
    """An instant on the charger's clock, from two hours ago on."""
    return (BEGAN + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def start(id_tag: str, *, minutes: float = 0, connector: int = 1, meter_start: object = 1000) -> Payload:
    return {"connectorId": connector, "idTag": id_tag, "meterStart": meter_start, "timestamp": at(minutes)}


def stop(number: object, *, minutes: float = 60, meter_stop: object = 9000, **rest: object) -> Payload:
    return {"transactionId": number, "meterStop": meter_stop, "timestamp": at(minutes), "reason": "Local", **rest}


def value(minutes: float, *samples: dict[str, object] | object) -> Payload:
    """One instant; a plain number stands for a register in Wh."""
    sampled = [s if isinstance(s, dict) else {"value": str(s)} for s in samples]
    return {"timestamp": at(minutes), "sampledValue": sampled}


def meter(number: object, *values: Payload, connector: int = 1) -> Payload:
    return {"connectorId": connector, "transactionId": number, "meterValue": list(values)}


async def begun(charger: Charger, id_tag: str, **changes: Any) -> int:
    """Start a transaction; return its number."""
    number: int = (await charger.call("StartTransaction", start(id_tag, **changes)))["transactionId"]
    return number


async def sent(charger: Charger, action: str, payload: Payload, message_id: str = "") -> Any:
    """Send a CALL under a message id of its own; return what is answered to it."""
    message_id = message_id or str(uuid.uuid4())
    seen = len(_answers(charger, message_id))
    await charger.connection.connected.wait()
    await charger.connection.send_raw(json.dumps([2, message_id, action, payload]))
    return (await until(lambda: _answers(charger, message_id)[seen:]))[0]


def notes(number: int) -> set[str]:
    with models.database.connection_context():
        return {note.kind for note in SessionNote.select().where(SessionNote.session == number)}


def _answers(charger: Charger, message_id: str) -> list[Any]:
    received = [json.loads(text) for direction, text in charger.connection.frames if direction == "received"]
    return [frame[2] for frame in received if frame[0] == 3 and frame[1] == message_id]
