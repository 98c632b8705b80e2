"""Commands about which chargers may connect, and with which keys, under `charger`."""

from __future__ import annotations

import click

from polaris.administration import charger_security
from polaris.administration.charger_security import RefusedCharger
from polaris.cli.chargers import charger
from polaris.cli.common import show_table
from polaris.domain.instants import minute_text

COLUMNS = ("IDENTITY", "FROM", "ASKED FOR", "FIRST", "LAST", "TIMES", "OFFERED", "KEY", "CHARGER")


@charger.command("refused")
def charger_refused() -> None:
    """List the chargers that were refused: not known, or with another key than theirs."""
    refused = charger_security.unrecognised()
    if not refused:
        click.echo("No charger was refused.")
        return
    show_table([COLUMNS, *map(_columns, refused)])


def _columns(refused: RefusedCharger) -> tuple[str, ...]:
    return (
        refused.identity or "(none)",
        refused.address or "(unknown)",
        refused.path or "-",
        minute_text(refused.first_at),
        minute_text(refused.last_at),
        str(refused.times),
        refused.offered or "-",
        "offered" if refused.has_key else "none",
        "new" if refused.profile is None else f"known, profile {refused.profile}",
    )
