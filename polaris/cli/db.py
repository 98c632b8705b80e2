"""`flask --app app db` and `demo`: the database's tables, and a demonstration to fill them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from polaris import demo, models, retention
from polaris.administration import Refused
from polaris.cli.common import Group
from polaris.services import services

db = Group("db", help="The database.")
demo_group = Group("demo", help="A demonstration.")


@db.command("upgrade")
def db_upgrade() -> None:
    """Make or upgrade the tables."""
    migrations = models.migrate()
    click.echo(f"The database was upgraded: {', '.join(migrations)}." if migrations else "The database is up to date.")


@db.command("sweep")
def db_sweep() -> None:
    """Delete what is older than it is kept. The bridge does this by itself; it can be interrupted and repeated."""
    swept = retention.sweep(services().config, datetime.now(UTC))
    if swept is None:
        raise Refused("A sweep is running already.")
    click.echo(f"{swept}.")


@demo_group.command("seed")
@click.option(
    "--chargers-file",
    "--file",
    "chargers_file",
    type=click.Path(dir_okay=False, path_type=Path),
    default="var/demo-chargers.csv",
    show_default=True,
    help="Where the chargers' keys go, for the simulator.",
)
def demo_seed(chargers_file: Path) -> None:
    """Fill a database that has no accounts with people, chargers and sessions to look at."""
    if not demo.seed(services(), chargers_file, datetime.now(UTC)):
        click.echo("There are accounts in this database already, so nothing was done.")
        return
    for email in (demo.DRIVER, demo.OPERATOR):
        click.echo(f"Sign in as {email} with the password {demo.PASSWORD}")
