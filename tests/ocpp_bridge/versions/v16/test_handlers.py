"""Every Action is answered, after what it said is stored."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from polaris.domain.enums import AccountStatus, CardStatus, ConnectorStatus
from polaris.models import ChargerNotice, Connector
from simulator.charger import now as wire_now
from simulator.connection import CallFailed
from tests.support.depot import Depot, is_of_since, now, readings, row, session, sessions, unprocessable_facts, until


async def test_boot_accepted_and_kept(depot: Depot) -> None:
    async with depot.charger() as charger:
        before = now()
        answer = await charger.call(
            "BootNotification",
            {
                "chargePointVendor": "Ömega",
                "chargePointModel": "M1",
                "chargePointSerialNumber": "S-1",
                "firmwareVersion": "2",
            },
        )
        assert answer["status"] == "Accepted"
        assert abs(answer["interval"] - depot.config.ocpp_heartbeat_s) <= depot.config.ocpp_heartbeat_s * 0.1
        assert is_of_since(before, answer["currentTime"])
        kept = row(charger.identity)
        assert (kept.vendor, kept.model, kept.serial, kept.firmware) == ("Ömega", "M1", "S-1", "2")
        assert kept.protocol == "ocpp1.6"


@pytest.mark.field(59)
async def test_boot_with_too_little_and_too_much(depot: Depot) -> None:
    async with depot.charger() as charger:
        for payload in (
            {},
            {"chargePointVendor": "", "chargePointModel": None},
            {"chargePointSerialNumber": "S" * 3000},
        ):
            assert (await charger.call("BootNotification", payload | {"extra": {"a": [1]}}))["status"] == "Accepted"


async def test_heartbeat_answers_time(depot: Depot) -> None:
    async with depot.charger() as charger:
        before = now()
        answer = await charger.heartbeat()
        assert is_of_since(before, answer["currentTime"])


@pytest.mark.both_databases
async def test_status_kept(depot: Depot) -> None:
    async with depot.charger() as charger:
        assert await charger.status(2, ConnectorStatus.SUSPENDED_EV) == {}
        kept = Connector.get(Connector.charger == row(charger.identity), Connector.number == 2)
        assert kept.status == ConnectorStatus.SUSPENDED_EV


@pytest.mark.field(59)
async def test_status_without_code_or_time(depot: Depot) -> None:
    async with depot.charger() as charger:
        assert await charger.call("StatusNotification", {"connectorId": "1", "status": "Charging"}) == {}
        kept = Connector.get(Connector.charger == row(charger.identity), Connector.number == 1)
        assert (kept.status, kept.error_code) == ("Charging", "NoError")


@pytest.mark.field(42)
@pytest.mark.parametrize(
    ("card_status", "account_status", "said"),
    [
        (CardStatus.ACTIVE, AccountStatus.ACTIVE, "Accepted"),
        (CardStatus.BLOCKED, AccountStatus.ACTIVE, "Blocked"),
        (CardStatus.ACTIVE, AccountStatus.SUSPENDED, "Blocked"),
        (CardStatus.ACTIVE, AccountStatus.STOPPED, "Blocked"),
    ],
)
async def test_authorization_by_card_and_account(
    depot: Depot, card_status: CardStatus, account_status: AccountStatus, said: str
) -> None:
    card = depot.card(card_status, account_status)
    async with depot.charger() as charger:
        assert await charger.authorize(card.id_tag) == said
        transaction = await charger.start_transaction(card.id_tag)
        assert transaction.status == said
        assert transaction.id > 0


@pytest.mark.field(41)
async def test_id_tags_case_insensitive(depot: Depot) -> None:
    card = depot.card()
    async with depot.charger() as charger:
        assert await charger.authorize(card.id_tag.lower()) == "Accepted"


@pytest.mark.field(41, 42)
@pytest.mark.parametrize("id_tag", ["NOBODY-KNOWS-IT", "X" * 21, "X" * 4000, ""])
async def test_unknown_and_long_cards_invalid(depot: Depot, id_tag: str) -> None:
    async with depot.charger() as charger:
        assert await charger.authorize(id_tag) == "Invalid"
        transaction = await charger.start_transaction(id_tag)
        assert transaction.status == "Invalid"
        assert transaction.id > 0


@pytest.mark.field(42)
async def test_card_charging_elsewhere_concurrent(depot: Depot) -> None:
    card = depot.card()
    async with depot.charger() as one, depot.charger() as other:
        assert (await one.start_transaction(card.id_tag)).status == "Accepted"
        assert (await other.start_transaction(card.id_tag)).status == "ConcurrentTx"


@pytest.mark.both_databases
@pytest.mark.field(1)
async def test_repeated_start_same_transaction(depot: Depot) -> None:
    card = depot.card()
    start = {"connectorId": 1, "idTag": card.id_tag, "meterStart": 10, "timestamp": wire_now()}
    async with depot.charger() as charger:
        first = await charger.call("StartTransaction", start)
        assert await charger.call("StartTransaction", start) == first
        assert len(sessions(charger.identity)) == 1


@pytest.mark.both_databases
async def test_session_stored_before_each_answer(depot: Depot) -> None:
    card = depot.card()
    async with depot.charger() as charger:
        transaction = await charger.start_transaction(card.id_tag, meter_start_wh=1000)
        assert session(transaction.id).account_id == card.account_id
        await charger.meter_values(transaction, 1500, power_w=22_000, soc_percent=40)
        metered = session(transaction.id)
        assert (metered.energy_wh, metered.power_w, metered.soc_percent) == (500, 22_000, 40)
        await charger.stop_transaction(transaction, meter_stop_wh=3000)
        ended = session(transaction.id)
        assert (ended.state, ended.energy_wh, ended.stop_reason) == ("completed", 2000, "Local")
        assert readings(transaction.id)[-1].is_final


@pytest.mark.field(27, 28, 34, 36)
async def test_samples_of_every_kind(depot: Depot) -> None:
    """A value that is no number is refused alone; defaults, kWh and JSON numbers are taken; others passed over."""
    card = depot.card()
    async with depot.charger() as charger:
        transaction = await charger.start_transaction(card.id_tag, meter_start_wh=0)
        for value, energy_wh in [
            ({"value": "100"}, 100),
            ({"value": "0.25", "unit": "kWh"}, 250),
            ({"value": 300.4}, 300),
        ]:
            await _meter(
                charger, transaction.id, [value, {"value": "21", "measurand": "Temperature", "unit": "Celcius"}]
            )
            assert session(transaction.id).energy_wh == energy_wh
        for value in ("NaN", "Infinity", "", "1,5", None, [], {"a": 1}, "9" * 60, True):
            await _meter(charger, transaction.id, [{"value": value}, {"value": "7", "measurand": "SoC"}])
        assert session(transaction.id).energy_wh == 300
        await _meter(charger, transaction.id, [])
        await _meter(charger, transaction.id, "nothing")


@pytest.mark.field(34)
async def test_huge_number_refused_alone(depot: Depot) -> None:
    async with depot.charger() as charger:
        transaction = await charger.start_transaction(depot.card().id_tag)
        await _meter(charger, transaction.id, [{"value": "1e999999999999"}, {"value": "7", "measurand": "SoC"}])
        assert session(transaction.id).soc_percent == 7


@pytest.mark.field(25)
async def test_readings_without_transaction(depot: Depot) -> None:
    card = depot.card()
    async with depot.charger() as charger:
        transaction = await charger.start_transaction(card.id_tag, connector=2)
        for named in (None, 0, -1):
            await _meter(charger, named, [{"value": "400"}], connector=2)
        assert session(transaction.id).energy_wh == 400


@pytest.mark.field(18)
@pytest.mark.parametrize("meter_stop", [2000.4, "2000", "2000.2", 2000])
async def test_meter_stop_of_any_type(depot: Depot, meter_stop: object) -> None:
    async with depot.charger() as charger:
        transaction = await charger.start_transaction(depot.card().id_tag, meter_start_wh=500)
        stop = {"transactionId": transaction.id, "meterStop": meter_stop, "timestamp": wire_now()}
        assert await charger.call("StopTransaction", stop) == {}
        assert session(transaction.id).energy_wh == 1500


@pytest.mark.field(19)
@pytest.mark.parametrize(("reason", "kept"), [(None, "Local"), ("", ""), ("Coffee", "Coffee"), ("EVDisconnected",) * 2])
async def test_any_reason_or_none(depot: Depot, reason: str | None, kept: str) -> None:
    async with depot.charger() as charger:
        transaction = await charger.start_transaction(depot.card().id_tag)
        stop = {"transactionId": transaction.id, "meterStop": 1, "timestamp": wire_now(), "reason": reason}
        assert await charger.call("StopTransaction", stop) == {}
        assert session(transaction.id).stop_reason == kept


@pytest.mark.field(20)
async def test_id_tag_info_only_for_named_card(depot: Depot) -> None:
    card = depot.card()
    async with depot.charger() as charger:
        transaction = await charger.start_transaction(card.id_tag)
        stop = {"transactionId": transaction.id, "meterStop": 1, "timestamp": wire_now(), "idTag": "ANOTHER"}
        assert await charger.call("StopTransaction", stop) == {"idTagInfo": {"status": "Invalid"}}
        assert session(transaction.id).state == "completed"


@pytest.mark.both_databases
@pytest.mark.field(4, 5)
@pytest.mark.parametrize("number", [2_000_000_000, -1, 0, 10**15, "x", None])
async def test_stop_of_unknown_transaction(depot: Depot, number: object) -> None:
    async with depot.charger() as charger:
        stop = {"transactionId": number, "meterStop": 1, "timestamp": wire_now()}
        assert await charger.call("StopTransaction", stop) == {}
        assert json.loads(unprocessable_facts(charger.identity)[-1].payload) == stop


@pytest.mark.field(24)
async def test_transaction_data_stored(depot: Depot) -> None:
    async with depot.charger() as charger:
        transaction = await charger.start_transaction(depot.card().id_tag, meter_start_wh=0)
        data = [{"timestamp": wire_now(), "sampledValue": [{"value": "700", "context": "Transaction.Begin"}]}]
        later = (now() + timedelta(seconds=1)).isoformat()
        stop = {"transactionId": transaction.id, "meterStop": 900, "timestamp": later, "transactionData": data}
        await charger.call("StopTransaction", stop)
        assert 700 in [reading.register_wh for reading in readings(transaction.id)]


@pytest.mark.field(38, 39)
@pytest.mark.parametrize(
    "timestamp", ["2026-02-30", "yesterday", "", None, 5, "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00"]
)
async def test_unbelievable_times_replaced(depot: Depot, timestamp: object) -> None:
    async with depot.charger() as charger:
        start = {"connectorId": 1, "idTag": depot.card().id_tag, "meterStart": 0, "timestamp": timestamp}
        started = await charger.call("StartTransaction", start)
        assert abs(session(started["transactionId"]).started_at - now()) < timedelta(seconds=30)


@pytest.mark.both_databases
@pytest.mark.field(105)
async def test_html_kept_in_one_line(depot: Depot) -> None:
    html = "<script>alert(1)</script>\r\ndata: x"
    line = html.replace("\r\n", 2 * "\N{REPLACEMENT CHARACTER}")
    async with depot.charger() as charger:
        await charger.call(
            "StatusNotification", {"connectorId": 1, "status": html, "info": html + "\0", "errorCode": html}
        )
        assert Connector.get(Connector.charger == row(charger.identity)).status == line
        transaction = await charger.start_transaction(depot.card().id_tag)
        stop = {"transactionId": transaction.id, "meterStop": 1, "timestamp": wire_now(), "reason": html}
        assert await charger.call("StopTransaction", stop) == {}
        assert session(transaction.id).stop_reason == line
        start = {"connectorId": 1, "idTag": "\0<b>", "meterStart": 0, "timestamp": wire_now()}
        assert (await charger.call("StartTransaction", start))["idTagInfo"] == {"status": "Invalid"}


@pytest.mark.field(98)
@pytest.mark.parametrize("data", ["text", {"an": ["object"]}, None, "\ud800"])
async def test_data_transfer_kept_vendor_unknown(depot: Depot, data: object) -> None:
    async with depot.charger() as charger:
        answer = await charger.call("DataTransfer", {"vendorId": "ACME", "data": data})
        assert answer == {"status": "UnknownVendorId"}
        assert _notice(charger.identity, "DataTransfer")["vendorId"] == "ACME"


@pytest.mark.field(99)
@pytest.mark.parametrize("action", ["FirmwareStatusNotification", "DiagnosticsStatusNotification"])
async def test_notifications_answered_and_kept(depot: Depot, action: str) -> None:
    async with depot.charger() as charger:
        for status in ("Downloading", "Installed"):
            assert await charger.call(action, {"status": status}) == {}
        assert _notice(charger.identity, action) == {"status": "Installed"}


@pytest.mark.field(67)
async def test_any_frame_is_sign_of_life(depot: Depot) -> None:
    async with depot.charger() as charger:
        await charger.boot()
        before = row(charger.identity).last_contact_at
        await charger.heartbeat()
        await until(lambda: row(charger.identity).last_contact_at > before)


async def test_authorize_without_card_error_spelling(depot: Depot) -> None:
    async with depot.charger() as charger:
        for payload, code in [({}, "OccurenceConstraintViolation"), ({"idTag": {}}, "TypeConstraintViolation")]:
            with pytest.raises(CallFailed) as failure:
                await charger.call("Authorize", payload)
            assert failure.value.code == code


@pytest.mark.field(12)
@pytest.mark.parametrize("action", ["StartTransaction", "MeterValues", "StopTransaction"])
@pytest.mark.parametrize("value", [None, {}, [], True, "x", 1.5, 10**30])
async def test_transaction_never_answered_with_error(depot: Depot, action: str, value: object) -> None:
    fields = ("connectorId", "idTag", "meterStart", "timestamp", "transactionId", "meterValue", "meterStop", "reason")
    async with depot.charger() as charger:
        await charger.call(action, {})
        await charger.call(action, dict.fromkeys((*fields, "transactionData"), value))


async def _meter(charger, transaction_id: int | None, values: object, *, connector: int = 1) -> None:
    value = {"timestamp": wire_now(), "sampledValue": values}
    payload = {"connectorId": connector, "transactionId": transaction_id, "meterValue": [value]}
    assert await charger.call("MeterValues", payload) == {}


def _notice(identity: str, topic: str) -> dict:
    return json.loads(ChargerNotice.get(ChargerNotice.charger == row(identity), ChargerNotice.topic == topic).payload)
