"""`flask --app app session`: the sessions, and those that need a person."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import click
from peewee import OperationalError

from polaris.administration import Refused
from polaris.cli import session_table, verbs
from polaris.cli.common import Group, RowId, audited, filter_option, limit_option, understood, yes_option
from polaris.domain.enums import StopState
from polaris.domain.instants import minute_text
from polaris.domain.sentences import say
from polaris.domain.stop_request import OPEN
from polaris.ingest import EnergyRefusal, Recomputed
from polaris.lists.sessions import STATUS_WORDS, SessionFilter, Status
from polaris.rendering.filters import note as note_text
from polaris.services import services
from polaris.verbs import GROUPS, perform
from polaris.verbs.sessions import REFUSALS, Stop, in_kwh

POLL_INTERVAL_S = 0.1
STOP_STATES = {  # in the words of the session's page
    StopState.REQUESTED: "Stopping: asked for.",
    StopState.SENT: "Stopping: sent to the charger.",
    StopState.ACCEPTED: "Stopping: the charger accepted, waiting for its final reading.",
    StopState.COMPLETED: "The session has ended.",
    StopState.REJECTED: "Charger could not stop the session: it refused. Please try again.",
    StopState.FAILED: "Charger could not stop the session: it answered with an error, or Polaris failed to ask it."
    " Please try again.",
    StopState.OFFLINE: "The charger is offline: the stop did not reach it, and will not be sent later.",
    StopState.TIMED_OUT: "Charger could not stop the session: no answer came. Please try again.",
    StopState.UNKNOWN: "Charger could not stop the session: the connection broke before it answered. Please try again.",
    StopState.OVERDUE: "The charger accepted the stop, but the session has not ended."
    " Stop it at the charger, with the card or its stop button.",
}

session = Group("session", help="Charging sessions: listed, and those that need a person.")


@session.command("list")
@filter_option("status", "All without it.", Status, STATUS_WORDS)
@filter_option("from", "The first day on which they started, by their site's clock.")
@filter_option("to", "The last day.")
@filter_option("driver", "The e-mail address of the card's owner.")
@filter_option("card", "What chargers read of the card.")
@filter_option("charger", "The charger's identity.")
@filter_option("site", "The site's name.")
@click.option("--in-doubt", is_flag=True, help="Those that are an estimate, or have notes on their figures.")
@click.option("--totals", "is_totalled", is_flag=True, help="Add up their energy and cost, too.")
@limit_option
def session_list(limit: int, is_totalled: bool, in_doubt: bool, **wanted: str) -> None:
    """List the newest sessions that match, the newest first."""
    found = understood(SessionFilter.of(wanted | {"in_doubt": "1" if in_doubt else ""}))
    session_table.show(found, limit, datetime.now(UTC), is_totalled=is_totalled)


@session.command("stop")
@click.argument("number", type=RowId())
@click.option("--no-wait", is_flag=True, help="Do not wait for what becomes of it.")
@yes_option
def session_stop(number: int, *, no_wait: bool, yes: bool) -> None:
    """Ask a charger to end a session, as the button on the session's page does. Exit with 0 once it has ended."""
    verb, asked = GROUPS["session"]["stop"], Stop(number)
    verbs.ask(verb, asked, yes=yes)
    click.echo(perform(services(), verb, asked, **audited()).sentence)
    state = None
    while not no_wait:
        before, state = state, services().ingest.stop_state(number, datetime.now(UTC))
        if state is None:
            raise Refused(f"Session {number} was forgotten meanwhile.")
        if state is not before:
            click.echo(STOP_STATES[state])
        if state not in OPEN:
            raise click.exceptions.Exit(state is not StopState.COMPLETED)
        time.sleep(POLL_INTERVAL_S)


@session.command("stuck")
def session_stuck() -> None:
    """List the sessions that seem to be over although no end has come, and what speaks for it."""
    sessions = services().ingest.stuck(datetime.now(UTC))
    if not sessions:
        click.echo("No session is stuck.")
        return
    for stuck in sessions:
        place = f"Session {stuck.number}, {stuck.charger} connector {stuck.connector}"
        click.echo(f"{place}, {in_kwh(stuck.energy_wh)} since {minute_text(stuck.started_at)}")
        for sentence in stuck.evidence:
            click.echo(f"  {sentence}")
    click.echo(f"Close one with: flask --app app session close {sessions[0].number}")


@session.command("doubtful")
def session_doubtful() -> None:
    """List the newest ended sessions whose energy is not known."""
    sessions = services().ingest.unknown_energy()
    if not sessions:
        click.echo("The energy of every ended session is known.")
        return
    for doubtful in sessions:
        place = f"Session {doubtful.number}, {doubtful.charger} connector {doubtful.connector}"
        until = f" to {minute_text(doubtful.ended_at)}" if doubtful.ended_at else ""
        click.echo(f"{place}, {minute_text(doubtful.started_at)}{until}: energy not known")
    click.echo(f"Set a figure with: flask --app app session set-energy {sessions[0].number} KWH --reason TEXT")


@session.command("recompute")
@click.argument("number", type=RowId(), required=False)
@click.option("--all", "is_all", is_flag=True, help="Every session. It can be interrupted, and repeated.")
@click.option("--dry-run", "is_dry", is_flag=True, help="Show what would change, and write nothing.")
def session_recompute(number: int | None, is_all: bool, is_dry: bool) -> None:
    """Make the figures of sessions out again from their stored readings and the present bound of their power.

    An operator's figure still counts.
    """
    if is_all == (number is not None):
        raise click.UsageError("Give either a session's number or --all.")
    total = figures = notes_only = 0
    for each in [number] if number is not None else _all_numbers():
        try:
            found = services().ingest.recompute(each, is_dry=is_dry, **audited())
        except OperationalError as error:
            raise Refused(str(error)) from error
        if found is None:
            raise Refused(say(REFUSALS[EnergyRefusal.NOT_FOUND], number=each))
        total += 1
        figures += found.has_other_figure
        notes_only += found.has_other_notes and not found.has_other_figure
        if number is not None or found.has_other_figure or found.has_other_notes:
            _show_recomputed(each, found)
    rest = total - figures - notes_only
    click.echo(f"Sessions: {total}. Other figure: {figures}, other notes alone: {notes_only}, as before: {rest}.")
    if is_dry:
        click.echo("Nothing was written (--dry-run).")


def _all_numbers() -> Iterator[int]:
    """Walk over all sessions in batches; print how far it has come."""
    after = 0
    while batch := services().ingest.session_numbers(after):
        yield from batch
        after = batch[-1]
        click.echo(f"Up to session {after}.", err=True)


def _show_recomputed(number: int, found: Recomputed) -> None:
    before, after = _figures(found.before_wh, found.after_wh)
    decided = "" if found.decided_wh is None else f"; the operator's {in_kwh(found.decided_wh)} still counts"
    same = "as before: it is final, since its readings may have been thinned" if found.is_final else "as before"
    click.echo(f"Session {number}: {before} {f'→ {after}' if found.has_other_figure else same}{decided}")
    for words, notes in (("now noted", found.added), ("no longer noted", found.removed)):
        for note in sorted(notes):
            click.echo(f"  {words}: {note_text(note, is_decided=found.decided_wh is not None)}")


def _figures(*energies_wh: int | None) -> list[str]:
    """Return figures in kWh with as many decimals as it takes to tell them apart."""
    for decimals in (2, 3):
        texts = ["not known" if wh is None else f"{wh / 1000:.{decimals}f} kWh" for wh in energies_wh]
        if len(set(texts)) == len(set(energies_wh)):
            break
    return texts
