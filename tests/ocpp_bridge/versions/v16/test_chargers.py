"""FIELD, sections C to F, H and I as far as OCPP 1.6 goes: time, cards, connections, states, commands, security."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from polaris.domain.enums import CardStatus
from polaris.ingest import Ingest
from polaris.models import AuditEntry, ChargerNotice, Connector, EvCard
from polaris.pubsub import Publisher
from simulator.charger import OnRemoteStop
from simulator.connection import CallFailed
from tests.support.depot import Depot, now, overdue, row, session, sessions, stop_requests, stop_state, until
from tests.support.frames_of import at, begun, meter, notes, start, stop, value
from tests.support.processes import Processes


@pytest.mark.field(38)
@pytest.mark.parametrize(
    ("timestamp", "utc"),
    [("{0}Z", 0), ("{0}", 0), ("{0}+02:00", -2), ("{0}-05:30", 5.5), ("{0}.123456Z", 0), ("{0}.5", 0)],
)
async def test_times_with_and_without_zone(depot: Depot, timestamp: str, utc: float) -> None:
    noon = (now() - timedelta(hours=9)).replace(microsecond=0, tzinfo=None)
    async with depot.charger() as charger:
        begin = start(depot.card().id_tag) | {"timestamp": timestamp.format(noon.isoformat())}
        number = (await charger.call("StartTransaction", begin))["transactionId"]
        started_at = session(number).started_at.replace(microsecond=0, tzinfo=None)
        assert started_at == noon + timedelta(hours=utc)
        assert "clock_corrected" not in notes(number)


@pytest.mark.field(39)
@pytest.mark.parametrize("year", [1970, 2000, 2099])
async def test_impossible_clock_replaced_and_noted(depot: Depot, year: int) -> None:
    async with depot.charger() as charger:
        begin = start(depot.card().id_tag) | {"timestamp": f"{year}-01-01T00:00:00Z"}
        number = (await charger.call("StartTransaction", begin))["transactionId"]
        said = value(0, 3000) | {"timestamp": f"{year}-01-01T00:10:00Z"}
        await charger.call("MeterValues", meter(number, said))
        await charger.call("StopTransaction", stop(number) | {"timestamp": f"{year}-01-01T01:00:00Z"})
        found = session(number)
        assert abs(found.started_at - now()) < timedelta(seconds=30)
        assert abs(found.ended_at - now()) < timedelta(seconds=30)
        assert found.energy_wh == 8000
        assert "clock_corrected" in notes(number)


@pytest.mark.field(40)
async def test_end_before_start_no_negative_duration(depot: Depot) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag, minutes=30)
        await charger.call("StopTransaction", stop(number, minutes=20))
        assert session(number).ended_at == session(number).started_at
        assert (session(number).energy_wh, "clock_corrected" in notes(number)) == (8000, True)


@pytest.mark.field(42)
async def test_bad_card_offline_recorded(depot: Depot) -> None:
    async with depot.charger() as charger:
        answer = await charger.call("StartTransaction", start("STRANGER"))
        assert answer["idTagInfo"] == {"status": "Invalid"}
        number = answer["transactionId"]
        await charger.call("StopTransaction", stop(number))
        found = session(number)
        assert (found.state, found.energy_wh, found.id_tag, found.account_id) == ("completed", 8000, "STRANGER", None)


@pytest.mark.field(43)
async def test_blocked_card_can_end(depot: Depot) -> None:
    card = depot.card()
    async with depot.charger() as charger:
        number = await begun(charger, card.id_tag)
        EvCard.update(status=CardStatus.BLOCKED).where(EvCard.id == card.id).execute()
        await charger.call("MeterValues", meter(number, value(10, 3000)))
        answer = await charger.call("StopTransaction", stop(number, idTag=card.id_tag))
        assert answer == {"idTagInfo": {"status": "Blocked"}}
        assert (session(number).state, session(number).account_id) == ("completed", card.account_id)


@pytest.mark.field(55)
async def test_waiting_command_blocks_nothing(depot: Depot) -> None:
    async with depot.charger() as charger:
        charger.on_remote_stop = OnRemoteStop.LATE
        transaction = await charger.start_transaction(depot.card().id_tag)
        depot.request_stop(session(transaction.id))
        await charger.commanded.wait()
        await charger.heartbeat()
        await charger.meter_values(transaction, 700)
        assert session(transaction.id).energy_wh == 700
        await charger.answer_late()
        await until(lambda: stop_state(transaction.id) == "completed")


@pytest.mark.field(65)
async def test_alternating_connections_alarm(depot: Depot) -> None:
    identity = depot.identity()
    one = depot.charger(identity)
    other = depot.charger(identity, min_pause_s=0.2)
    await one.connect()
    await other.connect()  # each comes back when the other has replaced it
    await until(lambda: _notice(identity, "Alarm two connections") is not None)
    await one.close()
    await other.close()


@pytest.mark.field(69)
async def test_queued_messages_before_boot(depot: Depot) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag)
        await charger.call("MeterValues", meter(number, value(10, 3000)))
        await charger.call("StopTransaction", stop(number))
        assert session(number).state == "completed"
        assert row(charger.identity).booted_at is None


@pytest.mark.both_databases
@pytest.mark.field(70, 71)
async def test_boot_loop_accepted_and_writes_little(depot: Depot) -> None:
    async with depot.charger() as charger:
        answers = [await charger.boot() for _ in range(6)]
        booted_at = row(charger.identity).booted_at
        answers += [await charger.boot() for _ in range(14)]
        assert {answer["status"] for answer in answers} == {"Accepted"}
        assert row(charger.identity).booted_at == booted_at
        interval_s = depot.config.ocpp_heartbeat_s
        assert all(0.9 * interval_s <= answer["interval"] <= 1.1 * interval_s for answer in answers)


@pytest.mark.field(71)
async def test_intervals_spread_and_stable(depot: Depot) -> None:
    intervals = []
    for _ in range(6):
        async with depot.charger() as charger:
            told = {(await charger.boot())["interval"] for _ in range(2)}
            assert len(told) == 1
            intervals += told
    assert len(set(intervals)) > 1


@pytest.mark.field(73)
@pytest.mark.parametrize("status", ["Available", "Faulted", "Unavailable"])
async def test_connector_0_ends_no_session(depot: Depot, status: str) -> None:
    async with depot.charger() as charger:
        transaction = await charger.start_transaction(depot.card().id_tag)
        await charger.status(0, status)
        assert (session(transaction.id).state, session(transaction.id).is_awaiting_end) == ("active", False)
        assert Connector.get(Connector.charger == row(charger.identity), Connector.number == 0).status == status


@pytest.mark.field(74)
async def test_available_in_session_asks_once(depot: Depot) -> None:
    async with depot.charger() as charger:
        transaction = await charger.start_transaction(depot.card().id_tag)
        charger.transactions.clear()  # the charger forgot it
        await charger.status(1, "Available")
        await until(lambda: charger.commands)
        assert list(charger.commands) == [("TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": 1})]
        assert session(transaction.id).followed_up_at is not None
        assert session(transaction.id).state == "active"


@pytest.mark.field(75, 97)
@pytest.mark.parametrize("status", ["SuspendedEV", "SuspendedEVSE", "Finishing"])
async def test_paused_or_finishing_in_progress(depot: Depot, status: str) -> None:
    async with depot.charger() as charger:
        transaction = await charger.start_transaction(depot.card().id_tag)
        await charger.status(1, "Charging")
        await charger.status(1, status)
        assert (session(transaction.id).state, session(transaction.id).connector_status) == ("active", status)


@pytest.mark.field(76)
async def test_fault_ends_no_session(depot: Depot) -> None:
    async with depot.charger() as charger:
        transaction = await charger.start_transaction(depot.card().id_tag)
        await charger.status(1, "Faulted", "GroundFailure")
        assert session(transaction.id).state == "active"
        await charger.stop_transaction(transaction, meter_stop_wh=100)
        assert session(transaction.id).energy_wh == 100


@pytest.mark.both_databases
@pytest.mark.field(77)
async def test_status_bursts_leave_newest(depot: Depot) -> None:
    async with depot.charger() as charger:
        said = [
            {"connectorId": 1, "status": status, "errorCode": "OtherError", "vendorErrorCode": f"0x{n:02X}"}
            for n, status in enumerate(["Preparing", "Charging", "Charging", "SuspendedEV", "Finishing"] * 4)
        ]
        for payload in [*said, said[-1]]:
            await charger.call("StatusNotification", payload)
        kept = Connector.get(Connector.charger == row(charger.identity), Connector.number == 1)
        assert (kept.status, kept.info) == ("Finishing", "0x13")
        await charger.call("StatusNotification", said[0] | {"timestamp": at(0)})  # older, and late
        assert Connector.get_by_id(kept.id).status == "Finishing"


@pytest.mark.field(88)
async def test_accepted_pending_until_end(depot: Depot) -> None:
    async with depot.charger() as charger:
        charger.on_remote_stop = OnRemoteStop.ACCEPT_SILENT
        transaction = await charger.start_transaction(depot.card().id_tag)
        depot.request_stop(session(transaction.id))
        await until(lambda: stop_state(transaction.id) == "accepted")
        assert session(transaction.id).state == "active"
        assert stop_requests(transaction.id)[0].deadline_at > now()
        await charger.stop_transaction(transaction)
        assert (stop_state(transaction.id), session(transaction.id).state) == ("completed", "completed")


@pytest.mark.both_databases
@pytest.mark.field(89)
async def test_stuck_session_closed_on_evidence(depot: Depot) -> None:
    """And the charger's own end, come at last, takes the place of the estimate; both figures are kept."""
    async with depot.charger() as charger:
        charger.on_remote_stop, charger.accepts_triggers = OnRemoteStop.ACCEPT_SILENT, False
        transaction = await charger.start_transaction(depot.card().id_tag)
        await charger.meter_values(transaction, 4000)
        number = transaction.id
        assert not _close(depot, number)  # nothing speaks for it yet
        depot.request_stop(session(number))
        await overdue(number)
        await until(lambda: charger.commands[-1][0] == "TriggerMessage")
        assert {action for action, _ in charger.commands} == {"RemoteStopTransaction", "TriggerMessage"}
        (found,) = [stuck for stuck in _ingest(depot, "stuck", now()) if stuck.number == number]
        assert any("accepted twice" in sentence for sentence in found.evidence)
        assert _close(depot, number)
        closed = session(number)
        assert (closed.state, closed.energy_wh, stop_state(number)) == ("estimated", 4000, "completed")
        assert "closed_by_operator" in notes(number)
        entry = AuditEntry.get(AuditEntry.action == "session.closed", AuditEntry.target == f"session {number}")
        assert (entry.actor, "accepted twice" in entry.detail) == ("olga@example.com", True)
        await charger.stop_transaction(transaction, meter_stop_wh=4500)
        closed = session(number)
        assert (closed.state, closed.energy_wh, closed.estimated_wh) == ("completed", 4500, 4000)


