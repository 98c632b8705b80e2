"""A whole Polaris for tests in Chromium, and the hub with its streams for the others."""

from tests.polaris.conftest import app, cast, charging, client, hub, ingest, make_app, open_, people, publisher
from tests.system.conftest import own_world, shared_polaris, world

__all__ = [
    "app", "cast", "charging", "client", "hub", "ingest", "make_app", "open_", "own_world", "people", "publisher",
    "shared_polaris", "world",
]  # fmt: skip
