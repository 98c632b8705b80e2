"""`flask --app app account`: people who sign in."""

from __future__ import annotations

import os
from pathlib import Path

import click

from polaris import administration, retention
from polaris.administration import Refused
from polaris.administration.second_factors import changes, factors
from polaris.administration.second_factors.factors import AppRow, PasskeyRow
from polaris.cli.common import Group, audited, confirm, password_stdin, read_password, yes_option
from polaris.domain.audit_chain import pseudonym
from polaris.domain.enums import AccountStatus, Role
from polaris.services import services

account = Group("account", help="People who sign in.")


@account.command("add")
@click.argument("email")
@click.option("--role", type=click.Choice([role.value for role in Role]), default=Role.DRIVER.value, show_default=True)
@password_stdin
def account_add(email: str, role: str, password_stdin: bool) -> None:
    """Add an account. Its password is asked for, unless it comes from standard input."""
    administration.add_account(email, read_password(password_stdin), Role(role), **audited())
    click.echo(f"{role.capitalize()} {email} was added.")


@account.command("status")
@click.argument("email")
@click.argument("status", type=click.Choice([status.value for status in AccountStatus]))
def account_status(email: str, status: str) -> None:
    """Make an account active, stopped or suspended. Open pages follow by themselves."""
    administration.set_account_status(services().publisher, email, AccountStatus(status), **audited())
    click.echo(f"{email} is {status}.")


@account.command("password")
@click.argument("email")
@password_stdin
def account_password(email: str, password_stdin: bool) -> None:
    """Change an account's password and sign it out everywhere."""
    administration.set_password(services().publisher, email, read_password(password_stdin), **audited())
    click.echo(f"The password of {email} was changed, and it was signed out everywhere.")


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


@account.command("erase")
@click.argument("email")
@yes_option
def account_erase(email: str, yes: bool) -> None:
    """Erase a person's data. Sessions stay for accounting, under a pseudonym; nothing late changes them any more."""
    confirm(f"Erase the data of {email}? This cannot be undone.", yes=yes)
    account_id = retention.erase(services().publisher, email, **audited())
    click.echo(f"The data of {email} was erased; the sessions that stay are those of {pseudonym(account_id)!r}.")


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


@account.command("reset-factors")
@click.argument("email")
def account_reset_factors(email: str) -> None:
    """Remove an account's second factors, for a person who has lost them all, and sign it out everywhere.

    Make sure that it is the account's owner who asks: from then on the password alone signs in.
    """
    if not changes.reset(services().publisher, email, **audited()):
        raise Refused(f"{email} has no second factor.")
    click.echo(f"The second factors of {email} were removed, and it was signed out everywhere.")


def _use(factor: PasskeyRow | AppRow) -> str:
    used = f"last used {factor.last_used_at:%Y-%m-%d %H:%M} UTC" if factor.last_used_at else "never used"
    return f"added {factor.created_at:%Y-%m-%d %H:%M} UTC, {used}"
