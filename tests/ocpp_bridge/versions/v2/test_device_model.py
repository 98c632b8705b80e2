"""Connectors' states and power, of chargers that tell them by the device model of OCPP 2.0.1 and 2.1."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ocpp_bridge.versions import timestamps
from polaris.models import Charger, ChargerNotice, Connector
from simulator.connection import Payload
from tests.support.depot import Depot, now, row, sessions

VERSIONS = pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])


def event(state: object, name: str = "Connector", *, at_s: float = 0, variable: str = "AvailabilityState", **evse: int):
    component: Payload = {"name": name} | ({"evse": evse} if evse else {})
    return {
        "eventId": 1,
        "timestamp": timestamps.wire(now() + timedelta(seconds=at_s)),
        "trigger": "Delta",
        "actualValue": state,
        "eventNotificationType": "HardWiredNotification",
        "component": component,
        "variable": {"name": variable},
    }


def power(value: object, unit: str = "W", *, name: str = "EVSE", evse: int = 1, **characteristics: Any) -> Payload:
    return {
        "component": {"name": name, "evse": {"id": evse}},
        "variable": {"name": "Power"},
        "variableAttribute": [{"type": "Actual", "value": "0", "mutability": "ReadOnly"}],
        "variableCharacteristics": {
            "unit": unit,
            "dataType": "decimal",
            "supportsMonitoring": True,
            "maxLimit": value,
            **characteristics,
        },
    }


async def notify(charger: Any, *events: object) -> None:
    assert await charger.call("NotifyEvent", {"generatedAt": "now", "seqNo": 0, "eventData": [*events]}) == {}


async def report(charger: Any, *data: object, request: int = 1, part: int = 0) -> None:
    payload = {"requestId": request, "generatedAt": "now", "seqNo": part, "tbc": False, "reportData": [*data]}
    assert await charger.call("NotifyReport", payload) == {}


def states(identity: str) -> dict[int, str]:
    query = Connector.select().where(Connector.charger == row(identity)).order_by(Connector.number)
    return {connector.number: connector.status for connector in query}


def powers(identity: str) -> dict[int, int | None]:
    return {c.number: c.max_power_w for c in Connector.select().where(Connector.charger == row(identity))}


@pytest.mark.both_databases
@pytest.mark.field(116)
@VERSIONS
async def test_availability_by_event(depot: Depot, version: str) -> None:
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        await notify(
            charger,
            event("Available", "ChargingStation"),
            event("Occupied", id=1, connectorId=1),
            event("Unavailable", id=1, connectorId=2),
            event("Faulted", "EVSE", id=2),
            event("Reserved", "connector", variable="availabilitystate", id=3),
        )
        assert states(charger.identity) == {
            0: "Available",
            1: "Occupied",
            2: "Faulted",
            3: "Reserved",
            1001: "Unavailable",
        }
        await notify(charger, event("Available", "EVSE", id=2), event("Available", id=1, connectorId=1))
        assert states(charger.identity) | {3: "", 1001: ""} == {
            0: "Available",
            1: "Available",
            2: "Available",
            3: "",
            1001: "",
        }
        await notify(charger, event("Occupied", id=1, connectorId=1, at_s=-3600))  # late: an older state
        assert states(charger.identity)[1] == "Available"


@pytest.mark.field(116)
@VERSIONS
@pytest.mark.parametrize("spelled", ["occupied", "OCCUPIED", "Occupied"])
@pytest.mark.parametrize("component", ["Connector", "EVSE", "CONNECTOR", "evse"])
async def test_event_in_any_spelling(depot: Depot, version: str, component: str, spelled: str) -> None:
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        undated = event(spelled, component, variable="AVAILABILITYSTATE", id=2) | {"timestamp": ""}
        await notify(charger, undated)
        assert states(charger.identity) == {2: "Occupied"}


@pytest.mark.field(116)
@VERSIONS
async def test_newest_state_of_message(depot: Depot, version: str) -> None:
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        await notify(
            charger,
            event("Occupied", id=1, connectorId=1, at_s=-1),
            event("Available", id=1, connectorId=1, at_s=-9),
            event("Unavailable", "EVSE", id=1),  # of a connector that says of itself what it is
        )
        assert states(charger.identity) == {1: "Occupied"}


@pytest.mark.field(116)
@VERSIONS
async def test_availability_ends_no_session_but_is_evidence(depot: Depot, version: str) -> None:
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        await charger.start_transaction(depot.card().id_tag)
        await notify(charger, event("Available", "EVSE", id=1))
        (started,) = sessions(charger.identity)
        assert (started.state, started.is_awaiting_end) == ("active", True)


@pytest.mark.field(116)
@VERSIONS
async def test_other_events_are_no_states(depot: Depot, version: str) -> None:
    identity = depot.identity()
    Charger.update(max_connectors=999).where(Charger.identity == identity).execute()
    async with depot.charger_v2(identity, subprotocols=(version,)) as charger:
        await notify(
            charger,
            event("", id=1, connectorId=1),
            event("Available", id=0, connectorId=1),
            event("Available", "Connector"),
            event("Available", "Modem", id=1),
            event("true", variable="Problem", id=1),
            {},
            None,
            {"component": 5, "variable": [], "actualValue": {}},
        )
        assert states(charger.identity) == {}
        await notify(charger, *[event("Available", id=number, connectorId=1) for number in range(1, 400)])
        assert len(states(charger.identity)) == 250
        assert ChargerNotice.select().where(ChargerNotice.charger == row(charger.identity)).count() == 1


@pytest.mark.both_databases
@pytest.mark.field(134)
@VERSIONS
async def test_power_of_evse(depot: Depot, version: str) -> None:
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        await charger.status(1, "Available")
        await report(charger, power(22_000.0), power(150, "kW", evse=2), power(22_000, name="Connector", evse=3))
        assert powers(charger.identity) == {1: 22_000}  # and nothing is made up of connectors that have no state
        second = {"evseId": 2, "connectorId": 2, "connectorStatus": "Available", "timestamp": "now"}
        await charger.call("StatusNotification", second)
        await charger.status(2, "Available")
        await charger.status(3, "Available")
        assert powers(charger.identity) == {1: 22_000, 2: 150_000, 3: None, 1002: 150_000}
        await report(charger, power(11, "kW"), request=2)
        assert powers(charger.identity) == {1: 11_000, 2: 150_000, 3: None, 1002: 150_000}


@pytest.mark.field(134, 127)
@VERSIONS
async def test_impossible_power_ignored(depot: Depot, version: str) -> None:
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        await charger.status(1, "Available")
        impossible = [power(value) for value in (0, -5, 22, 10**9, "NaN", "1e400", 1e300, None, {}, "much", True)]
        await report(charger, *impossible, power(22_000, "A"), power(22_000, evse=0), {}, None, {"component": []})
        assert powers(charger.identity) == {1: None}
        await report(charger, power("22000", ""), power(None), request=2)
        assert powers(charger.identity) == {1: 22_000}
