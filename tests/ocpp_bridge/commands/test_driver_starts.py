"""Drivers' starts at a real charger: in each of its moods, the car plugged in first or last, the bridge killed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from polaris.domain import start_request
from polaris.domain.commands.catalog import Reset
from polaris.domain.start_request import StartObstacle, StartPhase
from polaris.models import Command, EvCard
from polaris.web.start import queries
from polaris.web.start.view import StartPage
from simulator.charger import Charger
from simulator.charger_v2 import event
from simulator.command_responses import OnCommand
from tests.support.commanding import commanded_charger
from tests.support.depot import Depot, command_runs_out, now, sessions, until
from tests.support.processes import Processes

pytestmark = pytest.mark.both_databases

VERSIONS = pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
ACTION = dict.fromkeys(("ocpp2.0.1", "ocpp2.1"), "RequestStartTransaction") | {"ocpp1.6": "RemoteStartTransaction"}


@asynccontextmanager
async def bay(depot: Depot, version: str, status: str = "Available", **options: Any) -> AsyncIterator[Any]:
    """A charger that is connected, whose connector 1 has reported its state."""
    async with commanded_charger(depot, version, **options) as charger:
        await charger.status(1, status)
        yield charger


def press(depot: Depot, charger: Charger, card: EvCard) -> StartObstacle | None:
    made = depot.ingest(lambda ingest: ingest.request_start(charger.identity, 1, card.account_id, now()))
    return None if made is None else made.kind


def seen(charger: Charger, card: EvCard) -> StartPage:
    """The connector's page as the card's driver sees it."""
    page = queries.page(charger.identity, 1, card.account_id, now(), "")
    assert page is not None
    return page


async def becomes(charger: Charger, card: EvCard, phase: StartPhase) -> StartPage:
    await until(lambda: seen(charger, card).control.phase is phase)
    return seen(charger, card)


def newest() -> int:
    return int(Command.select().order_by(Command.id.desc()).get().id)


@VERSIONS
async def test_start_leads_to_the_session(depot: Depot, version: str) -> None:
    card = depot.card()
    async with bay(depot, version) as charger:
        assert press(depot, charger, card) is None
        page = await becomes(charger, card, StartPhase.CHARGING)
        (began,) = sessions(charger.identity)
        assert (page.control.leads_to, began.account_id, began.connector) == (began.number, card.account_id, 1)
        assert [action for action, _ in charger.commands] == [ACTION[version]]
        assert depot.commanded(newest()).sentence == "A session began."


@VERSIONS
@pytest.mark.parametrize(
    ("mood", "phase"),
    [
        ({"status": "Rejected"}, StartPhase.FAILED),
        ({"status": "<odd>"}, StartPhase.FAILED),
        ({}, StartPhase.FAILED),
        (OnCommand.ERROR, StartPhase.FAILED),
        (OnCommand.DISCONNECT, StartPhase.UNKNOWN),
    ],
)
async def test_refusing_charger(depot: Depot, version: str, mood: Any, phase: StartPhase) -> None:
    card = depot.card()
    async with bay(depot, version) as charger:
        charger.on_command[ACTION[version]] = mood
        assert press(depot, charger, card) is None
        page = await becomes(charger, card, phase)
        assert page.control.wait_s > 0
        assert press(depot, charger, card) in (StartObstacle.COOLING_DOWN, StartObstacle.OFFLINE)


@VERSIONS
async def test_silent_charger_and_late_answer(own_depot: Depot, processes: Processes, version: str) -> None:
    depot, card = own_depot, own_depot.card()
    processes.bridge(COMMAND_ANSWER_S="1")
    async with bay(depot, version, starts=False) as charger:
        charger.on_command[ACTION[version]] = OnCommand.LATE
        assert press(depot, charger, card) is None
        await becomes(charger, card, StartPhase.FAILED)
        await charger.answer_late()
        page = await becomes(charger, card, StartPhase.PLUG_IN)
        assert page.control.left_s > 0


@VERSIONS
async def test_no_car_in_time_and_one_after_it(depot: Depot, version: str) -> None:
    card = depot.card()
    async with bay(depot, version, starts=False) as charger:
        press(depot, charger, card)
        await becomes(charger, card, StartPhase.PLUG_IN)
        command_runs_out(newest())
        assert seen(charger, card).control.phase is StartPhase.NOT_PLUGGED_IN
        if version == "ocpp1.6":
            await charger.start_transaction(card.id_tag)
        else:
            await charger.start_transaction(card.id_tag, remote_start_id=newest())
        page = seen(charger, card)
        assert (page.control.phase, page.control.session) == (StartPhase.LATE, sessions(charger.identity)[0].number)


@VERSIONS
async def test_car_plugged_in_first(depot: Depot, version: str) -> None:
    card = depot.card()
    async with bay(depot, version, "Preparing" if version == "ocpp1.6" else "Occupied") as charger:
        if version != "ocpp1.6":  # the transaction begins with the cable (TxStartPoint EVConnected)
            charger.starts = False
            await charger.call("TransactionEvent", event("t", 0, "Started", "CablePluggedIn", evse={"id": 1}))
        assert press(depot, charger, card) is None
        if version != "ocpp1.6":
            await becomes(charger, card, StartPhase.PLUG_IN)
            begun = event("t", 1, "Updated", "RemoteStart", {"remoteStartId": newest()}, evse={"id": 1})
            await charger.call("TransactionEvent", begun)
        page = await becomes(charger, card, StartPhase.CHARGING)
        assert page.control.leads_to == sessions(charger.identity)[0].number


@VERSIONS
@pytest.mark.parametrize("is_own", [True, False])
async def test_card_tapped_meanwhile(depot: Depot, version: str, is_own: bool) -> None:
    card, other = depot.card(), depot.card()
    async with bay(depot, version, starts=False) as charger:
        press(depot, charger, card)
        await becomes(charger, card, StartPhase.PLUG_IN)
        await charger.start_transaction(card.id_tag if is_own else other.id_tag)
        page = await becomes(charger, card, StartPhase.CHARGING if is_own else StartPhase.TAKEN)
        assert page.control.why == (None if is_own else StartObstacle.IN_USE)


@VERSIONS
async def test_killed_bridge_sends_no_start_later(own_depot: Depot, processes: Processes, version: str) -> None:
    """The bridge dies with a start that it has not sent: it is never sent, and its driver may start again."""
    depot, card = own_depot, own_depot.card()
    bridge = processes.bridge()
    async with bay(depot, version) as charger:
        charger.on_command["Reset"] = OnCommand.SILENT
        depot.command(charger.identity, Reset())  # what comes after it waits for its answer
        await charger.commanded.wait()
        assert press(depot, charger, card) is None
        bridge.kill()
        assert seen(charger, card).control.phase is StartPhase.SENT
        command_runs_out(newest())
        assert seen(charger, card).control.phase is StartPhase.UNSENT
        Command.update(requested_at=now() - start_request.COOLDOWN).execute()
        bridge.start()
        await until(lambda: depot.listeners(charger.identity) and press(depot, charger, card) is None)
        await becomes(charger, card, StartPhase.CHARGING)
        assert [action for action, _ in charger.commands] == ["Reset", ACTION[version]]
