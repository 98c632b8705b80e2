"""Meter data of OCPP 2.x as chargers really send it, over a socket and into a database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from simulator.charger_v2 import event, token
from tests.support.depot import Depot, now, readings, session, sessions

pytestmark = [pytest.mark.both_databases, pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])]

AN_HOUR_AGO = now().replace(microsecond=0) - timedelta(hours=1)


def _entry(minutes: float, *samples: dict[str, Any]) -> dict[str, Any]:
    return {"timestamp": (AN_HOUR_AGO + timedelta(minutes=minutes)).isoformat(), "sampledValue": list(samples)}


async def _told(depot: Depot, version: str, *entries: dict[str, Any]) -> int:
    """Begin a transaction at 1,000 Wh and tell an update; return the session's number."""
    started = [_entry(0, {"value": 1000, "context": "Transaction.Begin"})]
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        evse, id_token = {"id": 1, "connectorId": 1}, token(depot.card().id_tag)
        begin = event("tx", 0, "Started", "Authorized", evse=evse, idToken=id_token, meterValue=started)
        assert "idTokenInfo" in await charger.call("TransactionEvent", begin)
        update = event("tx", 1, "Updated", "MeterValuePeriodic", meterValue=list(entries))
        assert await charger.call("TransactionEvent", update) == {}
        number: int = sessions(charger.identity)[0].number
        return number


@pytest.mark.field(115)
@pytest.mark.parametrize("other", ["Inlet", "EV", "inlet"])
@pytest.mark.parametrize("location", ["Outlet", "Cable", "Body", "", "outlet", "BODY"])
async def test_locations(depot: Depot, version: str, location: str, other: str) -> None:
    soc = {"value": 44, "measurand": "SoC", "unitOfMeasure": {"unit": "%"}, "location": "EV"}
    ours = {"value": 1500} | ({"location": location} if location else {})
    number = await _told(depot, version, _entry(10, {"value": 9000, "location": other}, ours, soc))
    assert session(number).energy_wh == 500
    assert session(number).soc_percent == 44


@pytest.mark.field(121)
async def test_entry_for_each_phase(depot: Depot, version: str) -> None:
    phases = [_entry(10, {"value": wh, "phase": phase}) for phase, wh in (("L1", 500), ("L2", 600), ("L3", 700))]
    number = await _told(depot, version, *phases)
    assert session(number).energy_wh == 800
    assert [r.register_wh for r in readings(number)] == [1000, 1800]


@pytest.mark.field(127)
@pytest.mark.parametrize("multiplier", [0, 3, -12])
@pytest.mark.parametrize("value", ["1e1000000", "-1e1000000", "1e999999"])
async def test_numbers_beyond_arithmetic(depot: Depot, version: str, value: str, multiplier: int) -> None:
    beyond = {"value": value, "measurand": "Power.Active.Import", "unitOfMeasure": {"multiplier": multiplier}}
    number = await _told(depot, version, _entry(10, beyond, {"value": 1500}))
    assert [r.register_wh for r in readings(number)] == [1000, 1500]


@pytest.mark.field(28)
async def test_unit_beside_value(depot: Depot, version: str) -> None:
    """As OCPP 1.6 has it, which some chargers keep on writing."""
    number = await _told(depot, version, _entry(10, {"value": "1.5", "unit": "kWh"}))
    assert session(number).energy_wh == 500
