"""`flask --app app frames`: the log of chargers' frames."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from polaris.administration import Refused
from polaris.cli.common import Group, Instant
from polaris.ocpp_log import export
from polaris.services import services

frames = Group("frames", help="The log of chargers' frames.")


@frames.command("export")
@click.argument("session", type=int, required=False)
@click.option("--charger", metavar="IDENTITY", help="All that the log has of a charger, instead of a session's part.")
@click.option("--since", type=Instant(), help="Of a charger, from this instant on. [default: the log's beginning]")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file. [default: standard output]")
def frames_export(session: int | None, charger: str | None, since: datetime | None, out: Path | None) -> None:
    """Write the frames of a session, or of a charger, for `python -m simulator replay`.

    SESSION is its number. Cards' ids are replaced by stand-ins; the session's own card, or the first of a charger,
    becomes STAND-IN-1.
    """
    if (session is None) == (charger is None):
        raise click.UsageError("Name a session or, with --charger, a charger.")
    if charger is None and since is not None:
        raise click.UsageError("--since goes with --charger: a session has its own beginning.")
    directory = Path(services().config.frames_dir)
    origin = f"session {session}" if charger is None else f"charger {charger}"
    try:
        if session is not None:
            lines = export.export(directory, session, datetime.now(UTC))
        else:
            lines = export.export_charger(directory, charger or "", since)
    except LookupError:
        raise Refused(f"There is no {origin}.") from None
    if not lines:
        raise Refused(f"The log has no frames of {origin} (any more, or on this machine).")
    text = "".join(f"{line}\n" for line in lines)
    if out is None:
        click.echo(text, nl=False)
        return
    out.write_text(text, "utf-8")
    click.echo(f"{len(lines)} lines were written to {out}.")
