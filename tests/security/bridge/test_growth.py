"""A charger that floods: the database stays small, an operator is told, and its sessions are as they should be."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from ocpp_bridge.clock import now
from ocpp_bridge.connection import connector_bounds, volume
from ocpp_bridge.connection.volume import MAX_BURST_BYTES, MAX_BYTES_PER_S, Volumes
from ocpp_bridge.ocppj import CallRefused
from polaris.domain.enums import Alarm
from polaris.domain.facts import Report, SessionReported
from polaris.ingest.facts import unmatched_ends, unprocessable
from polaris.models import ChargerNotice, Connector, UnmatchedEnd, UnprocessableFact
from simulator.connection import CallFailed
from tests.support.command_line import run_command
from tests.support.depot import Depot, row, session, sessions, until

LONG = "x" * 50_000


@pytest.mark.both_databases
async def test_readings_of_unknown_transactions_bounded(depot: Depot) -> None:
    async with depot.charger() as charger:
        transaction = await charger.start_transaction(depot.card().id_tag)
        for number in range(unprocessable.MAX_ROWS + 2 * unprocessable.DELETED_TOGETHER):
            value = {"value": str(number), "context": LONG if number % 100 == 0 else "Sample.Periodic"}
            entry = {"timestamp": "2026-11-29T01:00:00Z", "sampledValue": [value]}
            unknown = {"connectorId": 1, "transactionId": 2_000_000_000, "meterValue": [entry]}
            assert await charger.call("MeterValues", unknown) == {}
        charger_id = row(charger.identity).id
        kept = list(UnprocessableFact.select().where(UnprocessableFact.charger == charger_id))
        assert len(kept) <= unprocessable.MAX_ROWS + unprocessable.DELETED_TOGETHER
        assert max(len(fact.payload) for fact in kept) <= unprocessable.MAX_LENGTH
        assert f'"{number}"' in kept[-1].payload
        assert ChargerNotice.get(charger=charger_id, topic=Alarm.UNPROCESSABLE)
        await charger.stop_transaction(transaction, meter_stop_wh=700)
        assert session(transaction.id).energy_wh == 700


@pytest.mark.both_databases
async def test_ends_without_start_bounded(depot: Depot, monkeypatch: pytest.MonkeyPatch) -> None:
    async with depot.charger() as charger:
        for number in range(unmatched_ends.MAX_WAITING + 20):
            end = {"transactionId": -1, "meterStop": number, "timestamp": "2026-11-29T01:00:00Z", "idTag": "NOBODY"}
            await charger.call("StopTransaction", end)
        charger_id = row(charger.identity).id
        kept = UnmatchedEnd.select().where(UnmatchedEnd.charger == charger_id)
        assert kept.count() == unmatched_ends.MAX_WAITING
        assert kept.order_by(UnmatchedEnd.id.desc()).get().meter_stop_wh == number


@pytest.mark.both_databases
@pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1"])
async def test_connectors_bounded_unless_set(depot: Depot, version: str) -> None:
    is_16 = version == "ocpp1.6"
    identity = depot.identity()

    async def tell(charger: object, number: int) -> None:
        place = {"connectorId": number} if is_16 else {"evseId": number, "connectorId": 1}
        told = (
            {"errorCode": "NoError", "status": "Available"}
            if is_16
            else {"connectorStatus": "Available", "timestamp": "2026-11-29T01:00:00Z"}
        )
        await charger.call("StatusNotification", place | told)  # type: ignore[attr-defined]

    def connected() -> object:
        return depot.charger(identity) if is_16 else depot.charger_v2(identity)

    async with connected() as charger:  # type: ignore[attr-defined]
        for number in (1, 100):
            await tell(charger, number)
        for number in (101, 250, 999, 70_000, 2**31 - 1):
            with pytest.raises(CallFailed, match="ConstraintViolation"):
                await tell(charger, number)
        if is_16:
            with pytest.raises(CallFailed, match="ConstraintViolation"):
                await charger.start_transaction(depot.card().id_tag, connector=101)
            assert not sessions(identity)
        charger_id = row(identity).id
        await until(lambda: ChargerNotice.get_or_none(charger=charger_id, topic=Alarm.CONNECTORS))
    assert run_command(depot.config, "charger", "connectors", identity, "250").exit_code == 0
    async with connected() as charger:  # type: ignore[attr-defined]
        await tell(charger, 250)
        with pytest.raises(CallFailed):
            await tell(charger, 251)
    numbers = [connector.number for connector in Connector.select().where(Connector.charger == charger_id)]
    assert sorted(numbers) == [1, 100, 250]


@pytest.mark.parametrize("report", Report)
def test_only_starts_refused_beyond_lowered_bound(report: Report) -> None:
    """A session at a connector beyond the bound is told to its end: its charger would repeat that for ever."""
    fact = SessionReported(
        charger_id=1,
        received_at=now(),
        transaction_id="t",
        seq_no=1,
        report=report,
        at=None,
        connector=7,
        id_tag=None,
        status="",
        reason="",
        is_offline=False,
        readings=(),
    )
    assert connector_bounds.checked(fact, 7) is fact
    if report is Report.STARTED:
        with pytest.raises(CallRefused):
            connector_bounds.checked(fact, 5)
    else:
        assert connector_bounds.checked(fact, 5) == replace(fact, connector=0)


async def test_flood_waits_and_loses_nothing(depot: Depot) -> None:
    """Past its burst a charger is slowed down; what it was answered is stored, and others notice nothing."""
    async with depot.charger(call_timeout_s=60) as charger, depot.charger() as other:
        transaction = await charger.start_transaction(depot.card().id_tag)
        for number in range(MAX_BURST_BYTES // 250_000 // 2 + 2):
            await charger.call("DataTransfer", {"vendorId": "v", "data": "x" * 250_000, "messageId": str(number)})
        charger_id = row(charger.identity).id
        assert await until(lambda: ChargerNotice.get_or_none(charger=charger_id, topic=Alarm.VOLUME))
        await charger.meter_values(transaction, 700)
        assert session(transaction.id).energy_wh == 700
        await other.heartbeat()


def test_volume_slows_down(monkeypatch: pytest.MonkeyPatch) -> None:
    at = [1000.0]
    monkeypatch.setattr(volume, "monotonic", lambda: at[0])
    volumes = Volumes()
    charger = volumes.of(7)
    assert (charger.spend(MAX_BURST_BYTES // 2), charger.is_low) == (0.0, False)
    assert (charger.spend(MAX_BURST_BYTES // 2), charger.is_low) == (0.0, True)
    assert charger.spend(MAX_BYTES_PER_S) == 1.0
    assert volumes.of(7).spend(MAX_BYTES_PER_S) == 2.0  # a new connection goes on where the last one ended
    assert volumes.of(8).spend(MAX_BYTES_PER_S) == 0.0
    at[0] += 3
    assert charger.spend(MAX_BYTES_PER_S) == 0.0
    at[0] += MAX_BURST_BYTES / MAX_BYTES_PER_S
    assert (charger.spend(0), charger.is_low) == (0.0, False)