@pytest.mark.both_databases
@pytest.mark.field(90)
async def test_rejected_stop_of_freed_connector(depot: Depot) -> None:
    async with depot.charger() as charger:
        charger.on_remote_stop = OnRemoteStop.REJECT
        transaction = await charger.start_transaction(depot.card().id_tag)
        depot.request_stop(session(transaction.id))
        await until(lambda: stop_state(transaction.id) == "rejected")
        await charger.status(1, "Available")
        (found,) = [stuck for stuck in _ingest(depot, "stuck", now()) if stuck.number == transaction.id]
        assert any("no such transaction" in sentence for sentence in found.evidence)
        assert _close(depot, transaction.id)


@pytest.mark.field(93)
async def test_second_click_no_second_command(depot: Depot) -> None:
    async with depot.charger() as charger:
        charger.on_remote_stop = OnRemoteStop.LATE
        transaction = await charger.start_transaction(depot.card().id_tag)
        first = depot.request_stop(session(transaction.id))
        await charger.commanded.wait()
        assert depot.request_stop(session(transaction.id)) == first
        await charger.answer_late()
        await until(lambda: stop_state(transaction.id) == "completed")
        assert len(charger.commands) == 1


@pytest.mark.field(99)
@pytest.mark.parametrize(
    ("action", "payload", "answer"),
    [
        ("FirmwareStatusNotification", {"status": "Installed"}, {}),
        ("DiagnosticsStatusNotification", {"status": "Uploaded"}, {}),
        ("LogStatusNotification", {"status": "Uploaded", "requestId": 1}, {}),
        ("SignedFirmwareStatusNotification", {"status": "Installed", "requestId": 1}, {}),
        ("SignCertificate", {"csr": "-----BEGIN CERTIFICATE REQUEST-----"}, {"status": "Rejected"}),
        ("SecurityEventNotification", {"type": "FirmwareUpdated", "timestamp": at(0)}, {}),
    ],
)
async def test_empty_notifications_answered(
    depot: Depot, action: str, payload: dict[str, object], answer: dict[str, object]
) -> None:
    async with depot.charger() as charger:
        assert await charger.call(action, payload) == answer
        assert await charger.call(action, {}) == answer
        assert ChargerNotice.select().where(ChargerNotice.charger == row(charger.identity)).exists()


