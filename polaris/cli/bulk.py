"""`flask --app app bulk`: one command for many chargers."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from polaris.administration import Refused
from polaris.cli.common import Group, RowId, limit_option, show_table
from polaris.lists import bulks
from polaris.rendering.bulk_words import bulk_fate, bulk_interrupts, bulk_obstacle, bulk_size, bulk_state, bulk_whose

bulk = Group("bulk", help="One command for many chargers.")


@bulk.command("list")
def bulk_list() -> None:
    """List the newest commands to many chargers, and dry runs that can be started."""
    found = bulks.newest(datetime.now(UTC))
    if not found:
        click.echo("No command was sent to many chargers yet.")
        return
    show_table([("number", "state", "to", "command", "by"), *map(_cells, found)])


@bulk.command("show")
@click.argument("number", type=RowId())
@click.option("--fate", type=click.Choice([fate.value for fate in bulks.Fate]), help="Of these chargers alone.")
@limit_option
def bulk_show(number: int, fate: str | None, limit: int) -> None:
    """Show what became of a command to many chargers, and of each of them."""
    page = bulks.page(number, datetime.now(UTC), bulks.Fate(fate) if fate else None, limit=limit)
    if page is None:
        raise Refused(f"There is no bulk command {number}.")
    click.echo(f"{page.bulk.words}: {bulk_state(page.bulk)}")
    click.echo(", ".join(f"{bulk_fate(page.bulk, each)}: {page.bulk.count(each)}" for each in page.bulk.fates))
    for said in filter(None, (bulk_obstacle(page.bulk), bulk_interrupts(page.bulk), *bulk_whose(page.bulk))):
        click.echo(said)
    rows = [(row.identity, bulk_fate(page.bulk, row.fate), row.sentence) for row in page.rows]
    show_table([("charger", "state", "what became of it"), *rows])


def _cells(row: bulks.BulkView) -> tuple[str, ...]:
    return str(row.id), bulk_state(row), bulk_size(row), row.words, row.requested_by
