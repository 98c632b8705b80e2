"""No key and no password is kept in the log of frames, whatever the message and the version."""

from __future__ import annotations

import json

import pytest

from ocpp_bridge.redaction import strike_out

SECRET = "s3cr3t-of-somebody"
PASSWORD = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}


@pytest.mark.parametrize(
    "payload",
    [
        {"key": "AuthorizationKey", "value": SECRET},
        {"key": "AUTHORIZATIONKEY", "value": SECRET},
        {
            "configurationKey": [
                {"key": "Pin", "value": "1"},
                {"key": "WifiPassword", "readonly": False, "value": SECRET},
            ]
        },
        {"setVariableData": [PASSWORD | {"attributeValue": SECRET}]},
        {"getVariableResult": [PASSWORD | {"attributeStatus": "Accepted", "attributeValue": SECRET}]},
        {"reportData": [PASSWORD | {"variableAttribute": [{"type": "Actual", "value": SECRET}]}]},
        {"configurationSlot": 1, "connectionData": {"basicAuthPassword": SECRET, "apn": {"apnPassword": SECRET}}},
        {"connectionData": {"ocppCsmsUrl": "wss://x", "vpn": {"server": "x", "user": "x", "key": SECRET}}},
        {"vendorId": "x", "messageId": "SetPassword", "data": SECRET},
        {"vendorId": "x", "data": json.dumps({"authorizationKey": SECRET})},
        {"location": f"ftp://ada:{SECRET}@files.example/x"},
        {"log": {"remoteLocation": f"sftp://{SECRET}@files.example/x"}},
        {"location": f"https://files.example/x?token={SECRET}&sig=abc"},
        {"vendorId": "x", "data": json.dumps({"url": f"https://files.example/x?sig={SECRET}"})},
        {"key": "ChargeAmpsPin", "value": SECRET},
        {"customData": {"accessToken": SECRET}},
    ],
)
def test_secret_redacted_rest_kept(payload: dict[str, object]) -> None:
    frame = json.dumps([2, "an-id", "AnAction", payload])
    struck = json.loads(strike_out(frame))
    assert SECRET not in json.dumps(struck)
    assert "***" in json.dumps(struck)
    assert struck[:3] == [2, "an-id", "AnAction"]
    assert struck[3].keys() == payload.keys()


@pytest.mark.parametrize("message_id", ["MeterValues", 'x\\",\\"MeterValues'])
def test_message_id_hides_nothing(message_id: str) -> None:
    frame = f'[2,"{message_id}","ChangeConfiguration",{{"key":"AuthorizationKey","value":"{SECRET}"}}]'
    assert SECRET not in strike_out(frame)


def test_escaped_name_found() -> None:
    frame = '[2,"1","ChangeConfiguration",{"key":"\\u0041uthorizationKey","value":"' + SECRET + '"}]'
    assert SECRET not in strike_out(frame)


def test_escaped_address_found() -> None:
    frame = '[2,"1","GetDiagnostics",{"location":"https:\\/\\/files.example\\/x?sig=' + SECRET + '"}]'
    assert SECRET not in strike_out(frame)


@pytest.mark.parametrize("frame", ['[2,"1","X",{"password":"' + SECRET, '{"password":' + "[" * 100_000 + SECRET])
def test_unreadable_frame_redacted_whole(frame: str) -> None:
    assert strike_out(frame) == f"*** a frame that cannot be read, of {len(frame)} characters"


@pytest.mark.parametrize(
    "frame",
    [
        '[2, "1", "Heartbeat", {}]',
        '[2,"1","StartTransaction",{"idTag":"a@b"}]',
        '[2,"1","DataTransfer",{"data":"\\ud800"}]',
        '[3,"1",{"configurationKey":[{"key":"HeartbeatInterval","value":"300"}],"unknownKey":["Password"]}]',
        '[2,"1","Authorize",{"idToken":{"idToken":"AB12","type":"ISO14443"}}]',
        '[2,"1","ChangeConfiguration",{"key":"PingInterval","value":"60"}]',
        '[2,"1","DataTransfer",{"data":"https://files.example/x"}]',
        "not a frame",
        "",
    ],
)
def test_frame_without_secrets_unchanged(frame: str) -> None:
    assert strike_out(frame) == frame
