"""`flask --app app card`: cards, which sessions are started with."""

from __future__ import annotations

from datetime import datetime

import click

from polaris import administration
from polaris.cli.common import Group

card = Group("card", help="EV cards, which sessions are started with.")


@card.command("list")
@click.argument("email", required=False)
def card_list(email: str | None) -> None:
    """Show the cards of an account, or of all."""
    for row in administration.list_cards(email or ""):
        click.echo(f"{row.card}  {row.email}  {row.status}{_until(row.expires_at)}")


@card.command("tapped")
def card_tapped() -> None:
    """Show the unknown cards that chargers asked about, the latest first: `card add-tapped N EMAIL` adds one."""
    rows = administration.tapped_cards()
    for row in rows:
        times = "once" if row.times == 1 else f"{row.times} times"
        click.echo(f"{row.number}  {row.card}  {row.charger}  {times}, last {row.last_at:%Y-%m-%d %H:%M:%S %Z}")
    if not rows:
        click.echo("No unknown card was tapped.")


def _until(expires_at: datetime | None) -> str:
    return "" if expires_at is None else f", until {expires_at:%Y-%m-%d %H:%M %Z}"
