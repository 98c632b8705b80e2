"""Every message that an OCPP 2.0.1 or 2.1 charger can send is answered as its version's schema wants it."""

from __future__ import annotations

import json

import pytest

from polaris.models import ChargerNotice, Connector
from simulator.charger import now as wire_now
from simulator.connection import CallFailed
from tests.support.depot import Depot, is_of_since, now, row, sessions, until

VERSIONS = pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])

KEPT = {
    "ClearedChargingLimit": ({"chargingLimitSource": "EMS"}, {}),
    "DataTransfer": ({"vendorId": "ACME", "data": {"an": ["object"]}}, {"status": "UnknownVendorId"}),
    "FirmwareStatusNotification": ({"status": "Installed"}, {}),
    "Get15118EVCertificate": (
        {"iso15118SchemaVersion": "urn:iso:15118:2:2013:MsgDef", "action": "Install", "exiRequest": "gA=="},
        {"status": "Failed", "exiResponse": ""},
    ),
    "GetCertificateStatus": (
        {
            "ocspRequestData": {
                "hashAlgorithm": "SHA256",
                "issuerNameHash": "a",
                "issuerKeyHash": "b",
                "serialNumber": "c",
                "responderURL": "d",
            }
        },
        {"status": "Failed"},
    ),
    "LogStatusNotification": ({"status": "Uploaded", "requestId": 1}, {}),
    "NotifyChargingLimit": ({"chargingLimit": {"chargingLimitSource": "EMS"}}, {}),
    "NotifyCustomerInformation": ({"data": "x", "seqNo": 0, "generatedAt": "now", "requestId": 1}, {}),
    "NotifyDisplayMessages": ({"requestId": 1}, {}),
    "NotifyEVChargingNeeds": (
        {"evseId": 1, "chargingNeeds": {"requestedEnergyTransfer": "DC"}},
        {"status": "Rejected"},
    ),
    "NotifyEVChargingSchedule": ({"evseId": 1, "timeBase": "now", "chargingSchedule": {}}, {"status": "Accepted"}),
    "NotifyEvent": ({"generatedAt": "now", "seqNo": 0, "eventData": []}, {}),
    "NotifyMonitoringReport": ({"requestId": 1, "seqNo": 0, "generatedAt": "now"}, {}),
    "NotifyReport": ({"requestId": 1, "seqNo": 0, "generatedAt": "now", "tbc": True}, {}),
    "PublishFirmwareStatusNotification": ({"status": "Published", "location": ["https://x"]}, {}),
    "ReportChargingProfiles": (
        {"requestId": 1, "chargingLimitSource": "CSO", "evseId": 1, "chargingProfile": []},
        {},
    ),
    "ReservationStatusUpdate": ({"reservationId": 1, "reservationUpdateStatus": "Expired"}, {}),
    "SecurityEventNotification": ({"type": "TamperDetectionActivated", "timestamp": "now"}, {}),
    "SignCertificate": ({"csr": "-----BEGIN CERTIFICATE REQUEST-----"}, {"status": "Rejected"}),
}
KEPT_IN_21 = {
    "BatterySwap": ({"eventType": "BatteryIn", "requestId": 1, "idToken": {}, "batteryData": []}, {}),
    "ClosePeriodicEventStream": ({"id": 1}, {}),
    "NotifyDERAlarm": ({"controlType": "VoltVar", "timestamp": "now"}, {}),
    "NotifyDERStartStop": ({"controlId": "1", "started": True, "timestamp": "now"}, {}),
    "NotifyPriorityCharging": ({"transactionId": "t", "activated": True}, {}),
    "NotifySettlement": ({"pspRef": "p", "status": "Settled", "settlementAmount": 1, "settlementTime": "now"}, {}),
    "NotifyWebPaymentStarted": ({"evseId": 1, "timeout": 60}, {}),
    "OpenPeriodicEventStream": ({"constantStreamData": {"id": 1}}, {"status": "Rejected"}),
    "PullDynamicScheduleUpdate": ({"chargingProfileId": 1}, {"status": "Rejected"}),
    "ReportDERControl": ({"requestId": 1}, {}),
    "VatNumberValidation": ({"vatNumber": "DE123456789"}, {"vatNumber": "DE123456789", "status": "Rejected"}),
}


