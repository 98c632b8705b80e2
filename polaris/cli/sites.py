"""`flask --app app site` and `tariff`: places with chargers, and what energy costs there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from polaris.administration import Refused
from polaris.cli.common import Group, limit_option, newest, show_table
from polaris.cli.verbs import arguments_of, parameters
from polaris.domain.tariff_preview import Compared
from polaris.lists import sites, tariffs
from polaris.lists.sites import SiteRow
from polaris.lists.tariffs import TariffRow
from polaris.rendering.filters import duration, kwh, money
from polaris.rendering.price_words import net_price_words, price_words, signed_money
from polaris.verbs import GROUPS
from polaris.verbs.tariffs import SetTariff, checked

SET_TARIFF = GROUPS["tariff"]["set"]

site = Group("site", help="Places with chargers.")
tariff = Group("tariff", help="What energy costs.")


@site.command("list")
@limit_option
def site_list(limit: int) -> None:
    """List the sites by name, with their chargers and what a driver pays."""
    rows = sites.page(datetime.now(UTC), limit=limit).rows
    if not rows:
        click.echo("No sites yet. Add one with: flask --app app site set NAME")
        return
    headings = ("site", "time zone", "currency", "chargers", "online", "in use", "prices", "address")
    show_table([headings, *map(_site_cells, rows)])


def _site_cells(row: SiteRow) -> tuple[str, ...]:
    figures = (row.chargers, row.online, row.in_use)
    return row.name, row.time_zone, row.currency, *map(str, figures), price_words(row.prices), row.address


@tariff.command("list")
@click.argument("site", required=False)
@limit_option
def tariff_list(site: str | None, limit: int) -> None:
    """List the versions of prices, of a site or of all, the newest first."""
    of_site = None if site is None else _found(site).id

    def page(rows: int, before: int | None) -> tuple[list[TariffRow], int | None]:
        found = tariffs.page(of_site, rows, before)
        return found.rows, found.next_id

    rows = newest(page, limit)
    if not rows:
        click.echo("No prices yet. Set them with: flask --app app tariff set --per-kwh 0.39")
        return
    show_table([("site", "from (UTC)", "until (UTC)", "what a driver pays", "as entered"), *map(_version_cells, rows)])


def _version_cells(row: TariffRow) -> tuple[str, ...]:
    until = "in force" if row.until_at is None else _time(row.until_at)
    return row.site, _time(row.from_at), until, price_words(row.prices), net_price_words(row.prices)


def tariff_preview(**values: Any) -> None:
    """Show what the last sessions of a site would have cost under other prices. Nothing is saved.

    What is left out is as it is now.
    """
    asked, _ = arguments_of(SET_TARIFF, values)
    assert isinstance(asked, SetTariff)
    row = _found(asked.site)
    preview = tariffs.previewed(row.id, checked(asked, row.currency, row.time_zone))
    click.echo(f"At {row.name}: {price_words(preview.prices)}, instead of {price_words(row.prices)}.")
    if not preview.rows:
        click.echo("No session of this site has ended yet, so there is nothing to compare.")
        return
    sums = preview.sums
    total = (
        f"sum of {sums.sessions}",
        "",
        "",
        "",
        money(sums.cost),
        money(sums.new_cost),
        signed_money(sums.difference),
    )
    headings = ("session", "ended (UTC)", "kWh", "duration", "cost", "would cost", "difference")
    show_table([headings, *map(_compared_cells, preview.rows), total])


def _compared_cells(row: Compared) -> tuple[str, ...]:
    session = row.session
    figures = (money(row.cost), money(row.new_cost), signed_money(row.difference))
    energy = "not known" if session.energy_wh is None else kwh(session.energy_wh)
    return str(session.number), _time(session.ended_at), energy, duration(session.duration_s), *figures


def _found(name: str) -> SiteRow:
    row = sites.named(name, datetime.now(UTC))
    if row is None:
        raise Refused(f"There is no site {name}.")
    return row


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


tariff.command("preview", params=parameters(SET_TARIFF))(tariff_preview)
