"""`flask --app app audit`: the log of what people have changed, and the check of its chain."""

from __future__ import annotations

import re

import click

from polaris import audit
from polaris.administration import Refused
from polaris.cli.common import Group, filter_option, limit_option, newest, show_table, understood
from polaris.domain.audit_chain import Row
from polaris.domain.spelling import printable
from polaris.lists import audit as log
from polaris.lists.audit import AuditFilter
from polaris.rendering import audit_words

HEAD = re.compile("[0-9a-f]{64}")


class Head(click.ParamType[str]):
    """A head that `audit verify` printed. A part of one must not look like a log that was changed."""

    name = "hash"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        head = value.strip().lower()
        if not HEAD.fullmatch(head):
            self.fail(f"{value!r} is not a head: a head is 64 hexadecimal characters.", param, ctx)
        return head


audit_group = Group("audit", help="The log of what people have changed.")


class Action(click.ParamType[str]):
    """An action, as the log has it (charger.blocked) or in words (Blocked charger)."""

    name = "action"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        names = {words.lower(): action for action, words in audit_words.choices()}
        return names.get(value.strip().lower(), value)


@audit_group.command("list")
@filter_option("actor", "Who: an e-mail address, or 'command line'.")
@click.option("--action", type=Action(), default="", help="What: such as charger.blocked or 'Blocked charger'.")
@filter_option("target", "A charger, a card, an e-mail address, 'session 12'.")
@filter_option("from", "The first day, in UTC.")
@filter_option("to", "The last day, in UTC.")
@limit_option
def audit_list(limit: int, **wanted: str) -> None:
    """List the newest rows that match, the newest first."""
    found = understood(AuditFilter.of(wanted, audit_words.ACTIONS))
    rows = newest(lambda rows, before: log.page(found, rows, before), limit)
    if not rows:
        click.echo("No matching entries." if found != AuditFilter() else "The audit log is empty.")
        return
    show_table([("row", "at (UTC)", "actor", "from", "what", "action", "target", "detail"), *map(_cells, rows)])


def _cells(row: Row) -> tuple[str, ...]:
    what, detail = audit_words.audit_action(row.action), audit_words.audit_detail(row.detail, row.action)
    texts = (row.actor, row.address, what, row.action, row.target, detail)
    return str(row.id), f"{row.at:%Y-%m-%d %H:%M:%S}", *map(printable, texts)


@audit_group.command("verify")
@click.option(
    "--head", type=Head(), metavar="HASH", help="A head that this command printed before; it has to be there."
)
def audit_verify(head: str | None) -> None:
    """Check that no row was changed, removed or inserted.

    The removal of the newest rows cannot be seen, nor a log that was written again as a whole: keep the head that this
    prints in another place, and give it with --head the next time.
    """
    found = audit.verify(head or "")
    for problem in found.problems:
        click.echo(f"Row {problem.row_id} {problem.text}" if problem.row_id is not None else problem.text)
    if not found.has_kept_head:
        click.echo(
            f"The head {head} is not in the log: its newest rows were removed, it was written again, "
            "or the head was copied wrongly."
        )
    if found.problems or not found.has_kept_head:
        raise Refused("The audit log is not as it was written.")
    click.echo(f"The audit log holds: {found.rows} rows, each following the one before.")
    if found.head:
        click.echo(f"Its head, to be kept elsewhere: {found.head}")
