"""`flask --app app account`: people who sign in."""

from __future__ import annotations

import click

from polaris import administration
from polaris.cli.common import Group, audited, password_stdin, read_password
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
