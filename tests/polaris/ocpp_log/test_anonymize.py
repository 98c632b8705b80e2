"""No card's id is in an export, whatever the version; what belongs to a session is, and nothing of another."""

from __future__ import annotations

import json

import pytest

from polaris.ocpp_log.anonymize import Anonymizer
from polaris.ocpp_log.export import of_session
from polaris.ocpp_log.files import IN, OUT, Line

FRAMES = [
    '[2,"1","Authorize",{"idTag":"04a2b3c4"}]',
    '[2, "2", "StartTransaction", {"idTag": "04A2B3C4", "meterStart": 0}]',
    '[3,"2",{"transactionId":5,"idTagInfo":{"status":"Accepted","parentIdTag":"FAMILY"}}]',
    '[2,"3","TransactionEvent",{"idToken":{"idToken":"04A2B3C4","type":"ISO14443"},"seqNo":0}]',
    '[2,"4","DataTransfer",{"vendorId":"x","data":"card 04a2b3c4 was read"}]',
    '[2,"5","MeterValues",{"meterValue":[{"sampledValue":[{"value":"04A2B3C4"}]}]}]',
    "[2,broken 04A2B3C4",
]


def test_card_has_one_stand_in() -> None:
    stand_ins = Anonymizer("04A2B3C4", FRAMES)
    replaced = [stand_ins.replaced(frame) for frame in FRAMES]
    assert json.loads(replaced[0])[3] == {"idTag": "STAND-IN-1"}
    assert json.loads(replaced[1])[3]["idTag"] == "STAND-IN-1"
    assert json.loads(replaced[2])[2]["idTagInfo"]["parentIdTag"] == "STAND-IN-2"
    assert json.loads(replaced[3])[3]["idToken"] == {"idToken": "STAND-IN-1", "type": "ISO14443"}
    assert json.loads(replaced[4])[3]["data"] == "card STAND-IN-1 was read"
    assert replaced[5] == FRAMES[5]  # a value that only looks like it
    assert replaced[6] == "[2,broken STAND-IN-1"


@pytest.mark.parametrize(
    "payload",
    [
        '{"idToken":{"idToken":"A","additionalInfo":[{"additionalIdToken":"DE-SECRET-9","type":"eMAID"}]}}',
        '{"groupIdToken":{"idToken":"DE-SECRET-9","type":"Central"}}',
        '{"customerIdentifier":"DE-SECRET-9"}',
        '{"prioritizedEMAIDs":["DE-SECRET-9"]}',
        '{"signedMeterValue":{"signedMeterData":"DE-SECRET-9"}}',
        '{"sampledValue":[{"value":"DE-SECRET-9","format":"SignedData"}]}',
        '{"address":{"address1":"DE-SECRET-9"}}',
        '{"evccId":"DE-SECRET-9"}',
    ],
)
def test_other_ids_of_people_replaced(payload: str) -> None:
    frame = f'[2,"1","Any",{payload}]'
    assert "SECRET" not in Anonymizer("A", [frame]).replaced(frame)


def test_frame_without_card_unchanged() -> None:
    frame = '[2, "9",  "Heartbeat", {}]'
    assert Anonymizer("04A2B3C4", FRAMES).replaced(frame) == frame


def test_other_transactions_left_out() -> None:
    mine = [
        (IN, '[2,"1","Authorize",{"idTag":"A"}]'),
        (OUT, '[3,"1",{"idTagInfo":{"status":"Accepted"}}]'),
        (IN, '[2,"2","StartTransaction",{"meterStart":0}]'),
        (OUT, '[3,"2",{"transactionId":7}]'),
        (IN, '[2,"3","MeterValues",{"transactionId":7}]'),
        (OUT, '[3,"3",{}]'),
        (OUT, '[2,"u-1","RemoteStopTransaction",{"transactionId":7}]'),
        (IN, '[3,"u-1",{"status":"Accepted"}]'),
        (IN, "no frame"),
        (IN, '[2,"5","StopTransaction",{"transactionId":-1}]'),
    ]
    others = [
        (IN, '[2,"2","StartTransaction",{"meterStart":9}]'),  # the same id, of another boot
        (OUT, '[3,"2",{"transactionId":8}]'),
        (IN, '[2,"3","MeterValues",{"transactionId":8}]'),
        (OUT, '[3,"3",{}]'),
        (IN, '[2,"9","TransactionEvent",{"transactionInfo":{"transactionId":"another"}}]'),
        (OUT, '[3,"9",{}]'),
    ]
    lines = [Line(at, "depot-7", "1", *said) for at, said in enumerate([*mine[:2], *others, *mine[2:]])]
    assert [(line.direction, line.frame) for line in of_session(lines, 7)] == mine


def test_v2_transaction_by_its_id() -> None:
    mine = '[2,"1","TransactionEvent",{"transactionInfo":{"transactionId":"a"}}]'
    another = mine.replace('"a"', '"b"')
    lines = [Line(at, "depot-7", "1", IN, frame) for at, frame in enumerate((mine, another, mine))]
    assert [line.frame for line in of_session(lines, "a")] == [mine, mine]


@pytest.mark.field(123)
def test_one_alias_however_card_is_written() -> None:
    frames = [json.dumps([2, "1", "Authorize", {"idTag": tag}]) for tag in (" F6 CA 0C C5", "f6ca0cc5")]
    frames.append(json.dumps([2, "1", "DataTransfer", {"data": "seen f6 ca 0c c5"}]))
    anonymizer = Anonymizer("F6CA0CC5", frames)
    assert [anonymizer.replaced(frame).count("STAND-IN-1") for frame in frames] == [1, 1, 1]
