"""The web in this process: the app as it is served, a browser's client, and the cast."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris import create_app, models
from polaris.config import Config
from polaris.services import NAME
from tests.support import cast as cast_
from tests.support.cast import Cast


@pytest.fixture
def make_app(settings: dict[str, str], database: None) -> Iterator[Callable[..., Flask]]:
    """Make an app; keywords such as HTTPS="1" override settings."""
    apps = []

    def make(**changes: str) -> Flask:
        _disconnect()  # the new app binds the models anew
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
def cast(app: Flask, config: Config) -> Cast:
    return cast_.everybody(config)


def _disconnect() -> None:
    models.close()
    if hasattr(models.database.obj, "close_all"):  # PostgreSQL's pool
        models.database.obj.close_all()
