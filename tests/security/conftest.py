"""The app in this process, browsers at other addresses, and the lines of the security log."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris import security_log
from polaris.config import Config
from tests.support import cast as cast_
from tests.support.cast import Cast

SecurityLog = Callable[[], list[dict[str, Any]]]


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
