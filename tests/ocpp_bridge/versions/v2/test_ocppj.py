"""What 2.x says of frames where 1.6 is silent or spells it otherwise, and which version a connection speaks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from polaris import administration
from simulator.charger import OnRemoteStop
from simulator.charger_v2 import ChargerV2
from simulator.connection import CallFailed
from tests.support.depot import Depot, now, row, session, sessions, until

VERSIONS = pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])


@pytest.mark.field(45)
@VERSIONS
@pytest.mark.parametrize("frame", ["", "hello", "[", "[]", "{}", "null", "7", '[2,"1","Heartbeat",{}', "[" * 100_000])
async def test_not_json_or_not_ocpp_framework_error(depot: Depot, version: str, frame: str) -> None:
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        assert (await _answer(charger, frame))[:3] == [4, "-1", "RpcFrameworkError"]
        await charger.heartbeat()


@pytest.mark.field(49)
@VERSIONS
@pytest.mark.parametrize("message_id", [5, None, [], "x" * 37, "\ud800"])
async def test_invalid_message_id_not_echoed(depot: Depot, version: str, message_id: object) -> None:
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        answer = await _answer(charger, json.dumps([2, message_id, "Heartbeat", {}]))
        assert answer[:3] == [4, "-1", "RpcFrameworkError"]


@pytest.mark.field(50)
@VERSIONS
async def test_null_payload_is_empty(depot: Depot, version: str) -> None:
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        assert (await _answer(charger, '[2,"n","Heartbeat",null]'))[:2] == [3, "n"]


@pytest.mark.field(51)
@VERSIONS
async def test_error_codes_in_v2_spelling(depot: Depot, version: str) -> None:
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        for rest in ("", ',"Heartbeat"', ',"Heartbeat",[]', ',["Heartbeat"],{}'):
            assert (await _answer(charger, f'[2,"m"{rest}]'))[:3] == [4, "m", "FormatViolation"]
        for action, payload, code in [
            ("Authorize", {}, "OccurrenceConstraintViolation"),
            ("Authorize", {"idToken": "ADA"}, "TypeConstraintViolation"),
            ("StatusNotification", {"evseId": {}, "connectorId": 1, "connectorStatus": "x"}, "TypeConstraintViolation"),
            ("Levitate", {}, "NotImplemented"),
            ("StartTransaction", {}, "NotImplemented"),
            ("Reset", {"secret": "text"}, "NotSupported"),
        ]:
            with pytest.raises(CallFailed) as failure:
                await charger.call(action, payload)
            assert (failure.value.code, failure.value.details) == (code, {})
            assert "text" not in failure.value.description


@pytest.mark.field(53)
@pytest.mark.parametrize(
    ("version", "strange"), [("ocpp2.0.1", (0, 1, 5, 6, -2, "2", None, [2], 2.5)), ("ocpp2.1", (0, 7, "6", None, {}))]
)
async def test_unknown_message_type_not_supported(depot: Depot, version: str, strange: tuple[object, ...]) -> None:
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        for kind in strange:
            answer = await _answer(charger, json.dumps([kind, "m", "Heartbeat", {}]))
            assert answer[:3] == [4, "m", "MessageTypeNotSupported"]
        assert (await _answer(charger, "[9]"))[:3] == [4, "-1", "MessageTypeNotSupported"]


@pytest.mark.field(53)
async def test_callresulterror_never_answered(depot: Depot) -> None:
    async with depot.charger_v2(subprotocols=("ocpp2.1",)) as charger:
        for broken in ('[5,"m","FormatViolation","",{}]', "[5]", "[5,{}]"):
            await charger.connection.send_raw(broken)
        await charger.heartbeat()
        assert len(_received(charger)) == 1


@pytest.mark.field(54)
@VERSIONS
async def test_unrequested_answer_dropped(depot: Depot, version: str) -> None:
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        for broken in ("[3]", '[3,"x"]', "[4]", "[3,5,{}]", '[4,"x",{},[],5]', '[3,"x",{}]'):
            await charger.connection.send_raw(broken)
        await charger.heartbeat()
        assert len(_received(charger)) == 1


@pytest.mark.field(63)
@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (("ocpp1.6", "ocpp2.0.1", "ocpp2.1"), "ocpp2.1"),
        (("ocpp2.0.1", "ocpp1.6"), "ocpp2.0.1"),
        (("ocpp1.6", "ocpp2.0.1"), "ocpp2.0.1"),
        (("ocpp2.0", "ocpp2.1"), "ocpp2.1"),
        (("ocpp9.9", "ocpp1.6"), "ocpp1.6"),
    ],
)
async def test_newest_common_version(depot: Depot, offered: tuple[str, ...], chosen: str) -> None:
    charger = depot.charger(subprotocols=offered) if chosen == "ocpp1.6" else depot.charger_v2(subprotocols=offered)
    async with charger:
        await charger.boot()
        assert charger.connection.subprotocol == row(charger.identity).protocol == chosen


@pytest.mark.field(64)
async def test_version_change_keeps_sessions_open(depot: Depot) -> None:
    async with depot.charger() as old:
        transaction = await old.start_transaction(depot.card().id_tag)
    async with depot.charger_v2(old.identity) as new:
        await new.boot()
        assert row(old.identity).protocol == "ocpp2.0.1"
        assert session(transaction.id).state == "active"
        new.on_remote_stop = OnRemoteStop.REJECT
        depot.request_stop(session(transaction.id))
        expected = ("RequestStopTransaction", {"transactionId": str(transaction.id)})
        await until(lambda: expected in new.commands)  # maybe after a trigger, as the session awaits its end
        await new.start_transaction(depot.card().id_tag, connector=2)
    async with depot.charger(old.identity) as again:
        assert await again.stop_transaction(transaction, meter_stop_wh=500) == {}
        assert [s.state for s in sessions(old.identity)] == ["completed", "active"]


@pytest.mark.field(62)
@pytest.mark.parametrize("offered", [(), ("mqtt",)])
async def test_fallback_version(depot: Depot, offered: tuple[str, ...]) -> None:
    identity = depot.identity()
    administration.set_fallback(identity, "ocpp1.6", actor="olga", now=now())
    async with depot.charger(identity, subprotocols=offered) as charger:
        await charger.boot()
        assert (charger.connection.subprotocol, row(identity).protocol) == ("", "ocpp1.6")
    administration.set_fallback(identity, "", actor="olga", now=now())
    async with depot.charger(identity, subprotocols=offered, reconnects=False) as charger:
        await charger.connection.wait_closed()
        await until(lambda: charger.connection.close_code == 1002)


def _received(charger: ChargerV2) -> list[Any]:
    return [json.loads(text) for direction, text in charger.connection.frames if direction == "received"]


async def _answer(charger: ChargerV2, frame: str) -> list[Any]:
    """Send a frame and return what comes next."""
    seen = len(_received(charger))
    await charger.connection.send_raw(frame)
    return await until(lambda: _received(charger)[seen:][:1] and _received(charger)[seen])
