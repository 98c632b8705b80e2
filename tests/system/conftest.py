"""A whole Polaris: one that tests share, and one of its own for a test that ends or restarts a part of it."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser

from polaris import models
from polaris.config import Config
from tests.conftest import settings_of
from tests.support import cast as cast_
from tests.support.processes import Processes
from tests.support.valkey import Valkey
from tests.system.world import ChargerInTown, Polaris, World

SETTINGS = {"HEARTBEAT_S": "1", "OPERATOR_CONTACT": "Olga, +49 30 1234"}

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def shared_polaris(
    sqlite_template: Path, valkey: Valkey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Mapping[str, str]], Polaris]]:
    """Start a Polaris on SQLite, once for each combination of settings."""
    running: dict[tuple[tuple[str, str], ...], Polaris] = {}

    def started(changes: Mapping[str, str]) -> Polaris:
        key = tuple(sorted(changes.items()))
        if key not in running:
            directory = tmp_path_factory.mktemp("polaris")
            url = f"sqlite:///{shutil.copy(sqlite_template, directory / 'polaris.db')}"
            running[key] = start(settings_of(url, valkey.url, directory) | changes, directory)
        return running[key]

    yield started
    for polaris in running.values():
        polaris.processes.kill_all()


@pytest.fixture
def world(
    request: pytest.FixtureRequest,
    shared_polaris: Callable[[Mapping[str, str]], Polaris],
    redis_url: str,
    valkey: Valkey,
    browser: Browser,
) -> Iterator[World]:
    """The shared Polaris; the people and the charger are this test's own."""
    polaris = shared_polaris(marked_settings(request))
    models.connect(polaris.config.database_url)
    yield from inhabited(polaris, valkey, browser, suffix=f"-{next(_numbers)}")
    models.close()


@pytest.fixture
def site(world: World) -> str:
    """The site by its name: passkeys are made for names, and browsers make them on localhost and by HTTPS only."""
    return f"http://localhost:{urlsplit(world.web.url).port}"


@pytest.fixture
def own_world(
    request: pytest.FixtureRequest,
    settings: dict[str, str],
    database: None,
    tmp_path: Path,
    valkey: Valkey,
    browser: Browser,
) -> Iterator[World]:
    """A Polaris that the test may end, in which nobody else charges."""
    polaris = start(settings | marked_settings(request), tmp_path)
    yield from inhabited(polaris, valkey, browser)
    polaris.processes.kill_all()
    models.close()


def marked_settings(request: pytest.FixtureRequest) -> dict[str, str]:
    """Deadlines and leases are as long as everywhere: a test that waits for one's end has a mark with a shorter one."""
    marked = request.node.get_closest_marker("settings")
    return SETTINGS | (marked.kwargs if marked else {})


def start(settings: Mapping[str, str], directory: Path) -> Polaris:
    processes = Processes(settings, directory)
    return Polaris(Config.from_env(settings), processes, web=processes.web(), bridge=processes.bridge())


def inhabited(polaris: Polaris, valkey: Valkey, browser: Browser, *, suffix: str = "") -> Iterator[World]:
    cast = cast_.everybody(polaris.config, suffix)
    charger = ChargerInTown(polaris.bridge.url, cast.depot_7.identity, cast.depot_7.key)
    charger.connect()
    world = World(polaris, cast, valkey, browser, charger)
    world.commands_arrive()
    yield world
    for context in world.contexts:
        context.close()
    charger.close()
    for process in (polaris.web, polaris.bridge):
        assert "Traceback" not in process.log_text(), process.log_text()
