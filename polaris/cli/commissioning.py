"""`flask --app app charger commissioning`: what the newest run of a charger has shown."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from polaris.administration import Refused
from polaris.cli.chargers import charger
from polaris.cli.common import show_table
from polaris.commissioning import runs
from polaris.commissioning.runs import Run
from polaris.domain.commissioning import Verdict
from polaris.rendering.commissioning_words import run_outcome, step_result, step_title

COLUMNS = ("STEP", "WHAT IT SHOWS", "RESULT", "SEEN", "WHAT TO DO")


@charger.command("commissioning")
@click.argument("identity")
def commissioning(identity: str) -> None:
    """Show what the newest run of a charger's commissioning has shown, step by step."""
    found = runs.of(identity, datetime.now(UTC))
    if not found:
        raise Refused(f"{run_outcome(None)}. Begin with: charger commission {identity}")
    newest = found[0]
    show_table([COLUMNS, *(_cells(newest, verdict) for verdict in newest.verdicts)])
    outcome = run_outcome(newest.outcome)
    click.echo(f"Begun {newest.began_at:%Y-%m-%d %H:%M} UTC by {newest.began_by}; {outcome}.")


def _cells(run: Run, verdict: Verdict) -> tuple[str, ...]:
    to_do = run.reasons.get(verdict.step, run.advice(verdict))
    result = step_result(verdict.result, run.is_open)
    return verdict.step, step_title(verdict.step), result, verdict.seen, to_do