@pytest.mark.both_databases
@VERSIONS
async def test_boot_accepted_and_kept(depot: Depot, version: str) -> None:
    station = {"vendorName": "Ömega", "model": "M2", "serialNumber": "S-1", "firmwareVersion": "2"}
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        before = now()
        answer = await charger.call("BootNotification", {"reason": "PowerUp", "chargingStation": station})
        assert (answer["status"], answer["interval"]) == ("Accepted", depot.config.ocpp_heartbeat_s)
        assert is_of_since(before, answer["currentTime"])
        kept = row(charger.identity)
        assert (kept.vendor, kept.model, kept.serial, kept.firmware) == ("Ömega", "M2", "S-1", "2")
        before = now()
        heartbeat = await charger.heartbeat()
        assert is_of_since(before, heartbeat["currentTime"])


@pytest.mark.field(59)
@VERSIONS
@pytest.mark.parametrize("station", [None, {}, "x", {"vendorName": None, "serialNumber": "S" * 3000, "extra": [{}]}])
async def test_boot_with_too_little_and_too_much(depot: Depot, version: str, station: object) -> None:
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        answer = await charger.call("BootNotification", {"chargingStation": station, "extra": {"a": [1]}})
        assert answer["status"] == "Accepted"


@pytest.mark.field(87)
async def test_certificate_chain_answered(depot: Depot) -> None:
    named = {"hashAlgorithm": "SHA384", "issuerNameHash": "a", "issuerKeyHash": "b", "serialNumber": "c"}
    asked = [{"certificateHashData": named, "source": "OCSP", "urls": ["https://ocsp.example"]}]
    async with depot.charger_v2(subprotocols=("ocpp2.1",)) as charger:
        answer = await charger.call("GetCertificateChainStatus", {"certificateStatusRequests": asked})
        (status,) = answer["certificateStatus"]
        assert (status["certificateHashData"], status["source"], status["status"]) == (named, "OCSP", "Failed")
        long = {"hashAlgorithm": "MD5", "issuerNameHash": "a" * 500, "serialNumber": 5}
        answer = await charger.call(
            "GetCertificateChainStatus", {"certificateStatusRequests": [{"certificateHashData": long}] * 9}
        )
        assert len(answer["certificateStatus"]) == 4
        for nothing in ({}, {"certificateStatusRequests": []}, {"certificateStatusRequests": "x"}):
            with pytest.raises(CallFailed) as failure:
                await charger.call("GetCertificateChainStatus", nothing)
            assert failure.value.code == "OccurrenceConstraintViolation"


@pytest.mark.field(69, 70)
@VERSIONS
async def test_accepted_at_first_boot(depot: Depot, version: str) -> None:
    """SecurityError is for chargers that were told Pending or Rejected (B02.FR.09, B03.FR.07). Polaris tells neither:
    whom it does not know it refuses in the handshake, and so a charger that comes back without a boot (which is normal)
    is an accepted one, whose queued events are taken and which may be told to start and stop."""
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        started = await charger.start_transaction(depot.card().id_tag)  # before any boot
        assert started.status == "Accepted"
        assert row(charger.identity).booted_at is None
        assert (await charger.boot())["status"] == "Accepted"
        charger.connection.drop()
        await charger.connection.wait_closed()
        await charger.connection.connected.wait()
        await charger.stop_transaction(started, meter_stop_wh=100)  # without another boot
        assert [one.state for one in sessions(charger.identity)] == ["completed"]


