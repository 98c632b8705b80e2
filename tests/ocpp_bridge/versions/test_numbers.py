"""Numbers beyond every limit, in each field of each Action: answered, stored, and cheap."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from ocpp.messages import MessageType, get_validator

from ocpp_bridge.versions import lenient
from ocpp_bridge.versions.v2.handlers import _scaled
from ocpp_bridge.versions.v16.payloads import StartTransaction
from polaris.domain import metering, raw_payload
from polaris.domain.metering import Sample
from simulator.charger import Charger
from simulator.connection import CallFailed
from tests.ocpp_bridge.versions.test_handlers import NOW, VERSIONS
from tests.support.depot import Depot, session, unprocessable_facts
from tests.support.frames_of import begun, meter, stop, value

pytestmark = pytest.mark.field(127)

LONG = "9" * 400
NUMBERS = ["1e1000000", "-1e1000000", "1e-1000000", "1e400", LONG, "0e999999999", "1e99999999999999999999"]
AS_SENT = [*NUMBERS, *map(json.dumps, NUMBERS)]
HOLE = "a field"


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.subprotocol)
async def test_every_field_of_every_action(depot: Depot, version: Any) -> None:
    async with depot.charger(subprotocols=(version.subprotocol,)) as charger:
        for action in version.actions.values():
            if action not in version.handlers:
                continue
            for number, payload in enumerate(_with_holes(action, version.subprotocol.removeprefix("ocpp"))):
                text = json.dumps(payload).replace(json.dumps(HOLE), AS_SENT[number % len(AS_SENT)])
                message_id = str(uuid.uuid4())
                frame = f'[2,"{message_id}","{action}",{text}]'
                assert await _refusal(charger, message_id, frame) != "InternalError", text
    applied = {fact.reason for fact in unprocessable_facts(charger.identity)}
    assert not [reason for reason in applied if "could not be applied" in reason]


@pytest.mark.parametrize("number", AS_SENT)
async def test_numbers_of_a_session(depot: Depot, number: str) -> None:
    """Each is as if it had not been sent; what is readable counts."""
    async with depot.charger() as charger:
        transaction = await begun(charger, depot.card().id_tag)
        for action, payload in (
            ("MeterValues", meter(transaction, value(10, 3000, {"value": HOLE, "unit": "kWh", "measurand": "SoC"}))),
            (
                "MeterValues",
                meter(transaction, value(20, {"value": HOLE, "unit": "W", "measurand": "Power.Active.Import"})),
            ),
            ("StopTransaction", stop(transaction, minutes=30, vendor=HOLE)),
        ):
            message_id = str(uuid.uuid4())
            text = json.dumps(payload).replace(json.dumps(HOLE), number)
            await charger.connection.exchange(message_id, f'[2,"{message_id}","{action}",{text}]')
        assert (session(transaction).state, session(transaction).energy_wh) == ("completed", 8000)


@pytest.mark.parametrize("number", [*AS_SENT, "9" * 250_000, f'"{"9" * 250_000}"', f"0.{'0' * 100_000}1"])
def test_number_is_read_or_left_out(number: str) -> None:
    read = raw_payload.read(f'{{"connectorId": {number}, "meterStart": {number}}}')
    start = lenient.read(read, StartTransaction)
    assert (start.connector_id, start.meter_start) in ((0, -1), (0, 0))
    text = str(read["meterStart"])
    for multiplier in (-12, 1, 12):
        found = metering.readings([(NOW, [Sample(_scaled(text, multiplier), unit="kWh")])])
        assert [reading.register_wh for reading in found] in ([None], [0])


@pytest.mark.parametrize(("text", "number"), [("9.9e17", 990 * 10**15), ("0e5", 0), ("1e-5", 0), ("2.5", 2)])
def test_whole_numbers_within_bounds(text: str, number: int) -> None:
    assert list(lenient._whole(text)) == [number]


async def _refusal(charger: Charger, message_id: str, frame: str) -> str:
    """The code of the CALLERROR that a frame is answered with, "" if it is accepted."""
    try:
        await charger.connection.exchange(message_id, frame)
    except CallFailed as refused:
        return refused.code
    return ""


def _with_holes(action: str, version: str) -> Iterator[Any]:
    """The Action's payload with all its fields, each in its turn a hole; then payloads of nothing but holes."""
    schema = get_validator(MessageType.Call, action, version).schema
    whole = _filled(schema, schema, ())
    for path in _leaves(whole, ()):
        yield _dug(whole, path)
    yield from [dict.fromkeys(schema.get("properties", {}), HOLE)] * len(AS_SENT)


def _filled(schema: Any, root: Any, above: tuple[str, ...]) -> Any:
    name = schema.get("$ref", "").rpartition("/")[2]
    if name:
        return _filled(root["definitions"][name], root, (*above, name)) if name not in above else {}
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    if kind == "object":
        return {key: _filled(inner, root, above) for key, inner in schema.get("properties", {}).items()}
    if kind == "array":
        return [_filled(schema["items"], root, above)]
    if schema.get("format") == "date-time":
        return NOW.isoformat()
    return {"string": "1", "boolean": False}.get(kind, 1)


def _leaves(payload: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    inside = payload.items() if isinstance(payload, dict) else enumerate(payload) if isinstance(payload, list) else ()
    for key, inner in inside:
        yield from _leaves(inner, (*path, key))
    yield path


def _dug(payload: Any, path: tuple[Any, ...]) -> Any:
    if not path:
        return HOLE
    copy = payload.copy()
    copy[path[0]] = _dug(payload[path[0]], path[1:])
    return copy
