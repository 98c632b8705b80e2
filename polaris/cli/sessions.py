"""`flask --app app session`: sessions that need a person."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from polaris.administration import Refused
from polaris.cli.common import Group, audited
from polaris.services import services

session = Group("session", help="Charging sessions that need a person.")


@session.command("stuck")
def session_stuck() -> None:
    """List the sessions that seem to be over although no end has come, and what speaks for it."""
    sessions = services().ingest.stuck(datetime.now(UTC))
    if not sessions:
        click.echo("No session is stuck.")
        return
    for stuck in sessions:
        since = stuck.started_at.strftime("%Y-%m-%d %H:%M")
        energy = "energy not known" if stuck.energy_wh is None else f"{stuck.energy_wh / 1000:.2f} kWh"
        click.echo(f"Session {stuck.number}, {stuck.charger} connector {stuck.connector}, {energy} since {since}")
        for sentence in stuck.evidence:
            click.echo(f"  {sentence}")
    click.echo(f"Close one with: flask --app app session close {sessions[0].number}")


@session.command("close")
@click.argument("number", type=int)
def session_close(number: int) -> None:
    """Close a stuck session with its last reading, as an estimate. The charger's own end still replaces it."""
    if not services().ingest.close_session(number, **audited()):
        raise Refused(f"Nothing speaks for session {number} being over. `session stuck` lists those that seem to be.")
    click.echo(f"Session {number} is closed as an estimate.")
