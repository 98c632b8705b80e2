"""FIELD, section J: which facts may end, doubt or resume a session of OCPP 2.x, and which may not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from polaris.domain.commands.catalog import GetTransactionStatus
from simulator.charger_v2 import event, token, value
from tests.support.depot import Depot, now, readings, sessions, until
from tests.support.frames_of import notes

pytestmark = pytest.mark.both_databases

VERSIONS = pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])
EVSE = {"id": 1, "connectorId": 1}
AN_HOUR_AGO = now().replace(microsecond=0) - timedelta(hours=1)


def _at(seconds: float) -> str:
    return (AN_HOUR_AGO + timedelta(seconds=seconds)).isoformat()


def _use(id_tag: str, began: float, register_wh: int, *, transaction_id: str = "1") -> list[dict[str, Any]]:
    """A session of ten minutes and 600 Wh."""
    begin = value(register_wh, context="Transaction.Begin", at=_at(began))
    later = value(register_wh + 300, 1000, at=_at(began + 300))
    end = value(register_wh + 600, context="Transaction.End", at=_at(began + 600))
    info = {"stoppedReason": "EVDisconnected"}
    events = [
        event(transaction_id, 0, "Started", "Authorized", evse=EVSE, idToken=token(id_tag), meterValue=[begin]),
        event(transaction_id, 1, "Updated", "MeterValuePeriodic", meterValue=[later]),
        event(transaction_id, 2, "Ended", "EVDeparted", info, meterValue=[end]),
    ]
    return [one | {"timestamp": one["meterValue"][0]["timestamp"]} for one in events]


def _states(identity: str) -> list[tuple[str, int, bool]]:
    return [(found.state, found.energy_wh, found.is_awaiting_end) for found in sessions(identity)]


@pytest.mark.field(124)
@VERSIONS
async def test_transaction_id_used_again(depot: Depot, version: str) -> None:
    card = depot.card()
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        first, second = _use(card.id_tag, 0, 1000), _use(card.id_tag, 1200, 1600)
        for one in (first[0], first[2]):
            await charger.call("TransactionEvent", one)
        await charger.boot()
        await charger.call("TransactionEvent", second[0])
        assert _states(charger.identity) == [("completed", 600, False), ("active", 0, False)]
        for one in (first[1], second[1], first[2], second[0]):  # late, in turn, and two again
            await charger.call("TransactionEvent", one)
        assert _states(charger.identity) == [("completed", 600, False), ("active", 300, False)]
        await charger.call("TransactionEvent", second[2])
        assert _states(charger.identity) == [("completed", 600, False)] * 2
        assert [len(readings(found.number)) for found in sessions(charger.identity)] == [3, 3]
        third = _use(card.id_tag, 2400, 2200)
        for one in (*third, *first, *second):
            await charger.call("TransactionEvent", one)
        assert _states(charger.identity) == [("completed", 600, False)] * 3


@pytest.mark.field(124)
async def test_transaction_id_used_again_without_end(depot: Depot) -> None:
    card = depot.card()
    async with depot.charger_v2() as charger:
        first, second = _use(card.id_tag, 0, 1000), _use(card.id_tag, 1200, 1600)
        for one in first[:2]:
            await charger.call("TransactionEvent", one)
        await charger.boot()
        await charger.call("TransactionEvent", second[0])
        assert _states(charger.identity) == [("estimated", 300, False), ("active", 0, False)]
        await charger.call("TransactionEvent", first[2])
        assert _states(charger.identity) == [("completed", 600, False), ("active", 0, False)]


@pytest.mark.field(112)
@VERSIONS
async def test_refused_start_touches_no_session(depot: Depot, version: str) -> None:
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        running = _use(depot.card().id_tag, 0, 1000, transaction_id="running")
        refused = _use("NOBODY", 100, 1000, transaction_id="refused")
        for one in (running[0], refused[0]):
            await charger.call("TransactionEvent", one)
        assert _states(charger.identity) == [("active", 0, False), ("estimated", 0, False)]
        await charger.call("TransactionEvent", running[1])
        assert _states(charger.identity) == [("active", 300, False), ("estimated", 0, False)]
        await charger.call("TransactionEvent", refused[1])
        assert _states(charger.identity) == [("active", 300, True), ("active", 300, False)]


@pytest.mark.field(113)
async def test_older_start_is_history(depot: Depot) -> None:
    async with depot.charger_v2() as charger:
        older = _use(depot.card().id_tag, 0, 1000, transaction_id="older")
        live = _use(depot.card().id_tag, 1200, 1600, transaction_id="live")
        for one in (*live[:2], *older[:2]):
            await charger.call("TransactionEvent", one)
        assert _states(charger.identity) == [("active", 300, False), ("active", 300, True)]
        await charger.call("TransactionEvent", older[2])
        assert _states(charger.identity) == [("active", 300, False), ("completed", 600, False)]


@pytest.mark.field(114)
async def test_only_real_charging_is_concurrent(depot: Depot) -> None:
    card = depot.card()
    async with depot.charger_v2() as one, depot.charger_v2() as two:
        await one.call("TransactionEvent", _use(card.id_tag, 0, 1000)[0])
        assert await two.authorize(card.id_tag) == "ConcurrentTx"
        await one.status(1, "Available")
        assert await two.authorize(card.id_tag) == "Accepted"
        assert (await two.start_transaction(card.id_tag)).status == "Accepted"


@pytest.mark.field(114)
async def test_session_without_card_is_no_refusal(depot: Depot) -> None:
    async with depot.charger_v2() as charger:
        await charger.call("TransactionEvent", event("t", 0, "Started", "CablePluggedIn", evse=EVSE))
        depot.ingest(lambda ingest: ingest.sweep(now() + timedelta(minutes=2)))
        assert _states(charger.identity) == [("active", 0, False)]
        await charger.call("TransactionEvent", event("t", 1, "Updated", "Authorized", idToken=token("NOBODY")))
        depot.ingest(lambda ingest: ingest.sweep(now() + timedelta(minutes=2)))
        assert _states(charger.identity) == [("estimated", 0, False)]


@pytest.mark.field(130)
@VERSIONS
async def test_boot_that_was_asked_for(depot: Depot, version: str) -> None:
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        await charger.call("TransactionEvent", _use(depot.card().id_tag, 0, 1000)[0])
        await charger.boot("Triggered")
        assert _states(charger.identity) == [("active", 0, False)]
        await charger.boot()
        assert _states(charger.identity) == [("active", 0, True)]


@pytest.mark.field(114, 130)
async def test_charger_says_over_or_ongoing(depot: Depot) -> None:
    card = depot.card()
    async with depot.charger_v2() as charger, depot.charger_v2() as other:
        await charger.call("TransactionEvent", _use(card.id_tag, 0, 1000)[0])
        await until(lambda: depot.listeners(charger.identity))
        about = GetTransactionStatus(sessions(charger.identity)[0].number)
        for is_ongoing, answer in ((False, "Accepted"), (True, "ConcurrentTx")):
            said = {"messagesInQueue": is_ongoing, "ongoingIndicator": is_ongoing}
            charger.on_command["GetTransactionStatus"] = said
            depot.command(charger.identity, about)
            await until(lambda is_over=not is_ongoing: _states(charger.identity) == [("active", 0, is_over)])
            assert await other.authorize(card.id_tag) == answer


@pytest.mark.field(111)
async def test_same_undated_start_after_end_is_new(depot: Depot) -> None:
    card = depot.card()
    async with depot.charger_v2() as charger:
        events = [one | {"timestamp": "1970-01-01T00:00:00Z"} for one in _use(card.id_tag, 0, 1000)]
        for one in (events[0], events[0], events[2], events[0]):
            await charger.call("TransactionEvent", one)
        assert [state for state, _, _ in _states(charger.identity)] == ["completed", "active"]


@pytest.mark.field(130)
@VERSIONS
async def test_event_in_any_spelling(depot: Depot, version: str) -> None:
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        begin, later, end = _use(depot.card().id_tag, 0, 1000)
        await charger.call("TransactionEvent", begin | {"eventType": "started"})
        await charger.boot("triggered")
        later["transactionInfo"]["chargingState"] = "suspended_ev"
        await charger.call("TransactionEvent", later)
        assert _states(charger.identity) == [("active", 300, False)]
        assert sessions(charger.identity)[0].connector_status == "SuspendedEV"
        await charger.call("TransactionEvent", end | {"eventType": " ENDED"})
        assert _states(charger.identity) == [("completed", 600, False)]


@pytest.mark.field(114)
@VERSIONS
async def test_card_at_two_evses(depot: Depot, version: str) -> None:
    card = depot.card()
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        assert (await charger.start_transaction(card.id_tag)).status == "Accepted"
        assert await charger.authorize(card.id_tag) == "Accepted"
        assert (await charger.start_transaction(card.id_tag, connector=2)).status == "Accepted"
        assert _states(charger.identity) == [("active", 0, False)] * 2


@pytest.mark.field(114)
@VERSIONS
async def test_idle_transaction_is_not_concurrent(depot: Depot, version: str) -> None:
    card = depot.card()
    async with depot.charger_v2(subprotocols=(version,)) as one, depot.charger_v2() as two:
        transaction = await one.start_transaction(card.id_tag)
        for charging_state, answer in (
            ("EVConnected", "ConcurrentTx"),
            ("Idle", "Accepted"),
            ("Charging", "ConcurrentTx"),
        ):
            await one.state(transaction, charging_state)
            assert await two.authorize(card.id_tag) == answer
        await one.meter_values(transaction, 500)
        await one.state(transaction, "EVConnected")
        assert await two.authorize(card.id_tag) == "Accepted"
        assert _states(one.identity) == [("active", 500, False)]


@pytest.mark.field(25)
@VERSIONS
async def test_readings_of_further_connector(depot: Depot, version: str) -> None:
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        begin, _, _ = _use(depot.card().id_tag, 0, 1000)
        await charger.call("TransactionEvent", begin | {"evse": {"id": 1, "connectorId": 2}})
        await charger.call("MeterValues", {"evseId": 1, "meterValue": [value(1500, at=_at(60))]})
        assert _states(charger.identity) == [("active", 500, False)]


@pytest.mark.field(112)
@VERSIONS
async def test_later_event_resumes_superseded_session(depot: Depot, version: str) -> None:
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        old = _use(depot.card().id_tag, 0, 1000, transaction_id="old")
        new = _use(depot.card().id_tag, 400, 1300, transaction_id="new")
        for one in (old[0], old[1], new[0]):
            await charger.call("TransactionEvent", one)
        assert _states(charger.identity) == [("estimated", 300, False), ("active", 0, False)]
        for number, (seconds, charging_state) in enumerate([(350, "Charging"), (500, "Idle"), (550, "SuspendedEV")], 2):
            assert _states(charger.identity) == [("estimated", 300, False), ("active", 0, False)]
            update = event("old", number, "Updated", "ChargingStateChanged", {"chargingState": charging_state})
            await charger.call("TransactionEvent", update | {"timestamp": _at(seconds)})
        assert _states(charger.identity) == [("active", 300, False), ("active", 0, True)]
        await charger.call("TransactionEvent", old[2] | {"seqNo": 5})
        assert _states(charger.identity) == [("completed", 600, False), ("active", 0, True)]


@pytest.mark.field(114)
@VERSIONS
@pytest.mark.parametrize("minutes", [0, 2])
async def test_next_card_of_a_transaction(depot: Depot, version: str, minutes: int) -> None:
    card = depot.card()
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        await charger.call("TransactionEvent", event("t", 0, "Started", "CablePluggedIn", evse=EVSE))
        answers = []
        for number, id_tag in enumerate(["NOBODY", card.id_tag, depot.card().id_tag], 1):
            update = event("t", number, "Updated", "Authorized", idToken=token(id_tag))
            answers.append((await charger.call("TransactionEvent", update))["idTokenInfo"]["status"])
            depot.ingest(lambda ingest: ingest.sweep(now() + timedelta(minutes=minutes)))
        assert answers == ["Invalid", "Accepted", "Accepted"]
        assert _states(charger.identity) == [("active", 0, False)]
        for number in (5, 4):  # one is late
            update = event("t", number, "Updated", "ChargingStateChanged", {"chargingState": "Charging"})
            await charger.call("TransactionEvent", update)
        assert sessions(charger.identity)[0].account_id == card.account_id


@pytest.mark.field(124)
@VERSIONS
async def test_transaction_id_of_another_card(depot: Depot, version: str) -> None:
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        first, second = _use(depot.card().id_tag, 0, 1000), _use(depot.card().id_tag, 1200, 1600)
        for one in (first[0], first[1], second[0], second[0], second[1]):
            await charger.call("TransactionEvent", one)
        assert _states(charger.identity) == [("estimated", 300, False), ("active", 300, False)]
        await charger.call("TransactionEvent", first[2])
        assert _states(charger.identity) == [("completed", 600, False), ("active", 300, False)]


@pytest.mark.field(113)
@VERSIONS
@pytest.mark.parametrize(("began", "states"), [(1200, ["estimated", "active"]), (-600, ["active", "active"])])
async def test_evse_told_after_the_start(depot: Depot, version: str, began: int, states: list[str]) -> None:
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        await charger.call("TransactionEvent", _use(depot.card().id_tag, 0, 1000)[0])
        begin, later, _ = _use(depot.card().id_tag, began, 1600, transaction_id="2")
        for one in (begin | {"evse": {"id": 0}}, later | {"evse": EVSE}):
            await charger.call("TransactionEvent", one)
        assert [state for state, _, _ in _states(charger.identity)] == states


@pytest.mark.field(113)
@VERSIONS
@pytest.mark.parametrize(
    ("evses", "places", "states"),
    [
        ([1], [1, 0], ["estimated", "active"]),
        ([1], [0, 0], ["estimated", "active"]),
        ([1], [0, 1], ["estimated", "active"]),
        ([1, 2], [1, 0], ["active", "active"]),
        ([1, 2], [0, 1], ["active", "active"]),
        ([], [0, 0], ["active", "active"]),
    ],
)
async def test_start_without_evse(
    depot: Depot, version: str, evses: list[int], places: list[int], states: list[str]
) -> None:
    """It has a place only at a charger with one EVSE, which can have one transaction at a time."""
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        for evse_id in evses:
            status = {"timestamp": _at(-60), "connectorStatus": "Occupied", "evseId": evse_id, "connectorId": 1}
            await charger.call("StatusNotification", status)
        for number, evse_id in enumerate(places):
            begin, later, _ = _use(depot.card().id_tag, 1200 * number, 1000 + 600 * number, transaction_id=f"t{number}")
            for one in (begin | {"evse": {"id": evse_id}}, later):
                await charger.call("TransactionEvent", one)
        assert [state for state, _, _ in _states(charger.identity)] == states
        first = _use(depot.card().id_tag, 1800, 1600, transaction_id="t0")[1]
        await charger.call("TransactionEvent", first | {"seqNo": 9})
        assert _states(charger.identity)[0][0] == "active"  # a later event outweighs it


@pytest.mark.field(114)
@VERSIONS
@pytest.mark.parametrize(
    ("status", "registers", "energy_wh"),
    [
        ("EVConnected", [None], 0),
        ("", [1000], 0),
        ("EVConnected", [1000, 1000], 0),
        ("Charging", [None], None),  # nobody knows what flowed
        ("EVConnected", [1000, 3000], 2000),
    ],
)
async def test_refused_session_ends_without_figures(
    depot: Depot, version: str, status: str, registers: list[int | None], energy_wh: int | None
) -> None:
    """It got nothing, and costs nothing, in any order; unless something says that energy flowed."""
    info = {"chargingState": status} if status else {}
    instants = [(now() - timedelta(minutes=60 - 10 * minutes)).isoformat() for minutes in range(5)]
    history = [event("t", 0, "Started", "Authorized", info, idToken=token("NOBODY"))]
    for number, (register_wh, at) in enumerate(zip(registers, instants[1:], strict=False), 1):
        figures = {} if register_wh is None else {"meterValue": [value(register_wh, at=at)]}
        history.append(event("t", number, "Updated", "Trigger", info, **figures))
    history.append(event("t", 4, "Ended", "Deauthorized", {"stoppedReason": "DeAuthorized"}))
    history = [frame | {"timestamp": instants[frame["seqNo"]]} for frame in history]
    for order in (history, history[::-1], history[1:] + history[:1]):
        async with depot.charger_v2(subprotocols=(version,)) as charger:
            for frame in order:
                await charger.call("TransactionEvent", frame)
            (found,) = sessions(charger.identity)
            assert (found.state, found.energy_wh) == ("completed", energy_wh), order
            assert ("not_known" in notes(found.number)) is (energy_wh is None)
