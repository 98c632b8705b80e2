"""Owns running Polaris's commands in this process: starting one for each costs most of a second."""

from __future__ import annotations

from click.testing import Result

from polaris import create_app
from polaris.config import Config
from polaris.services import NAME
from tests.support.database import disconnect


def run_command(config: Config, *arguments: str) -> Result:
    """Run `flask --app app …` in this process, whose models are bound to its database."""
    disconnect()
    app = create_app(config)
    try:
        with app.app_context():  # as the `flask` command does
            return app.test_cli_runner().invoke(args=list(arguments))
    finally:
        app.extensions[NAME].publisher.close()
