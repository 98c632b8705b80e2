"""The cast of ingest's tests, without an app."""

from __future__ import annotations

import pytest

from polaris.config import Config
from polaris.pubsub import Publisher
from tests.support.ingest_cast import Cast, connected_charger


@pytest.fixture
def cast(database: None, config: Config, publisher: Publisher) -> Cast:
    return connected_charger(config, publisher)
