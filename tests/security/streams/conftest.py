"""A whole Polaris for tests in Chromium, and the hub with its streams for the others."""

from tests.polaris.conftest import app, cast, charging, hub, ingest, open_, people, publisher
from tests.system.conftest import own_world, shared_polaris, world

__all__ = [
    "app", "cast", "charging", "hub", "ingest", "open_", "own_world", "people", "publisher",
    "shared_polaris", "world",
]  # fmt: skip
