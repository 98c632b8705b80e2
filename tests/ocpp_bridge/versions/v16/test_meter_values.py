"""FIELD, section B: meter data as chargers really send it, over a socket and into a database."""

from __future__ import annotations

import json

import pytest

from polaris import administration
from polaris.models import ChargerNotice
from tests.support.depot import Depot, now, readings, row, session, unprocessable_facts, until
from tests.support.frames_of import begun, meter, notes, start, stop, value
from tests.support.processes import Processes

pytestmark = pytest.mark.both_databases

POWER = {"measurand": "Power.Active.Import", "unit": "W"}
INTERVAL = {"measurand": "Energy.Active.Import.Interval", "unit": "Wh"}


@pytest.mark.field(25)
async def test_unnamed_readings_marked_inferred(depot: Depot) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag)
        other = await begun(charger, depot.card().id_tag, connector=2)
        await charger.call("MeterValues", meter(None, value(10, 3000), connector=1))
        await charger.call("MeterValues", meter(other, value(10, 3000), connector=2))
        assert session(number).energy_wh == 2000
        assert "inferred" in notes(number)
        assert "inferred" not in notes(other)


@pytest.mark.field(25)
async def test_readings_without_open_session_kept(depot: Depot) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag)
        await charger.call("MeterValues", meter(None, value(10, 3000), connector=3))
        await charger.call("MeterValues", meter(None, value(-30, 900), connector=1))  # before it began
        assert session(number).energy_wh == 0
        assert len(unprocessable_facts(charger.identity)) == 2


@pytest.mark.field(26)
@pytest.mark.parametrize("names_session", [False, True])
async def test_connector_0_is_main_meter(depot: Depot, names_session: bool) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag)
        said = meter(number if names_session else None, value(10, 900_000), connector=0)
        assert await charger.call("MeterValues", said) == {}
        assert session(number).energy_wh == 0
        notice = ChargerNotice.get(ChargerNotice.charger == row(charger.identity), ChargerNotice.topic == "MainMeter")
        assert json.loads(notice.payload) == said


@pytest.mark.field(29)
async def test_mismatched_unit_flagged(depot: Depot) -> None:
    """kWh labelled Wh, and Wh labelled kWh: the start and the end of the transaction, always in Wh, decide."""
    async with depot.charger() as charger:
        for connector, unit, scale in ((1, "Wh", 1 / 1000), (2, "kWh", 1)):
            number = await begun(charger, depot.card().id_tag, connector=connector, meter_start=1_000_000)
            for minutes, register_wh in ((10, 1_004_000), (20, 1_008_000)):
                sample = {"value": str(register_wh * scale), "unit": unit}
                await charger.call("MeterValues", meter(number, value(minutes, sample), connector=connector))
            await charger.call("StopTransaction", stop(number, minutes=30, meter_stop=1_012_000))
            assert session(number).energy_wh == 12_000
            assert "unit_doubtful" in notes(number)


@pytest.mark.field(29)
async def test_energy_contradicting_power_flagged(depot: Depot) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag)
        for minutes in (10, 20, 30, 40, 50):
            await charger.call("MeterValues", meter(number, value(minutes, 1000, POWER | {"value": "7000"})))
        await charger.call("StopTransaction", stop(number, meter_stop=1007))
        assert session(number).energy_wh is None
        assert {"unit_doubtful", "not_known"} <= notes(number)


@pytest.mark.field(29)
async def test_operator_unit_from_next_connection(depot: Depot) -> None:
    async with depot.charger() as charger:
        administration.set_energy_unit(charger.identity, "kWh", actor="tests", now=now())
        charger.connection.drop()
        await charger.connection.wait_closed()
        await charger.connection.connected.wait()
        number = await begun(charger, depot.card().id_tag, meter_start=1_000_000)
        await charger.call("MeterValues", meter(number, value(10, {"value": "1004.5", "unit": "Wh"})))
        assert session(number).energy_wh == 4500
        assert "unit_override" in notes(number)


