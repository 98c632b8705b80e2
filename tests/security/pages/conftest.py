"""The fixtures of the web's tests, for attacks on its streams."""

from tests.polaris.conftest import app, cast, charging, hub, ingest, open_, people

__all__ = ["app", "cast", "charging", "hub", "ingest", "open_", "people"]