@pytest.mark.both_databases
@pytest.mark.field(77)
@VERSIONS
async def test_status_per_evse_connector(depot: Depot, version: str) -> None:
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        for connector_id, status in [(1, "Occupied"), (2, "Unavailable")]:
            payload = {"evseId": 3, "connectorId": connector_id, "connectorStatus": status, "timestamp": wire_now()}
            assert await charger.call("StatusNotification", payload) == {}
        kept = Connector.select().where(Connector.charger == row(charger.identity)).order_by(Connector.number)
        assert [(c.number, c.status) for c in kept] == [(3, "Occupied"), (1003, "Unavailable")]


# Security events are kept by their type, so that a routine one does not replace one that needs a person.
TOPICS = {"SecurityEventNotification": "SecurityEvent TamperDetectionActivated"}


@pytest.mark.field(99, 87)
@VERSIONS
@pytest.mark.parametrize("action", KEPT)
async def test_notifications_answered_and_kept(depot: Depot, version: str, action: str) -> None:
    payload, answer = KEPT[action]
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        assert await charger.call(action, payload) == answer
        topic = TOPICS.get(action, action)
        assert _notice(charger.identity, topic) == payload
        assert await charger.call(action, {"unknown": "\ud800", "status": [], "seqNo": None}) == answer


@pytest.mark.field(87)
@pytest.mark.parametrize("action", KEPT_IN_21)
async def test_v21_additions_unknown_to_v201(depot: Depot, action: str) -> None:
    payload, answer = KEPT_IN_21[action]
    async with depot.charger_v2(subprotocols=("ocpp2.1",)) as charger:
        assert await charger.call(action, payload) == answer
        assert _notice(charger.identity, action) == payload
    async with depot.charger_v2() as charger:
        with pytest.raises(CallFailed) as failure:
            await charger.call(action, payload)
        assert failure.value.code == "NotImplemented"


@pytest.mark.field(87)
async def test_vat_number_answer_valid(depot: Depot) -> None:
    async with depot.charger_v2(subprotocols=("ocpp2.1",)) as charger:
        answer = await charger.call("VatNumberValidation", {"vatNumber": "9" * 100})
        assert answer == {"vatNumber": "9" * 20, "status": "Rejected"}


@pytest.mark.field(53)
async def test_send_never_answered(depot: Depot) -> None:
    stream = {"id": 1, "pending": 0, "basetime": wire_now(), "data": [{"t": 0, "v": "230.1"}]}
    async with depot.charger_v2(subprotocols=("ocpp2.1",)) as charger:
        for payload in (stream, {}, None, [], "x"):
            await charger.connection.send_raw(json.dumps([6, "s", "NotifyPeriodicEventStream", payload]))
        await charger.connection.send_raw(json.dumps([6, "s", "NotifyPeriodicEventStream", stream]))
        for broken in ("[6]", '[6,"s"]', '[6,5,"Heartbeat",{}]', '[6,"s","Levitate",{}]', '[6,"s","Heartbeat",{}]'):
            await charger.connection.send_raw(broken)
        await charger.heartbeat()
        assert len([1 for direction, _ in charger.connection.frames if direction == "received"]) == 1
        await until(lambda: _notice(charger.identity, "NotifyPeriodicEventStream") == stream)
        with pytest.raises(CallFailed) as failure:
            await charger.call("NotifyPeriodicEventStream", stream)
        assert failure.value.code == "FormatViolation"


@pytest.mark.both_databases
@pytest.mark.field(105)
@VERSIONS
async def test_html_kept_in_one_line(depot: Depot, version: str) -> None:
    html = "<script>alert(1)</script>\r\ndata: x"
    line = html.replace("\r\n", 2 * "\N{REPLACEMENT CHARACTER}")
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        payload = {"evseId": 1, "connectorId": 1, "connectorStatus": html + "\0", "timestamp": html}
        assert await charger.call("StatusNotification", payload) == {}
        assert Connector.get(Connector.charger == row(charger.identity)).status == line + "\N{REPLACEMENT CHARACTER}"


def _notice(identity: str, topic: str) -> dict:
    return json.loads(ChargerNotice.get(ChargerNotice.charger == row(identity), ChargerNotice.topic == topic).payload)
