"""`flask --app app charger`: chargers. Its other commands are in the other modules and in the catalog of verbs."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from polaris.administration import Refused
from polaris.cli.common import Group, filter_option, limit_option, show_table, understood
from polaris.domain.fleet_query import SHOW_WORDS, STATES, Connectivity, Query
from polaris.domain.spelling import printable
from polaris.lists import chargers, sites
from polaris.lists.chargers import ChargerLine
from polaris.services import services

charger = Group("charger", help="Chargers and their keys.")

COLUMNS = ("identity", "name", "site", "online", "last contact (UTC)", "connectors", "maker", "firmware", "protocol")


@charger.command("list")
@filter_option("text", "What the search of the fleet's page would find.")
@filter_option("state", "Chargers with a connector in this state.", STATES, SHOW_WORDS)
@filter_option("connectivity", "All without it.", filter(None, Connectivity))
@filter_option("site", "Chargers of the site with this name.")
@click.option("--retired", "is_retired", is_flag=True, help="Those that are retired, which no other list has.")
@click.option("--page", type=click.IntRange(1), default=1, show_default=True, help="Of so many chargers as --limit.")
@limit_option
def charger_list(page: int, limit: int, *, is_retired: bool, **wanted: str) -> None:
    """List the chargers that the same filter of the fleet's page finds, in the order of their names."""
    now = datetime.now(UTC)
    query = understood(sites.known(Query.of(wanted)))
    if is_retired and query != Query(site=query.site):
        raise Refused("Of retired chargers --site alone can be asked for.")
    ids = chargers.retired_ids(query.site) if is_retired else services().matching(query, now)
    shown = ids[(page - 1) * limit : page * limit]
    if not shown:
        none = "No matching chargers." if query.is_filtered or is_retired else "No chargers yet."
        click.echo("No more chargers." if ids else none)
        return
    show_table([COLUMNS, *map(_cells, chargers.of_ids(shown, now))])
    if len(ids) > len(shown):
        click.echo(f"{len(shown)} of {len(ids)}, page {page} of {-(-len(ids) // limit)}.")


def _cells(line: ChargerLine) -> tuple[str, ...]:
    contact = "never" if line.last_contact_at is None else f"{line.last_contact_at:%Y-%m-%d %H:%M}"
    connectors = ", ".join(f"{number} {status}" for number, status in line.statuses)
    is_online = "online" if line.is_online else "offline"
    said = (connectors, line.maker, line.firmware, line.protocol)
    return tuple(map(printable, (line.identity, line.name, line.site, is_online, contact, *said)))
