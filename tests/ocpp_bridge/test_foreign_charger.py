"""A charger that the project did not write, npm's ocpp-rpc in strict mode, finds nothing to object to."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.support import foreign
from tests.support.depot import KEY, Depot, row, session, stop_state, until


async def test_ocpp_rpc_strict_mode(depot: Depot) -> None:
    card, identity = depot.card(), depot.identity()
    command = [foreign.node(), str(foreign.SCRIPT), depot.url, identity, KEY, card.id_tag]
    charger = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said = await _steps(charger, until_step="started")
    assert said["boot"]["status"] == "Accepted"
    assert said["authorize"] == {"idTagInfo": {"status": "Accepted"}}
    assert said["data"] == {"status": "UnknownVendorId"}
    number = said["started"]["transactionId"]
    assert session(number).energy_wh == 250
    depot.request_stop(session(number))
    said = await _steps(charger, until_step="ended")
    assert said["ended"] == {"asked": number, "answer": {"idTagInfo": {"status": "Accepted"}}}
    assert await charger.wait() == 0
    assert (session(number).state, session(number).energy_wh) == ("completed", 500)
    assert stop_state(number) == "completed"
    await until(lambda: row(identity).connection_id is None)


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
