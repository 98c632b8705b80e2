"""A bridge sweeps by itself what is older than it is kept, and its end stops the sweep."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from ocpp_bridge import periodic
from ocpp_bridge.clock import now
from ocpp_bridge.outage import Outage
from ocpp_bridge.periodic import PeriodicTasks
from polaris import models, retention
from polaris.config import Config
from polaris.ingest import Ingest
from polaris.ingest.session_limits import SessionLimits
from polaris.models import Acknowledgement, UnknownCard, blocking
from polaris.pubsub import Publisher
from tests.support.ingest_cast import connected_charger
from tests.support.wait import eventually

Sweep = Callable[[Callable[[float], bool]], retention.Swept | None]


async def nothing() -> None:
    pass


def tasks(config: Config, publisher: Publisher, sweep: Sweep) -> PeriodicTasks:
    return PeriodicTasks(
        Ingest(config, publisher),
        Outage(logging.getLogger("tests"), "The database"),
        trigger_readings=lambda _: None,
        store_refused_handshakes=nothing,
        send_bulk_turn=lambda _: 0,
        limits=SessionLimits(publisher),
        send=lambda _: None,
        bridge_id="bridge-1",
        lease_s=30,
        sweep_old=sweep,
    )


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periodic, "RETENTION_INTERVAL_S", 0.01)


@pytest.fixture
def publisher(config: Config) -> Publisher:
    return Publisher(config.redis_url)


async def test_bridge_sweeps(database: None, config: Config, publisher: Publisher, often: None) -> None:
    cast = connected_charger(config, publisher)
    old = now() - timedelta(days=91)
    blocking(UnknownCard.create)(id_tag="OLD", token_type="", charger=cast.charger, times=1, last_at=old)
    running = asyncio.create_task(tasks(config, publisher, lambda wait: retention.sweep(config, now(), wait)).run())
    await asyncio.to_thread(eventually, lambda: not blocking(UnknownCard.select().exists)())
    running.cancel()
    await asyncio.wait([running])
    publisher.close()
    models.close()


async def test_end_of_bridge_stops_sweep(database: None, config: Config, publisher: Publisher, often: None) -> None:
    has_begun, is_stopped = threading.Event(), threading.Event()

    def sweep(wait: Callable[[float], bool]) -> None:
        has_begun.set()
        assert wait(600)
        is_stopped.set()

    running = asyncio.create_task(tasks(config, publisher, sweep).run())
    await asyncio.to_thread(has_begun.wait)
    running.cancel()
    await asyncio.wait([running])

    assert await asyncio.to_thread(is_stopped.wait, 30)
    publisher.close()


async def test_bridge_forgets_what_was_acknowledged(
    database: None, config: Config, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(periodic, "FORGET_INTERVAL_S", 0.01)
    old = now() - timedelta(hours=2)
    values = {"key": "fault:gone/1", "level": 1, "state": "", "actor": "", "note": "", "at": old, "seen_at": old}
    blocking(Acknowledgement.create)(**values)
    running = asyncio.create_task(tasks(config, publisher, lambda _: None).run())
    await asyncio.to_thread(eventually, lambda: not blocking(Acknowledgement.select().exists)())
    running.cancel()
    await asyncio.wait([running])
    publisher.close()
    models.close()
