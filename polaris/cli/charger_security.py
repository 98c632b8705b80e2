"""Commands about which chargers may connect, and with which keys, under `charger`."""

from __future__ import annotations

from datetime import datetime

import click

from polaris.administration import charger_security
from polaris.administration.charger_security import RefusedCharger
from polaris.cli import charger_commands
from polaris.cli.chargers import charger
from polaris.cli.common import show_table
from polaris.domain.commands.catalog import ChangeKey
from polaris.domain.enums import CommandState
from polaris.verbs.charger_security import BOTH_KEYS

COLUMNS = ("IDENTITY", "FROM", "ASKED FOR", "FIRST", "LAST", "TIMES", "OFFERED", "KEY", "CHARGER")


@charger.command("refused")
def charger_refused() -> None:
    """List the chargers that were refused: not known, or with another key than theirs."""
    refused = charger_security.unrecognised()
    if not refused:
        click.echo("No charger was refused.")
        return
    show_table([COLUMNS, *map(_columns, refused)])


@charger.command("rotate")
@click.argument("identity")
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and send nothing.")
def rotate(identity: str, *, dry_run: bool) -> None:
    """Give a charger a new key, which nobody sees: it is made when it is sent, and only its hash is kept.

    Both keys are good until the charger has connected with the new one; from then on the old one is refused. For a
    charger that takes no key from us there is `charger new-key`.
    """
    done = CommandState.PREVIEWED if dry_run else CommandState.ACCEPTED
    if charger_commands.request(identity, ChangeKey(), is_dry_run=dry_run).state is not done:
        raise click.exceptions.Exit(1)
    if not dry_run:
        click.echo(f"Charger {identity} {BOTH_KEYS}")


def _columns(refused: RefusedCharger) -> tuple[str, ...]:
    return (
        refused.identity or "(none)",
        refused.address or "(unknown)",
        refused.path or "-",
        _minute(refused.first_at),
        _minute(refused.last_at),
        str(refused.times),
        refused.offered or "-",
        "offered" if refused.has_key else "none",
        "new" if refused.profile is None else f"known, profile {refused.profile}",
    )


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
