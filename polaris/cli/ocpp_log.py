"""`flask --app app frames`: the log of chargers' frames."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import click

from polaris import administration
from polaris.administration import Refused
from polaris.cli.common import Group, Instant, RowId, audited, filter_option, limit_option, understood
from polaris.domain.spelling import printable
from polaris.models import from_microseconds, to_microseconds
from polaris.ocpp_log import export, search
from polaris.ocpp_log.filter import Direction, MessageFilter
from polaris.ocpp_log.tail import Unavailable
from polaris.services import services

frames = Group("frames", help="The log of chargers' frames.")


MAX_SHOWN = 300  # characters of a frame


def filter_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of the filter that the page of messages has."""
    for option in (
        filter_option("text", "Messages with this text in a frame, or in that of the answer."),
        click.option("--errors", "is_bad", is_flag=True, help="Errors and refusals."),
        filter_option("direction", "Both without it.", Direction),
        click.option("--kind", "action", default="", help="Messages of this kind, such as MeterValues."),
    ):
        command = option(command)
    return command


@frames.command("list")
@click.argument("identity")
@filter_options
@click.option("--before", type=Instant(), help="Messages from before this instant. [default: the newest]")
@limit_option
def frames_list(identity: str, before: datetime | None, limit: int, **wanted: Any) -> None:
    """List the newest messages of a charger that match, the newest first, each with its answer.

    The search has bounds: it says how far it has looked, and --before goes on from there.
    """
    config = services().config
    before_us = None if before is None else to_microseconds(before)
    directory = Path(config.frames_dir) if config.frames_mb else None
    try:
        page = search.search(directory, identity, _filter(wanted), limit, before_us)
    except Unavailable:
        raise Refused("There is no log of chargers' messages on this machine.") from None
    for row in page.rows:
        answer = f"  -> {_shown(row.answer_frame)}" if row.answer_frame else ""
        click.echo(f"{row.at:%Y-%m-%dT%H:%M:%S.%f}Z  {row.kind}  {_shown(row.frame)}{answer}")
    if not page.rows:
        click.echo("No message matches.")
    if page.next_us is not None:
        at = from_microseconds(page.next_us).replace(tzinfo=None).isoformat()
        words = "The log was searched back to here" if page.is_cut_short else "There are older ones"
        click.echo(f"{words}: --before {at}")


def _shown(frame: str) -> str:
    return printable(frame[:MAX_SHOWN]) + ("…" if len(frame) > MAX_SHOWN else "")


def _filter(wanted: Mapping[str, Any]) -> MessageFilter:
    texts = {name: wanted[name] for name in ("text", "direction", "action")}
    return understood(MessageFilter.of(texts | {"bad": "1" if wanted["is_bad"] else ""}))


@frames.command("export")
@click.argument("session", type=RowId(), required=False)
@click.option("--charger", metavar="IDENTITY", help="All that the log has of a charger, instead of a session's part.")
@click.option("--since", type=Instant(), help="Of a charger, from this instant on. [default: the log's beginning]")
@filter_options
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file. [default: standard output]")
def frames_export(
    session: int | None, charger: str | None, since: datetime | None, out: Path | None, **wanted: Any
) -> None:
    """Write the frames of a session, or of a charger, for `python -m simulator replay`.

    SESSION is its number. Cards' ids are replaced by stand-ins; the session's own card, or the first of a charger,
    becomes STAND-IN-1. A charger's messages can be filtered; each comes with its answer.
    """
    if (session is None) == (charger is None):
        raise click.UsageError("Name a session or, with --charger, a charger.")
    if charger is None and (since is not None or any(wanted.values())):
        raise click.UsageError("--since and the filters go with --charger: a session has its own beginning.")
    directory = Path(services().config.frames_dir)
    origin = f"session {session}" if charger is None else f"charger {charger}"
    filter_ = _filter(wanted)
    try:
        if session is not None:
            lines: Iterable[str] = export.export(directory, session, datetime.now(UTC))
        else:
            lines = export.export_charger(directory, charger or "", filter_, since)
    except LookupError:
        raise Refused(f"There is no {origin}.") from None
    administration.note_export("frames.exported", charger or origin, filter_.parameters(), **audited())
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
