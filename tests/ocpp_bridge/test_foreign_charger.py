"""Chargers that the project did not write, npm's ocpp-rpc in strict mode and PyPI's ocpp, find nothing to object to."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from typing import Any

from ocpp.routing import on
from ocpp.v201 import ChargePoint, call, call_result
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from polaris.models import Command, EvCard
from tests.support import foreign
from tests.support.depot import KEY, Depot, now, row, session, sessions, stop_state, until


async def test_ocpp_rpc_strict_mode(depot: Depot) -> None:
    card, identity = depot.card(), depot.identity()
    command = [foreign.node(), str(foreign.SCRIPT), depot.url, identity, KEY, card.id_tag]
    charger = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said = await _steps(charger, until_step="authorize")
    await _start(depot, identity, card)
    said |= await _steps(charger, until_step="started")
    assert said["boot"]["status"] == "Accepted"
    assert said["authorize"] == {"idTagInfo": {"status": "Accepted"}}
    assert said["data"] == {"status": "UnknownVendorId"}
    number = said["started"]["transactionId"]
    assert session(number).energy_wh == 250
    assert session(number).account_id == Command.get(Command.session == number).account_id == card.account_id
    depot.request_stop(session(number))
    said = await _steps(charger, until_step="ended")
    assert said["ended"] == {"asked": number, "answer": {"idTagInfo": {"status": "Accepted"}}}
    assert await charger.wait() == 0
    assert (session(number).state, session(number).energy_wh) == ("completed", 500)
    assert stop_state(number) == "completed"
    await until(lambda: row(identity).connection_id is None)


async def test_ocpp_of_pypi(depot: Depot) -> None:
    card, identity = depot.card(), depot.identity()
    headers = {"Authorization": f"Basic {b64encode(f'{identity}:{KEY}'.encode()).decode()}"}
    url, subprotocol = f"{depot.url}/{identity}", Subprotocol("ocpp2.0.1")
    async with connect(url, subprotocols=[subprotocol], additional_headers=headers) as connection:
        station = Station(identity, connection)
        reading = asyncio.create_task(station.start())
        await station.call(call.BootNotification({"model": "ocpp", "vendor_name": "PyPI"}, "PowerUp"))
        await station.call(call.StatusNotification(now().isoformat(), "Available", 1, 1))
        await _start(depot, identity, card)
        token, remote_start_id = await station.wanted
        assert token == {"id_token": card.id_tag, "type": "ISO14443"}
        evse = {"id": 1, "connector_id": 1}
        info = {"transaction_id": "t", "remote_start_id": remote_start_id}
        begun = call.TransactionEvent("Started", now().isoformat(), "RemoteStart", 0, info, id_token=token, evse=evse)
        assert (await station.call(begun)).id_token_info == {"status": "Accepted"}
        (began,) = sessions(identity)
        command = Command.get_by_id(remote_start_id)
        assert (command.state, command.session_id, began.account_id) == ("accepted", began.number, card.account_id)
        reading.cancel()


class Station(ChargePoint):
    """A charging station that accepts a start."""

    def __init__(self, identity: str, connection: ClientConnection) -> None:
        super().__init__(identity, connection)
        self.wanted: asyncio.Future[tuple[dict[str, Any], int]] = asyncio.get_running_loop().create_future()

    @on("RequestStartTransaction")
    async def on_start(self, id_token: dict[str, Any], remote_start_id: int, **_: Any) -> Any:
        self.wanted.set_result((id_token, remote_start_id))
        return call_result.RequestStartTransaction("Accepted")


async def _start(depot: Depot, identity: str, card: EvCard) -> None:
    """Start a session as the card's driver."""
    await until(lambda: depot.listeners(identity))
    assert depot.ingest(lambda ingest: ingest.request_start(identity, 1, card.account_id, now())) is None


async def _steps(charger: asyncio.subprocess.Process, *, until_step: str) -> dict[str, Any]:
    """What the charger was answered, step by step, up to one of them."""
    assert charger.stdout is not None
    said: dict[str, Any] = {}
    while until_step not in said:
        line = await charger.stdout.readline()
        assert line, f"the charger ended; it said {said}"
        step = json.loads(line)
        said[step["step"]] = step["data"]
    return said
