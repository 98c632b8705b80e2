"""`flask --app app session`: sessions that need a person."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import click

from polaris.administration import Refused
from polaris.cli.common import Amount, Group, audited
from polaris.domain.limits import MAX_INT32
from polaris.ingest import EnergyRefusal
from polaris.services import services

REFUSALS = {
    EnergyRefusal.NOT_FOUND: "There is no session {number}.",
    EnergyRefusal.IN_PROGRESS: "Session {number} is still in progress: its energy can be set once it has ended.",
    EnergyRefusal.BAD_FIGURE: "{kwh} is not a figure from 0 to 10000 kWh with at most three decimals.",
    EnergyRefusal.BAD_REASON: "--why takes 1 to 200 characters on one line.",
    EnergyRefusal.NOTHING_SET: "No figure is set for session {number}: the charger's own already counts.",
}

session = Group("session", help="Charging sessions that need a person.")
number_argument = click.argument("number", type=click.IntRange(1, MAX_INT32))


@session.command("stuck")
def session_stuck() -> None:
    """List the sessions that seem to be over although no end has come, and what speaks for it."""
    sessions = services().ingest.stuck(datetime.now(UTC))
    if not sessions:
        click.echo("No session is stuck.")
        return
    for stuck in sessions:
        place = f"Session {stuck.number}, {stuck.charger} connector {stuck.connector}"
        click.echo(f"{place}, {_kwh(stuck.energy_wh)} since {_minute(stuck.started_at)}")
        for sentence in stuck.evidence:
            click.echo(f"  {sentence}")
    click.echo(f"Close one with: flask --app app session close {sessions[0].number}")


@session.command("close")
@number_argument
def session_close(number: int) -> None:
    """Close a stuck session with its last reading, as an estimate. The charger's own end still replaces it."""
    if not services().ingest.close_session(number, **audited()):
        raise Refused(f"Nothing speaks for session {number} being over. `session stuck` lists those that seem to be.")
    click.echo(f"Session {number} is closed as an estimate.")


@session.command("doubtful")
def session_doubtful() -> None:
    """List the newest ended sessions whose energy is not known."""
    sessions = services().ingest.unknown_energy()
    if not sessions:
        click.echo("The energy of every ended session is known.")
        return
    for doubtful in sessions:
        place = f"Session {doubtful.number}, {doubtful.charger} connector {doubtful.connector}"
        until = f" to {_minute(doubtful.ended_at)}" if doubtful.ended_at else ""
        click.echo(f"{place}, {_minute(doubtful.started_at)}{until}: energy not known")
    click.echo(f"Set a figure with: flask --app app session set-energy {sessions[0].number} KWH --why TEXT")


@session.command("set-energy")
@number_argument
@click.argument("kwh", type=Amount(), required=False)
@click.option("--clear", is_flag=True, help="Return to the charger's own figure.")
@click.option("--why", required=True, help="The reason, which the session's page shows.")
def session_set_energy(number: int, kwh: Decimal | None, clear: bool, why: str) -> None:
    """Set the energy of an ended session, in kWh. It outranks the charger's own figure, which is kept beside it."""
    if clear == (kwh is not None):
        raise click.UsageError("Give either a figure in kWh or --clear.")
    corrected = services().ingest.set_energy(number, kwh, why, **audited())
    if isinstance(corrected, EnergyRefusal):
        raise Refused(REFUSALS[corrected].format(number=number, kwh=kwh))
    click.echo(f"Session {number}: {_kwh(corrected.before_wh)} before, {_kwh(corrected.after_wh)} now.")


def _kwh(energy_wh: int | None) -> str:
    return "energy not known" if energy_wh is None else f"{energy_wh / 1000:.2f} kWh"


def _minute(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M")
