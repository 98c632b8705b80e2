"""A whole Polaris for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from polaris import models
from polaris.config import Config
from tests.support import cast as cast_
from tests.support.processes import Processes
from tests.support.valkey import Valkey
from tests.system.world import ChargerInTown, World

SETTINGS = {"HEARTBEAT_S": "1", "OPERATOR_CONTACT": "Olga, +49 30 1234"}


@pytest.fixture
def world(
    request: pytest.FixtureRequest,
    settings: dict[str, str],
    database: None,
    tmp_path,
    valkey: Valkey,
    browser: Browser,
) -> Iterator[World]:
    """Deadlines and leases are as long as everywhere: a test that waits for one's end has a mark with a shorter one."""
    marked = request.node.get_closest_marker("settings")
    settings |= SETTINGS | (marked.kwargs if marked else {})
    config = Config.from_env(settings)
    cast = cast_.everybody(config)
    processes = Processes(settings, tmp_path)
    bridge, web = processes.bridge(), processes.web()
    charger = ChargerInTown(bridge.url, cast.depot_7.identity, cast.depot_7.key)
    charger.connect()
    world = World(config, cast, processes, valkey, browser, web, bridge, charger)
    world.commands_arrive()
    yield world
    for context in world.contexts:
        context.close()
    charger.close()
    processes.kill_all()
    models.close()
    for process in (web, bridge):
        assert "Traceback" not in process.log_text(), process.log_text()
