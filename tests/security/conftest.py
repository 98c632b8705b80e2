"""The app in this process, browsers at other addresses, and the lines of the security log."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris import create_app, security_log
from polaris.config import Config
from polaris.services import NAME
from tests.support import cast as cast_
from tests.support.cast import Cast
from tests.support.database import disconnect

SecurityLog = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def make_app(settings: dict[str, str], database: None) -> Iterator[Callable[..., Flask]]:
    """Make an app; keywords such as HTTPS="1" override settings."""
    apps = []

    def make(**changes: str) -> Flask:
        disconnect()  # the new app binds the models anew
        apps.append(create_app(Config.from_env(settings | changes)))
        return apps[-1]

    yield make
    for app in apps:
        app.extensions[NAME].publisher.close()


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def browser_at(app: Flask) -> Callable[[str], FlaskClient]:
    """Make a browser at another address."""

    def make(address: str) -> FlaskClient:
        client = app.test_client()
        client.environ_base["REMOTE_ADDR"] = address
        return client

    return make


@pytest.fixture
def cast(database: None, config: Config) -> Cast:
    return cast_.everybody(config)


@pytest.fixture
def events(caplog: pytest.LogCaptureFixture) -> SecurityLog:
    """Return the lines of the security log since the test began."""
    security_log.begin_anew()

    def lines() -> list[dict[str, Any]]:
        return [json.loads(record.getMessage()) for record in caplog.records if record.name == "polaris.security"]

    return lines
