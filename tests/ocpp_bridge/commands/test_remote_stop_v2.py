"""A stop request on its way to a 2.x charger, every way it can go; and that its session's page is as any other's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from polaris.ingest import stuck_sessions
from polaris.web.sessions import queries as session_queries
from polaris.web.sessions.kept import Readings
from polaris.web.sessions.view import StopPhase
from simulator.charger import Charger, OnRemoteStop
from simulator.charger_v2 import ChargerV2, TransactionV2
from tests.support.depot import Depot, now, overdue, session, sessions, stop_runs_out, stop_state, until

FOLLOW_UPS = ("TriggerMessage", "GetTransactionStatus")  # which a charger gets when its stop is overdue
VERSIONS = pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])


async def _charging(depot: Depot, charger: ChargerV2, on_remote_stop: OnRemoteStop) -> tuple[TransactionV2, int]:
    charger.on_remote_stop = on_remote_stop
    transaction = await charger.start_transaction(depot.card().id_tag, meter_start_wh=100)
    await charger.meter_values(transaction, 400)
    return transaction, sessions(charger.identity)[-1].number


@pytest.mark.both_databases
@VERSIONS
async def test_accepted_stop_completes(depot: Depot, version: str) -> None:
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        transaction, number = await _charging(depot, charger, OnRemoteStop.ACCEPT)
        depot.request_stop(session(number))
        await until(lambda: stop_state(number) == "completed")
        assert list(charger.commands) == [("RequestStopTransaction", {"transactionId": transaction.id})]
        found = session(number)
        assert (found.state, found.energy_wh, found.stop_reason) == ("completed", 300, "Remote")


@pytest.mark.field(57, 58, 90)
@pytest.mark.parametrize(
    ("how", "state"),
    [(OnRemoteStop.REJECT, "rejected"), (OnRemoteStop.ERROR, "failed"), (OnRemoteStop.DISCONNECT, "unknown")],
)
async def test_failed_stop_says_why(depot: Depot, how: OnRemoteStop, state: str) -> None:
    async with depot.charger_v2() as charger:
        _, number = await _charging(depot, charger, how)
        depot.request_stop(session(number))
        await until(lambda: stop_state(number) == state)
        assert session(number).state == "active"


@pytest.mark.field(58)
async def test_late_answer_counts(depot: Depot) -> None:
    async with depot.charger_v2() as charger:
        _, number = await _charging(depot, charger, OnRemoteStop.LATE)
        depot.request_stop(session(number))
        await charger.commanded.wait()
        stop_runs_out(number)
        await until(lambda: stop_state(number) == "timed_out")
        await charger.answer_late()
        await until(lambda: stop_state(number) == "completed")


@pytest.mark.field(89, 91)
async def test_accepted_without_end_retried_then_overdue(depot: Depot) -> None:
    """TxStopPoint=EVConnected: charging stops, and the transaction goes on until the car is unplugged."""
    async with depot.charger_v2() as charger:
        transaction, number = await _charging(depot, charger, OnRemoteStop.ACCEPT_SILENT)
        depot.request_stop(session(number))
        await charger.commanded.wait()
        await charger.state(transaction, "EVConnected")
        assert (session(number).state, session(number).connector_status) == ("active", "EVConnected")
        await until(lambda: _stop_phase(number) is StopPhase.UNPLUG)  # once its yes is recorded, too
        await overdue(number)
        assert _stop_phase(number) is StopPhase.UNPLUG
        assert number not in {one.number for one in stuck_sessions.stuck(now())}  # it did what it was asked
        stops = [action for action, _ in charger.commands if action not in FOLLOW_UPS]
        assert stops == ["RequestStopTransaction"] * 2
        await charger.stop_transaction(transaction, reason="Remote")
        assert (session(number).state, stop_state(number)) == ("completed", "completed")


@pytest.mark.field(92)
async def test_disconnected_charger_offline_at_once(depot: Depot) -> None:
    async with depot.charger_v2() as charger:
        _, number = await _charging(depot, charger, OnRemoteStop.ACCEPT)
    await until(lambda: session(number).charger.connection_id is None)
    await until(lambda: not depot.listeners(charger.identity))
    depot.ask_stop(session(number))
    assert stop_state(number) == "offline"


@pytest.mark.field(94)
async def test_stop_crossing_end_completes(depot: Depot) -> None:
    async with depot.charger_v2() as charger:
        transaction, number = await _charging(depot, charger, OnRemoteStop.LATE)
        depot.request_stop(session(number))
        await charger.commanded.wait()
        await charger.stop_transaction(transaction)
        await charger.answer_late()
        await charger.heartbeat()
        assert stop_state(number) == "completed"


@pytest.mark.both_databases
@VERSIONS
@pytest.mark.parametrize("until_end", [False, True])
async def test_same_page_as_v16(depot: Depot, version: str, until_end: bool) -> None:
    """Nothing that a page shows tells which version the charger speaks, but for ids, names and times."""
    pages = []
    for charger in (depot.charger(), depot.charger_v2(subprotocols=(version,))):
        async with charger:
            number = await _same_history(depot, charger, until_end=until_end)
            pages.append(_page(number))
    assert pages[0] == pages[1]
    assert pages[0].energy_wh == (900 if until_end else 400)


async def _same_history(depot: Depot, charger: Charger, *, until_end: bool) -> int:
    await charger.boot()
    transaction = await charger.start_transaction(depot.card().id_tag, meter_start_wh=100)
    if isinstance(charger, ChargerV2):
        await charger.state(transaction, "Charging")
    else:
        await charger.meter_values(transaction, 100, context="Transaction.Begin")
        await charger.status(1, "Charging")
    await charger.meter_values(transaction, 300, power_w=11_000, soc_percent=40)
    await charger.meter_values(transaction, 500, power_w=10_000, soc_percent=41)
    if isinstance(charger, ChargerV2):
        await charger.state(transaction, "SuspendedEV")
    else:
        await charger.status(1, "SuspendedEV")
    if until_end:
        await charger.stop_transaction(transaction, meter_stop_wh=1000, reason="EVDisconnected")
    return sessions(charger.identity)[-1].number


def _stop_phase(number: int) -> StopPhase:
    page = session_queries.session_view(number, now(), timedelta(minutes=5))
    assert page is not None
    return page.stop.phase


def _page(number: int) -> session_queries.SessionView:
    """A session's page without what differs between any two sessions: its identity, its instants, its revision."""
    page = session_queries.session_view(number, now(), timedelta(minutes=5))
    assert page is not None
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert page.last_reading_at is not None
    return replace(
        page,
        number=0,
        revision=0,
        charger_identity="",
        charger_name="",
        started_at=at,
        ended_at=at if page.ended_at else None,
        elapsed_s=0,
        silent_s=0,
        average_power_w=None,
        last_reading_at=at,
        changes_at=None,
        readings=Readings(tuple(replace(point, at=at) for point in page.timeline)),
    )