@pytest.mark.field(52)
async def test_our_actions_not_supported(depot: Depot) -> None:
    """Reservation, SmartCharging, LocalAuthList and RemoteTrigger have no message that a charger begins."""
    async with depot.charger() as charger:
        for action in ("ReserveNow", "CancelReservation", "SetChargingProfile", "SendLocalList", "TriggerMessage"):
            with pytest.raises(CallFailed) as failure:
                await charger.call(action, {})
            assert failure.value.code == "NotSupported"


@pytest.mark.field(104)
async def test_critical_security_event_alarm(own_depot: Depot, processes: Processes) -> None:
    bridge = processes.bridge()
    async with own_depot.charger() as charger:
        for kind in ("TamperDetectionActivated", "StartupOfTheDevice", "Bend\r\nERROR forged", "x" * 3000):
            event = {"type": kind, "timestamp": at(0), "techInfo": "lid\r\nERROR forged: open"}
            assert await charger.call("SecurityEventNotification", event) == {}
        assert _notice(charger.identity, "SecurityEvent TamperDetectionActivated")["techInfo"].startswith("lid")
        assert _notice(charger.identity, "SecurityEvent Other") is not None
        alarms = [line for line in bridge.log_text().splitlines() if "security alarm" in line]
        assert len(alarms) == 1
        assert charger.identity in alarms[0]
        assert not any(line.startswith("ERROR forged") for line in bridge.log_text().splitlines())


@pytest.mark.both_databases
@pytest.mark.field(1)
async def test_start_repeated_after_lost_reply(depot: Depot) -> None:
    begin = start(depot.card().id_tag)
    async with depot.charger() as charger:
        first = await charger.call("StartTransaction", begin)
        charger.connection.drop()
        await charger.connection.wait_closed()
        await charger.connection.connected.wait()
        assert await charger.call("StartTransaction", begin) == first
        assert first["idTagInfo"] == {"status": "Accepted"}
        assert len(sessions(charger.identity)) == 1


def _ingest(depot: Depot, verb: str, *arguments: object):
    publisher = Publisher(depot.config.redis_url)
    try:
        return getattr(Ingest(depot.config, publisher), verb)(*arguments)
    finally:
        publisher.close()


def _close(depot: Depot, number: int) -> bool:
    return _ingest(depot, "close_session", number, "olga@example.com", now())


def _notice(identity: str, topic: str):
    found = ChargerNotice.get_or_none(ChargerNotice.charger == row(identity), ChargerNotice.topic == topic)
    return found and json.loads(found.payload)
