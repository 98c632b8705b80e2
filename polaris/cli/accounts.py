"""`flask --app app account`: people who sign in."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from polaris import retention
from polaris.administration import Refused, invitations
from polaris.administration.invitations import Invited
from polaris.administration.second_factors import factors
from polaris.administration.second_factors.factors import AppRow, PasskeyRow
from polaris.attention import said
from polaris.cli.common import Group, audited, filter_option, limit_option, newest, show_table, understood
from polaris.domain.enums import AccountStatus, Role
from polaris.domain.spelling import printable
from polaris.lists import accounts
from polaris.lists.accounts import AccountFilter, AccountLine

account = Group("account", help="People who sign in.")


@account.command("export")
@click.argument("email")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The file, a zip.")
def account_export(email: str, out: Path) -> None:
    """Write all that the database has about a person: JSON, and the sessions as CSV. The file must be a new one."""
    try:
        fd = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Refused(f"{out} exists already. Remove it, or name another file with --out.") from None
    with open(fd, "wb") as file:
        try:
            retention.export(email, file, **audited())
        except BaseException:
            out.unlink()
            raise
    click.echo(f"The data of {email} is in {out}.")


@account.command("list")
@filter_option("email", "How an address begins.")
@filter_option("role", "All without it.", Role)
@filter_option("status", "All without it.", AccountStatus)
@limit_option
def account_list(limit: int, **wanted: str) -> None:
    """List the newest accounts that match, the newest first."""
    found = understood(AccountFilter.of(wanted))
    rows = newest(lambda rows, before: accounts.page(found, rows, before), limit)
    if not rows:
        click.echo("No matching accounts." if found != AccountFilter() else "No accounts yet.")
        return
    show_table([("email", "role", "status", "since (UTC)"), *map(_cells, rows)])


@account.command("invitations")
@limit_option
def account_invitations(limit: int) -> None:
    """List the open invitations, the first to expire first, and what became of their mails."""
    rows = invitations.pending(limit, now=datetime.now(UTC))
    if not rows:
        click.echo("No open invitations.")
        return
    show_table([("email", "role", "by", "good until (UTC)", "state"), *map(_invitation, rows)])


def _invitation(row: Invited) -> tuple[str, ...]:
    until = f"{row.expires_at:%Y-%m-%d %H:%M}"
    return printable(row.email), row.role, printable(row.invited_by), until, printable(said(row))


def _cells(row: AccountLine) -> tuple[str, ...]:
    return printable(row.email), row.role, row.status, f"{row.created_at:%Y-%m-%d %H:%M}"


@account.command("factors")
@click.argument("email")
def account_factors(email: str) -> None:
    """List an account's second factors."""
    own = factors.factors_of(email)
    for passkey in own.passkeys:
        click.echo(f"Passkey {passkey.name!r}, {_use(passkey)}")
    if own.app is not None:
        click.echo(f"Authenticator app, {_use(own.app)}")
    click.echo(f"Recovery codes left: {own.recovery_codes}" if own else f"{email} has no second factor.")


def _use(factor: PasskeyRow | AppRow) -> str:
    used = f"last used {factor.last_used_at:%Y-%m-%d %H:%M} UTC" if factor.last_used_at else "never used"
    return f"added {factor.created_at:%Y-%m-%d %H:%M} UTC, {used}"
