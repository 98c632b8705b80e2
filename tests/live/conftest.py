"""A hub in this process, its people and a charger; `cast` is of ingest's tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from polaris import create_app
from polaris.config import Config
from polaris.ingest import Ingest
from polaris.push.hub import Hub
from polaris.push.topic import Topic
from polaris.services import NAME
from tests.ingest.conftest import cast, publisher
from tests.live.pages import Open, Page
from tests.support import cast as cast_
from tests.support.cast import Cast, Person
from tests.support.charging import Charging

__all__ = ["cast", "publisher"]


@pytest.fixture
def app(config: Config, database: None) -> Iterator[Flask]:
    """Its hub reads nothing anew by the clock, and says often that it is alive."""
    app = create_app(replace(config, reread_s=3600, heartbeat_s=0.5))
    yield app
    app.extensions[NAME].publisher.close()


@pytest.fixture
def ingest(app: Flask) -> Ingest:
    ingest: Ingest = app.extensions[NAME].ingest
    return ingest


@pytest.fixture
def people(app: Flask, config: Config) -> Cast:
    return cast_.everybody(config)


@pytest.fixture
def charging(ingest: Ingest, people: Cast) -> Charging:
    charging = Charging(ingest, people.depot_7)
    charging.connect()
    return charging


@pytest.fixture
def hub(app: Flask, ingest: Ingest) -> Iterator[Hub]:
    hub = Hub(app.extensions[NAME].config, ingest, app.test_request_context)
    yield hub
    hub.close()


@pytest.fixture
def open_(hub: Hub, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens pages in the given way, and closes them at the end."""
    opened: list[Page] = []

    def open_page(topic: Topic, person: Person, **options: Any) -> Page:
        opened.append(Page(hub, topic, person, request.param, **options))
        return opened[-1]

    yield open_page
    for page in opened:
        page.close()
