"""No frame ends a connection that should go on, and every CALL gets its answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simulator.charger import Charger
from simulator.connection import CallFailed
from tests.support.depot import Depot, until

HEARTBEAT = '[2,"%s","Heartbeat",{}]'


@pytest.mark.field(45)
@pytest.mark.parametrize(
    "frame", ["", "hello", "[", "[]", "{}", "null", "7", '"x"', '[2,"1","Heartbeat",{}', "[2,'1']"]
)
async def test_not_json_or_not_ocpp_ignored(depot: Depot, frame: str) -> None:
    async with depot.charger() as charger:
        await charger.connection.send_raw(frame)
        await charger.heartbeat()
        assert len(_received(charger)) == 1


@pytest.mark.field(46)
@pytest.mark.parametrize("deep", ["[" * 100_000, "[" * 60_000 + "]" * 60_000, '{"a":' * 40_000, "[" * 900 + "]" * 900])
async def test_deep_nesting(depot: Depot, deep: str) -> None:
    async with depot.charger() as charger:
        await charger.connection.send_raw(deep)
        await charger.connection.send_raw(f'[2,"deep","StatusNotification",{deep}]')
        await charger.connection.send_raw(f'[3,"deep",{deep}]')
        await charger.heartbeat()


@pytest.mark.field(46)
async def test_non_string_action_refused(depot: Depot) -> None:
    async with depot.charger() as charger:
        for action in ([], {}, 5, None, ["Heartbeat"], {"Heartbeat": 1}):
            answer = await _answer(charger, json.dumps([2, "a", action, {}]))
            assert answer[:3] == [4, "a", "FormationViolation"]


@pytest.mark.field(46)
@pytest.mark.parametrize("number", ["9" * 5000, "-" + "9" * 5000, "1e999", "1" * 20, "NaN", "-Infinity"])
async def test_endless_number_answered(depot: Depot, number: str) -> None:
    async with depot.charger() as charger:
        answer = await _answer(
            charger, f'[2,"n","StartTransaction",{{"connectorId":1,"idTag":"A","meterStart":{number}}}]'
        )
        assert answer[:2] == [3, "n"]
        await charger.connection.send_raw(f'[{number},"n","Heartbeat",{{}}]')
        await charger.heartbeat()


@pytest.mark.field(47)
async def test_message_over_limit_closed_1009(depot: Depot) -> None:
    async with depot.charger(reconnects=False) as charger:
        await charger.connection.send_raw(f'[2,"x","DataTransfer",{{"vendorId":"{"v" * 200_000}"}}]')
        await charger.heartbeat()
        await charger.connection.send_raw("x" * 300_000)
        await charger.connection.wait_closed()
        await until(lambda: charger.connection.close_code == 1009)


@pytest.mark.field(48)
async def test_binary_frame_closed_1003(depot: Depot) -> None:
    async with depot.charger(reconnects=False) as charger:
        await charger.connection.send_raw(b'[2,"1","Heartbeat",{}]')
        await charger.connection.wait_closed()
        await until(lambda: charger.connection.close_code == 1003)


@pytest.mark.field(49)
@pytest.mark.parametrize("message_id", [5, None, True, [], {"a": 1}, "x" * 37, "x" * 100_000, "\ud800"])
async def test_invalid_message_id_not_echoed(depot: Depot, message_id: object) -> None:
    async with depot.charger() as charger:
        answer = await _answer(charger, json.dumps([2, message_id, "Heartbeat", {}]))
        assert answer[:3] == [4, "-1", "FormationViolation"]


@pytest.mark.field(49)
@pytest.mark.parametrize("message_id", ["x" * 36, "", "<b>", "ö", "\0", "😀"])
async def test_any_text_message_id_answered(depot: Depot, message_id: str) -> None:
    async with depot.charger() as charger:
        answer = await _answer(charger, json.dumps([2, message_id, "Heartbeat", {}]))
        assert answer[:2] == [3, message_id]


@pytest.mark.field(50)
async def test_null_payload_is_empty(depot: Depot) -> None:
    async with depot.charger() as charger:
        assert (await _answer(charger, '[2,"n","Heartbeat",null]'))[:2] == [3, "n"]


@pytest.mark.field(51)
@pytest.mark.parametrize("rest", ["", ',"Heartbeat"', ',"Heartbeat",[]', ',"Heartbeat","x"', ',"Heartbeat",5'])
async def test_non_object_payload_formation_violation(depot: Depot, rest: str) -> None:
    async with depot.charger() as charger:
        answer = await _answer(charger, f'[2,"m"{rest}]')
        assert answer[:3] == [4, "m", "FormationViolation"]
        assert answer[4] == {}


@pytest.mark.field(52)
@pytest.mark.parametrize(
    ("action", "code"), [("Levitate", "NotImplemented"), ("heartbeat", "NotImplemented"), ("Reset", "NotSupported")]
)
async def test_unknown_and_unsupported_actions(depot: Depot, action: str, code: str) -> None:
    async with depot.charger() as charger:
        with pytest.raises(CallFailed) as failure:
            await charger.call(action, {"secret": "text"})
        assert failure.value.code == code
        assert "text" not in failure.value.description


@pytest.mark.field(53)
async def test_unknown_message_type_ignored(depot: Depot) -> None:
    async with depot.charger() as charger:
        for kind in (0, 1, 5, 6, -2, "2", None, [2], 2.5):
            await charger.connection.send_raw(json.dumps([kind, "m", "Heartbeat", {}]))
        await charger.heartbeat()
        assert len(_received(charger)) == 1


@pytest.mark.field(54)
async def test_unrequested_answer_dropped(depot: Depot) -> None:
    card = depot.card()
    async with depot.charger() as charger:
        for number in range(3000):
            await charger.connection.send_raw(json.dumps([3, f"id-{number}", {"status": "Accepted"}]))
            await charger.connection.send_raw(json.dumps([4, f"id-{number}", "GenericError", "", {}]))
        for broken in ("[3]", '[3,"x"]', "[4]", "[3,5,{}]", '[4,"x",{},[],5]'):
            await charger.connection.send_raw(broken)
        assert await charger.authorize(card.id_tag) == "Accepted"


@pytest.mark.field(59)
async def test_extra_fields_ignored(depot: Depot) -> None:
    async with depot.charger() as charger:
        assert await _answer(charger, '[2,"e","Heartbeat",{"a":[{"b":null}]},"extra",7]')


def _received(charger: Charger) -> list[Any]:
    return [json.loads(text) for direction, text in charger.connection.frames if direction == "received"]


async def _answer(charger: Charger, frame: str) -> list[Any]:
    """Send a frame and return what comes next."""
    seen = len(_received(charger))
    await charger.connection.send_raw(frame)
    return await until(lambda: _received(charger)[seen:][:1] and _received(charger)[seen])
