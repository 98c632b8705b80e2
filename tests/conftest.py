"""Owns the fixtures that every kind of test uses: Valkey, the databases, the settings, the processes, the browser.

A test that uses a database runs on SQLite; one marked `both_databases` runs on PostgreSQL too. What differs between the
two is SQL, locks, connections and outages: marked are the tests of ingest, queries and outages, and a few of every part
that only stores and reads.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, sync_playwright

from polaris import models
from polaris.config import Config
from tests.support import apps, chromium, make_run
from tests.support.database import disconnect
from tests.support.ports import free_port
from tests.support.postgres import Postgres
from tests.support.processes import Process, Processes
from tests.support.valkey import Valkey

# An example takes as long as the machine takes for it: one that stands still for a moment is no fault of the example's.
hypothesis.settings.register_profile("tests", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("tests")

USERS_OF_THE_DATABASE = ("hub-", "fleet-refresher", "database-watch")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    is_marked = metafunc.definition.get_closest_marker("both_databases")
    parametrized = " ".join(str(mark.args[0]) for mark in metafunc.definition.iter_markers("parametrize"))
    for name in ("database_url", "shared_bridge"):
        if name in metafunc.fixturenames and name not in parametrized:
            metafunc.parametrize(name, ["sqlite", "postgresql"] if is_marked else ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def threads_end() -> Iterator[None]:
    """Let no thread outlive its test that could use the database of the next one."""
    yield
    alive = [thread.name for thread in threading.enumerate() if thread.name.startswith(USERS_OF_THE_DATABASE)]
    assert not alive, f"threads outlived the test: {alive}"


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    """The test run's Valkey. A test may stop it: the next one that asks for `redis_url` finds it running and empty."""
    server = Valkey()
    yield server
    server.start()
    refusals = server.refusals()
    server.close()
    assert not refusals, f"docs/users.acl lacks what Polaris needs: {refusals}"


@pytest.fixture
def redis_url(valkey: Valkey) -> str:
    valkey.start()
    valkey.clear()
    return valkey.url


@pytest.fixture(scope="session")
def postgres_server(testrun_uid: str) -> Iterator[Postgres]:
    """One for all workers: making a server takes seconds."""
    server = Postgres(Path(tempfile.gettempdir()) / f"polaris-postgres-{testrun_uid}")
    yield server
    server.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file without data."""
    path = tmp_path_factory.mktemp("template") / "polaris.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_server: Postgres) -> str:
    """The URL of a migrated database without data."""
    url = postgres_server.create_database()
    _migrate(url)
    return url


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated database of this test's own."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        yield f"sqlite:///{shutil.copy(template, tmp_path / 'polaris.db')}"
    else:
        server: Postgres = request.getfixturevalue("postgres_server")
        url = server.create_database(request.getfixturevalue("postgres_template"))
        yield url
        server.drop_database(url)


@pytest.fixture
def database(database_url: str) -> Iterator[None]:
    """Bind the models to the test's database in this process too."""
    models.connect(database_url)
    yield
    disconnect()


@pytest.fixture
def settings(database_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of every process of this test, on ports of its own."""
    return settings_of(database_url, redis_url, tmp_path)


@pytest.fixture
def config(settings: dict[str, str]) -> Config:
    return Config.from_env(settings)


@pytest.fixture
def make_app(settings: dict[str, str], database: None) -> Iterator[Callable[..., Flask]]:
    """Make an app; keywords such as HTTPS="1" override settings."""
    with ExitStack() as running:
        yield lambda **changes: running.enter_context(apps.running(Config.from_env(settings | changes)))


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def processes(settings: dict[str, str], tmp_path: Path) -> Iterator[Processes]:
    """Starts this test's processes and ends those that still run."""
    group = Processes(settings, tmp_path)
    yield group
    group.kill_all()


@pytest.fixture
def var(tmp_path: Path) -> Path:
    """The directory of a `make run` of this test's own."""
    return tmp_path / "var"


@pytest.fixture
def run(var: Path, tmp_path: Path) -> Iterator[Process]:
    """`python -m dev` on ports and in a directory of its own, not started yet."""
    ports = make_run.ports()
    environment = {"POLARIS_VAR": str(var), **ports}
    url = f"http://127.0.0.1:{ports['PORT']}"
    process = Process([sys.executable, "-m", "dev"], environment, tmp_path / "run.log", url=url)
    yield process
    make_run.end(process, var)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium. Of a module, not of the session: Playwright keeps an event loop running, which asyncio tests mind."""
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        yield browser
        browser.close()


def _migrate(url: str) -> None:
    models.connect(url)
    try:
        models.migrate()
    finally:
        disconnect()


def settings_of(database_url: str, redis_url: str, directory: Path) -> dict[str, str]:
    return {
        "SECRET_KEY": "a-secret-key-only-for-tests-0123456789",
        "CHARGER_KEY_SECRETS": "1:a-charger-key-secret-only-for-tests-0123456789",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "HOST": "127.0.0.1",
        "PORT": str(free_port()),
        "OCPP_PORT": str(free_port()),
        "OCPP_HEALTH_PORT": str(free_port()),
        "FRAMES_DIR": str(directory / "frames"),
    }
