"""`flask --app app bulk`: one command for many chargers."""

from __future__ import annotations

import click

from polaris.administration import Refused
from polaris.cli.common import Group, limit_option, show_table
from polaris.lists import bulks

bulk = Group("bulk", help="One command for many chargers.")


@bulk.command("list")
def bulk_list() -> None:
    """List the newest commands to many chargers."""
    found = bulks.newest()
    if not found:
        click.echo("No command was sent to many chargers yet.")
        return
    show_table([("number", "state", "chargers", "command", "by"), *map(_cells, found)])


@bulk.command("show")
@click.argument("number", type=click.IntRange(1))
@click.option("--fate", type=click.Choice([fate.value for fate in bulks.Fate]), help="Of these chargers alone.")
@limit_option
def bulk_show(number: int, fate: str | None, limit: int) -> None:
    """Show what became of a command to many chargers, and of each of them."""
    page = bulks.page(number, bulks.Fate(fate) if fate else None, limit=limit)
    if page is None:
        raise Refused(f"There is no bulk command {number}.")
    click.echo(f"{page.bulk.words}: {page.bulk.state}")
    click.echo(", ".join(f"{each.value} {page.bulk.count(each)}" for each in bulks.Fate))
    show_table(
        [("charger", "fate", "what became of it"), *((row.identity, row.fate, row.sentence) for row in page.rows)]
    )


def _cells(row: bulks.BulkView) -> tuple[str, ...]:
    return str(row.id), row.state.value, str(row.total), row.words, row.requested_by
