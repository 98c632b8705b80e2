"""Which evidence about a session is later than which, in every version."""

from __future__ import annotations

from datetime import timedelta

import pytest

from polaris.models import Charger
from simulator.charger_v2 import event, token
from tests.support.depot import Depot, now, session, sessions
from tests.support.frames_of import BEGAN, meter, notes, value
from tests.support.telling import VERSIONS, Telling, telling

pytestmark = pytest.mark.both_databases

LIFETIME_WH = 1_000_000
all_versions = pytest.mark.parametrize("way", VERSIONS)


def _ago(minutes: float) -> float:
    """An instant so many minutes ago, as `frames_of.at` counts."""
    return (now() - BEGAN) / timedelta(minutes=1) - minutes


async def _charging(charger: Telling) -> None:
    await charger.start(LIFETIME_WH, _ago(30))
    await charger.tell(value(_ago(20), LIFETIME_WH + 1000))


@pytest.mark.field(23, 114)
@all_versions
async def test_reading_of_before_a_boot_clears_nothing(depot: Depot, way: str) -> None:
    async with telling(depot, way) as charger, depot.charger() as other:
        await _charging(charger)
        assert await other.authorize(charger.id_tag) == "ConcurrentTx"
        await charger.charger.boot()
        for minutes in (15, 5):  # from the queue
            await charger.tell(value(_ago(minutes), LIFETIME_WH + 2000 - 50 * minutes))
            assert session(charger.number).is_awaiting_end
            assert await other.authorize(charger.id_tag) == "Accepted"
        await charger.tell(value(_ago(0), LIFETIME_WH + 2000))
        assert not session(charger.number).is_awaiting_end
        assert await other.authorize(charger.id_tag) == "ConcurrentTx"
        assert session(charger.number).energy_wh == 2000


@pytest.mark.field(118)
@all_versions
async def test_clock_hours_behind_after_a_boot(depot: Depot, way: str) -> None:
    """Its readings never pass the boot's instant: what comes a while after that is no queue."""
    async with telling(depot, way) as charger:
        await _charging(charger)
        await charger.charger.boot()
        await charger.tell(value(_ago(10), LIFETIME_WH + 1500))
        assert session(charger.number).is_awaiting_end
        found = session(charger.number)
        earlier = found.doubted_at - timedelta(minutes=16)
        Charger.update(booted_at=earlier).where(Charger.id == found.charger_id).execute()
        type(found).update(doubted_at=earlier).execute()
        await charger.tell(value(_ago(17), LIFETIME_WH + 1700))
        assert not session(charger.number).is_awaiting_end


@pytest.mark.field(114)
async def test_state_of_before_a_boot_clears_nothing(depot: Depot) -> None:
    async with telling(depot, "ocpp1.6") as charger:
        await _charging(charger)
        await charger.charger.boot()
        state = {"connectorId": 1, "status": "Charging", "errorCode": "NoError"}
        for minutes, is_awaiting_end in ((5, True), (0, False)):
            at = (now() - timedelta(minutes=minutes)).isoformat()
            await charger.charger.call("StatusNotification", state | {"timestamp": at})
            assert session(charger.number).is_awaiting_end is is_awaiting_end


@pytest.mark.field(114)
@all_versions
async def test_start_of_hours_ago_is_not_concurrent(depot: Depot, way: str) -> None:
    async with telling(depot, "ocpp1.6") as elsewhere, telling(depot, way) as charger:
        await _charging(elsewhere)
        charger.id_tag = elsewhere.id_tag
        await charger.start(LIFETIME_WH, _ago(600))
        assert session(charger.number).authorization == "Accepted"
        await charger.end(LIFETIME_WH + 6000, _ago(540))
        found = session(charger.number)
        assert (found.state, found.authorization, found.energy_wh) == ("completed", "Accepted", 6000)
    async with telling(depot, way) as charger:
        charger.id_tag = elsewhere.id_tag
        await charger.start(LIFETIME_WH, _ago(10))
        assert session(charger.number).authorization == "ConcurrentTx"


@pytest.mark.field(114)
async def test_card_of_hours_ago_is_not_concurrent(depot: Depot) -> None:
    """In OCPP 2.x the cable may come first, and an event may come before the ones that it follows."""
    async with telling(depot, "ocpp1.6") as elsewhere, depot.charger_v2() as charger:
        await _charging(elsewhere)
        began = now() - timedelta(hours=10)
        card, evse = {"idToken": token(elsewhere.id_tag)}, {"evse": {"id": 1, "connectorId": 1}}
        told = [
            event(id_, seq_no, kind, trigger, timestamp=(began + timedelta(minutes=minutes)).isoformat(), **rest)
            for id_, minutes in (("in order", 0), ("card late", 60))
            for seq_no, (kind, trigger, rest) in enumerate(
                [("Started", "CablePluggedIn", evse), ("Updated", "Authorized", card), ("Ended", "EVDeparted", {})]
            )
        ]
        for at in (0, 1, 2, 3, 5, 4):
            await charger.call("TransactionEvent", told[at])
        assert [found.authorization for found in sessions(charger.identity)] == ["Accepted"] * 2


@pytest.mark.field(111)
@pytest.mark.parametrize("sent_at", ["1970-01-01T00:00:00Z", "2000-01-01T00:00:05Z"])
@pytest.mark.parametrize("is_rebooted", [False, True])
async def test_same_start_by_a_clock_that_restarts(depot: Depot, sent_at: str, is_rebooted: bool) -> None:
    end_at = sent_at.replace("00:00:0", "00:00:1")
    async with depot.charger() as charger:
        start = {"connectorId": 1, "idTag": depot.card().id_tag, "meterStart": 0, "timestamp": sent_at}
        numbers = []
        for energy_wh in (700, 900):
            number, again = [(await charger.call("StartTransaction", start))["transactionId"] for _ in range(2)]
            assert again == number  # its answer was lost
            if is_rebooted:
                await charger.boot()
                await charger.call("MeterValues", meter(number, {**value(0, 100), "timestamp": end_at}))
            stop = {"transactionId": number, "meterStop": energy_wh, "timestamp": end_at}
            await charger.call("StopTransaction", stop)
            numbers.append(number)
        assert [session(number).energy_wh for number in numbers] == [700, 900]
        assert all(session(number).ended_at >= session(number).started_at for number in numbers)


@pytest.mark.field(22, 118)
@all_versions
@pytest.mark.parametrize(("register_wh", "is_noted"), [(LIFETIME_WH + 4000, False), (LIFETIME_WH + 7000, True)])
async def test_reading_of_the_session_before(depot: Depot, way: str, register_wh: int, is_noted: bool) -> None:
    """Its register had not come as far as this one's start; one that had is of a clock that was set back."""
    async with telling(depot, way) as charger:
        await charger.start(LIFETIME_WH)
        await charger.end(LIFETIME_WH + 6000, 60)
        charger.transaction_id = "next"
        await charger.start(LIFETIME_WH + 6000, 65)
        await charger.tell(value(40, register_wh))
        await charger.tell(value(85, LIFETIME_WH + 8000))
        await charger.end(LIFETIME_WH + 10_000, 105)
        assert session(charger.number).energy_wh == 4000
        assert ("clock_corrected" in notes(charger.number)) is is_noted
