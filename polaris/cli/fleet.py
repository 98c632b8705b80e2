"""`flask --app app fleet`: what operators share of the fleet's page."""

from __future__ import annotations

from datetime import UTC, datetime
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


@fleet.command("walls")
def fleet_walls() -> None:
    """List the walls: screens that show the fleet without anybody signed in."""
    found = administration.list_walls(datetime.now(UTC))
    if not found:
        click.echo("There are no walls.")
        return
    cells = [(wall.name, _minute(wall.opened_at), _minute(wall.ends_at)) for wall in found]
    show_table([("name", "opened (UTC)", "ends (UTC)"), *cells])


def _minute(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}"