@pytest.mark.field(30)
@pytest.mark.parametrize(
    ("samples", "energy_wh"),
    [
        ([("L1", 400), ("L2", 300), ("L3", 300)], 1000),
        ([("L1-N", 400), ("L2-N", 300), ("L3-N", 300)], 1000),
        ([("", 1000), ("L1", 400), ("L2", 300), ("L3", 300)], 1000),
        ([("L1", 1000)], 1000),
        ([("L1", 400), ("L2", 300), ("L3", 300), ("L1-L2", 700), ("L2-L3", 600)], 1000),
        ([("L1-L2", 700)], 0),
    ],
)
async def test_phases_summed_without_total(depot: Depot, samples: list[tuple[str, int]], energy_wh: int) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag, meter_start=0)
        said = [{"value": str(wh)} | ({"phase": phase} if phase else {}) for phase, wh in samples]
        await charger.call("MeterValues", meter(number, value(10, *said)))
        assert session(number).energy_wh == energy_wh


@pytest.mark.field(115)
@pytest.mark.parametrize("other", ["Inlet", "EV", "inlet"])
@pytest.mark.parametrize("location", ["Outlet", "Cable", "Body", "", "outlet", "BODY"])
async def test_locations(depot: Depot, location: str, other: str) -> None:
    soc = {"value": "44", "measurand": "SoC", "unit": "%", "location": "EV"}
    ours = {"value": "1500"} | ({"location": location} if location else {})
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag, meter_start=1000)
        await charger.call("MeterValues", meter(number, value(10, {"value": "9000", "location": other}, ours, soc)))
        assert session(number).energy_wh == 500
        assert session(number).soc_percent == 44


@pytest.mark.field(119)
async def test_begin_beside_periodic(depot: Depot) -> None:
    begin = {"value": "1000", "context": "Transaction.Begin"}
    end = {"value": "9000", "context": "Transaction.End"}
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag, meter_start=None)
        await charger.call(
            "MeterValues", meter(number, value(10, begin, {"value": "1500", "context": "Sample.Periodic"}))
        )
        assert session(number).energy_wh == 500
        await charger.call("StopTransaction", stop(number, meter_stop=None, transactionData=[value(60, begin, end)]))
        assert session(number).energy_wh == 8000


@pytest.mark.field(120)
async def test_intervals_of_one_context(depot: Depot) -> None:
    def interval(wh: int, context: str) -> dict[str, str]:
        return INTERVAL | {"value": str(wh), "context": context}

    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag, meter_start=None)
        for minutes in range(1, 31):
            clock = [interval(1500, "Sample.Clock")] if minutes % 15 == 0 else []
            said = value(minutes, interval(100, "Sample.Periodic"), *clock)
            await charger.call("MeterValues", meter(number, said))
        assert session(number).energy_wh == 3000
        await charger.call("StopTransaction", stop(number, meter_stop=None))
        assert session(number).energy_wh == 3000


@pytest.mark.field(121)
async def test_entry_for_each_phase(depot: Depot) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag, meter_start=1000)
        phases = [
            value(10, {"value": str(wh), "phase": phase}) for phase, wh in (("L1", 500), ("L2", 600), ("L3", 700))
        ]
        await charger.call("MeterValues", meter(number, *phases))
        assert session(number).energy_wh == 800
        assert [r.register_wh for r in readings(number)] == [1800]


@pytest.mark.field(127)
@pytest.mark.parametrize("number", ["1e1000000", "-1e1000000", "1e-1000000"])
async def test_numbers_beyond_arithmetic(depot: Depot, number: str) -> None:
    async with depot.charger() as charger:
        session_number = await begun(charger, depot.card().id_tag, meter_start=number)
        said = value(10, POWER | {"value": number}, POWER | {"value": "7000"}, 1500)
        assert await charger.call("MeterValues", meter(session_number, said)) == {}
        assert [r.register_wh for r in readings(session_number)] == [1500]
        await charger.call("StopTransaction", stop(session_number, meter_stop=number))
        assert session(session_number).state == "completed"


