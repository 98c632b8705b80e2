"""`flask --app app fleet`: what operators share of the fleet's page."""

from __future__ import annotations

from urllib.parse import urlencode

import click

from polaris import administration
from polaris.cli.common import Group, show_table

fleet = Group("fleet", help="What operators share of the fleet's page.")


@fleet.command("filters")
def fleet_filters() -> None:
    """List the saved filters."""
    rows = [(saved.name, urlencode(saved.query.parameters())) for saved in administration.saved_filters()]
    if not rows:
        click.echo("No filters are saved.")
        return
    show_table([("name", "filter"), *rows])
