"""Owns apps in this process: made, and ended with every thread that they started."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from polaris import create_app
from polaris.config import Config
from polaris.services import NAME
from tests.support.database import disconnect


@contextmanager
def running(config: Config) -> Iterator[Flask]:
    """Make an app, to whose database this process's models are bound.

    A thread that outlived it would use the database of the test after it.
    """
    disconnect()
    app = create_app(config)
    try:
        yield app
    finally:
        app.blueprints["live"].close()
        app.extensions[NAME].close()
