"""`flask --app app card`: cards, which sessions are started with."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from polaris import administration, pubsub
from polaris.administration import card_import
from polaris.administration.card_import import Fate
from polaris.cli.common import (
    Group,
    audited,
    filter_option,
    limit_option,
    newest,
    show_table,
    understood,
    utf8_text,
)
from polaris.domain.spelling import printable
from polaris.lists import cards
from polaris.lists.cards import CardFilter, CardRow, CardState
from polaris.services import services

card = Group("card", help="EV cards, which sessions are started with.")


@card.command("list")
@filter_option("card", "How a card begins.")
@filter_option("email", "The e-mail address of its owner.")
@filter_option("state", "All without it.", CardState)
@limit_option
def card_list(limit: int, **wanted: str) -> None:
    """List the newest cards that match, the newest first."""
    found, now = understood(CardFilter.of(wanted)), datetime.now(UTC)
    rows = newest(lambda rows, before: cards.page(found, rows, before, now), limit)
    if not rows:
        click.echo("No matching cards." if found != CardFilter() else "No cards yet.")
        return
    show_table([("card", "owner", "state", "expires (UTC)", "last session"), *map(_cells, rows)])


def _cells(row: CardRow) -> tuple[str, ...]:
    expires = "never" if row.expires_at is None else f"{row.expires_at:%Y-%m-%d %H:%M}"
    last = "none" if row.last_session is None else f"{row.last_session.number}, {row.last_session.charger}"
    return tuple(map(printable, (row.card, row.email, row.state, expires, last)))


@card.command("tapped")
def card_tapped() -> None:
    """Show the unknown cards that chargers asked about, the latest first: `card add-tapped N EMAIL` adds one."""
    rows = administration.tapped_cards()
    for row in rows:
        times = "once" if row.times == 1 else f"{row.times} times"
        click.echo(f"{row.number}  {row.card}  {row.charger}  {times}, last {row.last_at:%Y-%m-%d %H:%M:%S %Z}")
    if not rows:
        click.echo("No unknown card was tapped.")


@card.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", "is_dry", is_flag=True, help="Show what would change, and write nothing.")
def card_import_(file: Path, is_dry: bool) -> None:
    """Import the cards of a CSV file, all or none.

    Its first line is email,id_tag,type,expires; type and expires may be left out. It has at most 60,000 characters.
    """
    text = utf8_text(file)
    preview = card_import.preview(text)
    for outcome in preview.in_order:
        if outcome.fate is not Fate.UNCHANGED:
            detail = f": {outcome.detail}" if outcome.detail else ""
            click.echo(f"Line {outcome.number}  {outcome.card}  {outcome.email}  {outcome.fate}{detail}")
    if is_dry:
        click.echo(f"{preview.sentence} Nothing was written (--dry-run).")
        return
    done = card_import.import_cards(text, preview.mark, **audited())
    services().publisher.announce(pubsub.records_changed())
    click.echo(done.sentence)
