"""`flask --app app site` and `tariff`: places with chargers, and what energy costs there."""

from __future__ import annotations

from decimal import Decimal

import click

from polaris import administration
from polaris.cli.common import Amount, Group, audited, site_option

site = Group("site", help="Places with chargers.")
tariff = Group("tariff", help="What energy costs.")


@site.command("set")
@click.argument("name")
@click.option("--time-zone", help="An IANA name, such as Europe/Berlin.")
@click.option("--currency", help="Three letters, such as EUR.")
def site_set(name: str, time_zone: str | None, currency: str | None) -> None:
    """Make a site, or change its time zone or currency."""
    updated = administration.set_site(name, time_zone=time_zone, currency=currency, **audited())
    click.echo(f"{'New site' if updated.is_new else 'Site'} {updated.name}: {updated.time_zone}, {updated.currency}.")
    if updated.priced_in and updated.priced_in != updated.currency:
        click.echo(f"Its tariff is still in {updated.priced_in}. Set one in {updated.currency} with `tariff set`.")


@tariff.command("set")
@click.option("--per-kwh", type=Amount(), required=True, help="Price of a kWh.")
@click.option("--per-minute", type=Amount(), default="0", show_default=True, help="Price of a minute.")
@click.option("--per-session", type=Amount(), default="0", show_default=True, help="Price of a session.")
@click.option("--tax", type=Amount(), default="0", show_default=True, help="Tax in percent, which comes on top.")
@site_option
def tariff_set(per_kwh: Decimal, per_minute: Decimal, per_session: Decimal, tax: Decimal, site: str) -> None:
    """Set the prices, before tax and in the site's currency, of the sessions that start from now on."""
    currency = administration.set_tariff(
        site, per_kwh=per_kwh, per_minute=per_minute, per_session=per_session, tax_percent=tax, **audited()
    )
    click.echo(
        f"From now on at {site}: {per_kwh} {currency} per kWh, {per_minute} per minute, {per_session} per "
        f"session, plus {tax} % tax."
    )