@pytest.mark.field(31)
async def test_intervals_added_once(depot: Depot) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag)
        for minutes in (10, 30, 20, 30):
            await charger.call("MeterValues", meter(number, value(minutes, INTERVAL | {"value": "500"})))
        assert session(number).energy_wh == 1500
        await charger.call("StopTransaction", stop(number, meter_stop=None))
        assert session(number).energy_wh == 1500


@pytest.mark.field(31)
async def test_intervals_apart_from_registers(depot: Depot) -> None:
    export = {"value": "70000", "measurand": "Energy.Active.Export.Register"}
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag)
        for minutes, register_wh in ((10, 1500), (20, 2000)):
            said = value(minutes, register_wh, INTERVAL | {"value": "500"}, export)
            await charger.call("MeterValues", meter(number, said))
            assert session(number).energy_wh == register_wh - 1000
        await charger.call("MeterValues", meter(number, value(30, INTERVAL | {"value": "520"})))
        await charger.call("StopTransaction", stop(number, minutes=40, meter_stop=2510))
        assert session(number).energy_wh == 1510


@pytest.mark.field(32)
async def test_signed_data_kept_whole(depot: Depot) -> None:
    ocmf = "OCMF|" + json.dumps({"FV": "1.0", "RD": ["1" * 3000]}) + "|" + json.dumps({"SD": "3045"})
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag)
        signed = {"value": ocmf, "format": "SignedData", "context": "Transaction.Begin"}
        await charger.call("MeterValues", meter(number, value(10, signed, {"value": "1.5", "unit": "kWh"})))
        await charger.call("MeterValues", meter(number, value(20, signed)))
        assert session(number).energy_wh == 500
        assert [(r.register_wh, r.signed_data) for r in readings(number)] == [(1500, ocmf), (None, ocmf)]


@pytest.mark.field(33)
async def test_begin_and_end_outrank_samples(depot: Depot) -> None:
    begin = {"value": "1000", "context": "Transaction.Begin"}
    end = {"value": "9000", "context": "Transaction.End"}
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag, meter_start=1000)
        data = [
            value(0, {"value": "1200", "context": "Sample.Clock"}),
            value(0, begin),
            value(60, 8800),
            value(60, end),
        ]
        await charger.call("StopTransaction", stop(number, meter_stop=None, transactionData=data))
        assert session(number).energy_wh == 8000
        assert readings(number)[0].register_wh == 1000


@pytest.mark.field(35)
async def test_shuffled_readings_never_fall(depot: Depot) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag)
        seen = []
        for minutes, register_wh in ((10, 3000), (30, 6000), (20, 4500), (30, 6000), (10, 3000), (40, 7000)):
            await charger.call("MeterValues", meter(number, value(minutes, register_wh)))
            seen.append(session(number).energy_wh)
        assert seen == sorted(seen) == [2000, 5000, 5000, 5000, 5000, 6000]
        assert [reading.register_wh for reading in readings(number)] == [3000, 4500, 6000, 7000]


@pytest.mark.field(37)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_silent_charger_asked_once(own_depot: Depot, processes: Processes) -> None:
    processes.bridge(STALE_AFTER_S="2")
    async with own_depot.charger() as charger:
        charger.accepts_triggers = False
        transaction = await charger.start_transaction(own_depot.card().id_tag)
        await until(lambda: charger.commands)
        assert charger.commands[0] == ("TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": 1})
        asked_at = session(transaction.id).followed_up_at
        await charger.meter_values(transaction, 500)
        await until(lambda: len(charger.commands) == 2)
        assert session(transaction.id).followed_up_at > asked_at
        assert session(transaction.id).energy_wh == 500


@pytest.mark.field(35, 39)
async def test_gap_noted(depot: Depot) -> None:
    async with depot.charger() as charger:
        answer = await charger.call("StartTransaction", start(depot.card().id_tag))
        number = answer["transactionId"]
        await charger.call("MeterValues", meter(number, value(5, 1500)))
        assert "gap" not in notes(number)
        await charger.call("MeterValues", meter(number, value(50, 5000)))
        assert "gap" in notes(number)
