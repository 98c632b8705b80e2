"""Fixtures of the bridge's tests: one bridge for each database, which tests share, and coroutines as tests."""

from __future__ import annotations

import asyncio
import inspect
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from polaris import models
from polaris.config import Config
from tests.conftest import settings_of
from tests.support.database import disconnect
from tests.support.depot import Depot
from tests.support.processes import Processes
from tests.support.valkey import Valkey

# So long that none runs out while the machine has other things to do. What runs out in a test is made to by the test
# (`depot.stop_runs_out`, `depot.command_runs_out`), or by a bridge of its own that has less patience.
LIMITS = dict.fromkeys(("STOP_ANSWER_S", "STOP_END_S", "COMMAND_ANSWER_S", "START_BEGIN_S"), "60")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine in an event loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.fixture(scope="session")
def shared_bridge(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, valkey: Valkey
) -> Iterator[Depot]:
    """A bridge for all the tests of one database that neither end it nor take something away from it."""
    directory = tmp_path_factory.mktemp(f"bridge-{request.param}")
    valkey.start()
    environment = settings_of(_database(request, directory), valkey.url, directory) | LIMITS
    processes = Processes(environment, directory)
    bridge = processes.bridge()
    yield Depot(Config.from_env(environment), bridge.url)
    assert bridge.is_running, bridge.log_text()
    assert bridge.stop() == 0
    assert "could not be handled" not in bridge.log_text()
    processes.kill_all()


@pytest.fixture
def depot(shared_bridge: Depot, redis_url: str) -> Iterator[Depot]:
    """The shared bridge; this process's models are bound to its database. Checks every frame that it sent."""
    yield from bound(Depot(shared_bridge.config, shared_bridge.url))


@pytest.fixture
def own_depot(settings: dict[str, str], processes: Processes) -> Iterator[Depot]:
    """A depot without a bridge: the test starts, ends and breaks one of its own by `processes`."""
    settings = settings | LIMITS
    url = f"ws://{settings['HOST']}:{settings['OCPP_PORT']}/ocpp"
    yield from bound(Depot(Config.from_env(settings), url))


def bound(depot: Depot) -> Iterator[Depot]:
    models.connect(depot.config.database_url)
    yield depot
    disconnect()
    depot.check_frames()


def _database(request: pytest.FixtureRequest, directory: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{shutil.copy(request.getfixturevalue('sqlite_template'), directory / 'polaris.db')}"
    server = request.getfixturevalue("postgres_server")
    return server.create_database(request.getfixturevalue("postgres_template"))
