"""Says a charger's messages in this process: the bridge's own version handles them, and ingest stores them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ocpp_bridge.versions.base import CentralSystem, IncomingCall, Version
from polaris.domain.facts import Fact
from polaris.ingest import CardAnswer, Ingest, Outcome
from tests.support.depot import row

Say = Callable[[str, dict[str, Any]], Any]


def handlers(ingest: Ingest, identity: str, version: Callable[[CentralSystem], Version]) -> Say:
    """Return what takes a charger's Action and payload, and returns the answer."""
    charger_id = row(identity).id

    def store(fact: Fact) -> asyncio.Future[Outcome]:
        return _done(ingest.store([fact], _now())[0])

    def authorize(id_tag: str, charger_id: int, at: datetime) -> asyncio.Future[CardAnswer]:
        return _done(ingest.authorize(id_tag, charger_id, at))

    central_system = CentralSystem(store, authorize, _now, 300)
    spoken = version(central_system)

    async def say(action: str, payload: dict[str, Any]) -> Any:
        exchange = spoken.begin(IncomingCall(charger_id, identity, _now(), action, payload))
        return exchange.answer(exchange.needs and await central_system.request(exchange.needs))

    return say


def _done(outcome: Any) -> asyncio.Future[Any]:
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    future.set_result(outcome)
    return future


def _now() -> datetime:
    return datetime.now(UTC)
