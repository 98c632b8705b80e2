"""Owns a charger that is commanded in a test, and waiting for what becomes of a command."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from polaris.ingest import CommandView
from tests.support.depot import Depot, until


@asynccontextmanager
async def commanded_charger(
    depot: Depot, version: str = "ocpp1.6", *, identity: str = "", starts: bool = True, **wire: Any
) -> AsyncIterator[Any]:
    """A charger that is connected, and whose commands the bridge listens for."""
    is_16 = version == "ocpp1.6"
    charger = depot.charger(identity, **wire) if is_16 else depot.charger_v2(identity, subprotocols=(version,), **wire)
    charger.starts = starts
    async with charger:
        await until(lambda: depot.listeners(charger.identity))
        yield charger


async def done_with(depot: Depot, command_id: int) -> CommandView:
    return await once_out_of(depot, command_id, "requested", "sent", "promised")


async def once_out_of(depot: Depot, command_id: int, *states: str) -> CommandView:
    """The command once it is in none of these states."""

    def left() -> CommandView | None:
        found = depot.commanded(command_id)
        return None if found.state in states else found

    found = await until(left)
    assert found is not None
    return found
