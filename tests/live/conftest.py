"""The same cast as ingest's tests."""

from tests.ingest.conftest import bus, cast

__all__ = ["bus", "cast"]
