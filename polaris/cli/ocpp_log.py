"""`flask --app app frames`: the log of chargers' frames."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import click

from polaris import administration
from polaris.administration import Refused
from polaris.cli.common import Group, Instant, audited
from polaris.ocpp_log import export
from polaris.ocpp_log.filter import Direction, MessageFilter
from polaris.services import services

frames = Group("frames", help="The log of chargers' frames.")


@frames.command("export")
@click.argument("session", type=int, required=False)
@click.option("--charger", metavar="IDENTITY", help="All that the log has of a charger, instead of a session's part.")
@click.option("--since", type=Instant(), help="Of a charger, from this instant on. [default: the log's beginning]")
@click.option("--kind", "action", default="", help="Of a charger, messages of this kind alone, such as MeterValues.")
@click.option(
    "--direction",
    type=click.Choice([side.value for side in Direction]),
    help="Of a charger, messages of one side alone.",
)
@click.option("--errors", "is_bad", is_flag=True, help="Of a charger, errors and refusals alone.")
@click.option("--text", default="", help="Of a charger, messages with this text in a frame alone.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file. [default: standard output]")
def frames_export(
    session: int | None, charger: str | None, since: datetime | None, out: Path | None, **wanted: str | bool | None
) -> None:
    """Write the frames of a session, or of a charger, for `python -m simulator replay`.

    SESSION is its number. Cards' ids are replaced by stand-ins; the session's own card, or the first of a charger,
    becomes STAND-IN-1. A message that is wanted comes with its answer.
    """
    if (session is None) == (charger is None):
        raise click.UsageError("Name a session or, with --charger, a charger.")
    if charger is None and (since is not None or any(wanted.values())):
        raise click.UsageError("--since and the filters go with --charger: a session has its own beginning.")
    directory = Path(services().config.frames_dir)
    origin = f"session {session}" if charger is None else f"charger {charger}"
    filter_ = MessageFilter.of({name: str(value) for name, value in wanted.items() if value})
    filter_ = replace(filter_, is_bad=bool(wanted["is_bad"]))
    try:
        if session is not None:
            lines: Iterable[str] = export.export(directory, session, datetime.now(UTC))
        else:
            lines = export.export_charger(directory, charger or "", filter_, since)
    except LookupError:
        raise Refused(f"There is no {origin}.") from None
    administration.note_frames_export(charger or origin, filter_.parameters(), **audited())
    count = _write(lines, out)
    if not count:
        raise Refused(f"The log has no such frames of {origin} (any more, or on this machine).")
    if out is not None:
        click.echo(f"{count} lines were written to {out}.")


def _write(lines: Iterable[str], out: Path | None) -> int:
    """Write the lines that are not empty to a file, which is made with the first of them; return how many."""
    count = 0
    with ExitStack() as opened:
        file: TextIO | None = None if out else sys.stdout
        for line in filter(None, lines):
            if file is None and out is not None:
                file = opened.enter_context(out.open("w", encoding="utf-8"))
            print(line, file=file)
            count += 1
    return count
