"""Chargers whose clocks are wrong: their sessions have the right times in every version, live and from a queue."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from polaris.models import ChargingSession, Connector
from simulator.charger import Charger
from simulator.charger_v2 import ChargerV2, event, token, value
from tests.support.depot import Depot, now, readings, row, sessions
from tests.support.frames_of import notes

pytestmark = pytest.mark.field(118)

VERSIONS = pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
SLACK = timedelta(seconds=30)
AHEAD = timedelta(hours=2)


@dataclass
class Teller:
    """A charger that tells of one session, `minutes` from now, by a clock that is `ahead`."""

    charger: Charger
    id_tag: str
    ahead: timedelta = AHEAD
    number: int = 0
    events: int = 0
    said: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def is_v2(self) -> bool:
        return isinstance(self.charger, ChargerV2)

    def at(self, minutes: float) -> str:
        return (now() + timedelta(minutes=minutes) + self.ahead).isoformat()

    async def status(self, minutes: float = 0) -> None:
        changed = {"connectorId": 1, "timestamp": self.at(minutes)}
        changed |= (
            {"evseId": 1, "connectorStatus": "Occupied"}
            if self.is_v2
            else {"status": "Charging", "errorCode": "NoError"}
        )
        await self.tell("StatusNotification", changed)

    async def start(self, minutes: float = 0) -> None:
        if self.is_v2:
            await self.event("Started", minutes, 1000, idToken=token(self.id_tag), evse={"id": 1, "connectorId": 1})
            return
        begun = {"connectorId": 1, "idTag": self.id_tag, "meterStart": 1000, "timestamp": self.at(minutes)}
        self.number = (await self.tell("StartTransaction", begun))["transactionId"]

    async def read(self, register_wh: int, minutes: float = 0) -> None:
        if self.is_v2:
            await self.event("Updated", minutes, register_wh)
            return
        await self.tell(
            "MeterValues",
            {"connectorId": 1, "transactionId": self.number, "meterValue": [self.sampled(register_wh, minutes)]},
        )

    async def stop(self, minutes: float = 0, *registers: tuple[float, int]) -> None:
        if self.is_v2:
            await self.event("Ended", minutes, 9000)
            return
        stop = {"transactionId": self.number, "meterStop": 9000, "timestamp": self.at(minutes), "reason": "Local"}
        data = [self.sampled(register_wh, minutes) for minutes, register_wh in registers]
        await self.tell("StopTransaction", stop | {"transactionData": data})

    def sampled(self, register_wh: int, minutes: float) -> Any:
        return {"timestamp": self.at(minutes), "sampledValue": [{"value": str(register_wh)}]}

    async def event(self, kind: str, minutes: float, register_wh: int, **rest: Any) -> None:
        meter = value(register_wh, at=self.at(minutes))
        told = event("tx-1", self.events, kind, "MeterValuePeriodic", meterValue=[meter], **rest)
        self.events += 1
        await self.tell("TransactionEvent", told)

    async def tell(self, action: str, payload: Any) -> Any:
        self.said.append((action, payload))
        return await self.charger.call(action, payload)

    @property
    def session(self) -> ChargingSession:
        (found,) = sessions(self.charger.identity)
        return found

    @property
    def offset_s(self) -> int:
        return int(row(self.charger.identity).clock_offset_s)


@asynccontextmanager
async def telling(depot: Depot, version: str, ahead: timedelta = AHEAD, identity: str = "") -> AsyncIterator[Teller]:
    make = depot.charger if version == "ocpp1.6" else depot.charger_v2
    async with make(identity, subprotocols=(version,)) as charger:
        yield Teller(charger, depot.card().id_tag, ahead)


def is_about(minutes: float, at: Any) -> bool:
    """Whether an instant is so many minutes from now."""
    return bool(abs(at - now() - timedelta(minutes=minutes)) < SLACK)


@pytest.mark.both_databases
@VERSIONS
async def test_local_time_sent_as_utc(depot: Depot, version: str) -> None:
    async with telling(depot, version) as charger:
        await charger.start()
        await charger.read(3000)
        found = charger.session
        assert is_about(0, found.started_at)
        assert is_about(0, found.last_reading_at)
        assert found.energy_wh == 2000
        assert "clock_corrected" in notes(found.number)
        await charger.stop()
        ended = charger.session
        assert is_about(0, ended.ended_at)
        assert ended.ended_at >= ended.started_at
        assert (ended.state, ended.energy_wh) == ("completed", 8000)
        assert abs(charger.offset_s - 7200) <= 1


@VERSIONS
async def test_clock_put_right_in_mid_session(depot: Depot, version: str) -> None:
    async with telling(depot, version) as charger:
        await charger.start()
        await charger.read(3000)
        charger.ahead = timedelta()
        await charger.read(5000)
        assert is_about(0, charger.session.last_reading_at)
        assert charger.session.energy_wh == 4000
        await charger.stop()
        assert is_about(0, charger.session.ended_at)
        assert charger.session.ended_at > charger.session.started_at
        assert charger.offset_s in (0, 7200)  # stored once a minute at most


@VERSIONS
async def test_clock_goes_wrong_in_mid_session(depot: Depot, version: str) -> None:
    async with telling(depot, version, timedelta()) as charger:
        await charger.start(-30)
        assert charger.offset_s == 0
        charger.ahead = AHEAD
        await charger.stop()
        found = charger.session
        assert is_about(-30, found.started_at)
        assert is_about(0, found.ended_at)
        assert "clock_corrected" in notes(found.number)


@VERSIONS
@pytest.mark.parametrize("minutes", [(-50, -30, -10), (-300, -120, -60)])
async def test_offline_queue_by_wrong_clock(depot: Depot, version: str, minutes: tuple[float, ...]) -> None:
    started, metered, ended = minutes
    identity = depot.identity()
    async with telling(depot, version, identity=identity) as charger:
        await charger.status()
    assert abs(row(identity).clock_offset_s - 7200) <= 1
    async with telling(depot, version, identity=identity) as charger:
        await charger.start(started)
        await charger.read(3000, metered)
        await charger.stop(ended)
        found = charger.session
        assert is_about(started, found.started_at)
        assert is_about(ended, found.ended_at)
        assert is_about(metered, readings(found.number)[-2].sampled_at)
        assert found.energy_wh == 8000
        assert "clock_corrected" in notes(found.number)
        await charger.status()
        assert is_about(0, Connector.get(Connector.charger == row(identity)).changed_at)


async def test_first_stop_holds_its_readings(depot: Depot) -> None:
    async with telling(depot, "ocpp1.6", timedelta()) as charger:
        await charger.start(-60)
        charger.ahead = AHEAD
        await charger.stop(0, (-40, 3000), (-20, 5000))
        instants = [reading.sampled_at for reading in readings(charger.number)]
        assert [is_about(minutes, at) for minutes, at in zip((-40, -20, 0), instants, strict=True)] == [True] * 3


@VERSIONS
async def test_repeated_start_is_the_same_session(depot: Depot, version: str) -> None:
    async with telling(depot, version) as charger:
        await charger.start()
        charger.ahead = timedelta()
        await charger.status()
        await charger.charger.call(*charger.said[0])
        assert charger.session.state == "active"  # the only one


@VERSIONS
@pytest.mark.parametrize("year", [1970, 2000, 2099])
async def test_absurd_clock(depot: Depot, version: str, year: int) -> None:
    ahead = now().replace(year=year) - now()
    async with telling(depot, version, ahead) as charger:
        await charger.start()
        await charger.read(3000)
        await charger.stop(0, (-0.2, 5000))
        found = charger.session
        assert is_about(0, found.started_at)
        assert is_about(0, found.ended_at)
        assert found.energy_wh == 8000
        assert "clock_corrected" in notes(found.number)


@VERSIONS
async def test_clock_hours_behind_is_believed(depot: Depot, version: str) -> None:
    """Such instants may have waited in a queue; start and end agree, so the duration is right."""
    async with telling(depot, version, -timedelta(hours=5)) as charger:
        await charger.start(-10)
        await charger.read(3000)
        await charger.stop()
        found = charger.session
        assert abs(found.ended_at - found.started_at - timedelta(minutes=10)) < SLACK
        assert charger.offset_s == 0


@pytest.mark.both_databases
@VERSIONS
async def test_clock_set_back_in_mid_session(depot: Depot, version: str) -> None:
    """No message of a session is from hours before its start."""
    async with telling(depot, version, timedelta()) as charger:
        await charger.start()
        charger.ahead = -timedelta(hours=5)
        await charger.read(3000)
        assert is_about(0, charger.session.last_reading_at)
        await charger.read(5000)
        await charger.stop()
        found = charger.session
        assert is_about(0, found.ended_at)
        assert found.energy_wh == 8000
        assert "clock_corrected" in notes(found.number)


@VERSIONS
@pytest.mark.parametrize("wrong", [65, 38_000_000, -13_000_000])
@pytest.mark.parametrize("is_first", [False, True])
async def test_one_wrong_instant_told_offline(depot: Depot, version: str, wrong: float, is_first: bool) -> None:
    """Start and end are of the queue and right: the clock is not judged by one reading among them."""
    async with telling(depot, version, timedelta()) as charger:
        await charger.start(-120)
        for register_wh, minutes in ((2000, wrong), (3000, -80)) if is_first else ((2000, -100), (3000, wrong)):
            await charger.read(register_wh, minutes)
        await charger.read(4000, -70)
        await charger.stop(-60)
        found = charger.session
        assert (is_about(-120, found.started_at), is_about(-60, found.ended_at)) == (True, True)
        assert found.energy_wh == 8000
        assert charger.offset_s == 0
        assert "clock_corrected" in notes(found.number)


@VERSIONS
async def test_clock_that_jumps_is_stored_seldom(depot: Depot, version: str) -> None:
    async with telling(depot, version) as charger:
        for ahead in range(2, 12):
            charger.ahead = timedelta(hours=ahead)
            await charger.status()
        assert abs(charger.offset_s - 7200) <= 1
