"""The app in this process, a browser's client, the hub and its streams, the cast and a charger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris.config import Config
from polaris.ingest import Ingest
from polaris.pubsub import Publisher
from polaris.push.hub import Hub
from polaris.push.topic import Topic
from polaris.services import NAME
from tests.support import cast as cast_
from tests.support import forms
from tests.support.cast import Cast, Person
from tests.support.charging import Charging
from tests.support.pages import Open, StreamClient


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    """Its hub never reads pages again by the clock, and sends heartbeats often; a person may have many streams."""
    return make_app(REREAD_S="3600", HEARTBEAT_S="0.5", STREAMS_PER_ACCOUNT="1000")


@pytest.fixture
def publisher(config: Config) -> Iterator[Publisher]:
    publisher = Publisher(config.redis_url)
    yield publisher
    publisher.close()


@pytest.fixture
def ingest(app: Flask) -> Ingest:
    ingest: Ingest = app.extensions[NAME].ingest
    return ingest


@pytest.fixture
def cast(app: Flask, config: Config) -> Cast:
    return cast_.everybody(config)


@pytest.fixture
def olga(client: FlaskClient, cast: Cast) -> FlaskClient:
    """Olga's browser, signed in."""
    forms.sign_in(client, cast.olga)
    return client


@pytest.fixture
def people(cast: Cast) -> Cast:
    return cast


@pytest.fixture
def charging(ingest: Ingest, cast: Cast) -> Charging:
    charging = Charging(ingest, cast.depot_7)
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
    opened: list[StreamClient] = []

    def open_page(topic: Topic, person: Person, **options: Any) -> StreamClient:
        opened.append(StreamClient(hub, topic, person, request.param, **options))
        return opened[-1]

    yield open_page
    for page in opened:
        page.close()
