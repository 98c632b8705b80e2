"""`flask --app app charger commissioning`: what the newest run of a charger has shown."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from polaris.administration import Refused
from polaris.cli.chargers import charger
from polaris.cli.common import show_table
from polaris.commissioning import runs

COLUMNS = ("STEP", "RESULT", "SEEN", "WHAT TO DO")


@charger.command("commissioning")
@click.argument("identity")
def commissioning(identity: str) -> None:
    """Show what the newest run of a charger's commissioning has shown, step by step."""
    found = runs.of(identity, datetime.now(UTC))
    if not found:
        raise Refused(f"{identity} has not been commissioned. Begin with: charger commission {identity}")
    newest = found[0]
    show_table(
        [
            COLUMNS,
            *(
                (verdict.step, verdict.result, verdict.seen, newest.reasons.get(verdict.step, verdict.advice))
                for verdict in newest.verdicts
            ),
        ]
    )
    click.echo(f"Begun {newest.began_at:%Y-%m-%d %H:%M} UTC by {newest.began_by}; {newest.outcome or 'still open'}.")
