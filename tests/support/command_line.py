"""Owns running Polaris's commands in this process: starting one for each costs most of a second."""

from __future__ import annotations

from click.testing import Result

from polaris.config import Config
from tests.support import apps


def run_command(config: Config, *arguments: str) -> Result:
    """Run `flask --app app …` in this process, whose models are bound to its database."""
    with apps.running(config) as app, app.app_context():  # as the `flask` command does
        return app.test_cli_runner().invoke(args=list(arguments))
