"""The command line of a real installation, under `flask --app app`. It asks, calls one verb, and says what was done.

Secrets come from a prompt or from standard input, never from the command line, where others could read them.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click
from flask import Flask
from flask.cli import AppGroup, ScriptInfo
from peewee import PeeweeException

from polaris import administration, demo, models
from polaris.administration import COMMAND_LINE, Refused
from polaris.administration.chargers import MAIN_SITE, NewCharger
from polaris.cli import charger_commands, charger_security, ocpp_log
from polaris.domain.enums import AccountStatus, Role
from polaris.services import NAME, services

NO_TABLES = ("no such table", "does not exist")


def init_app(app: Flask) -> None:
    for command in (
        charger_security.unrecognised,
        charger_security.accept,
        charger_security.rotate,
        charger_security.profile,
    ):
        charger.add_command(command)
    for command in charger_commands.all_commands():
        charger.add_command(command)
    frames.add_command(ocpp_log.frames_export)
    for group in (account, card, charger, session, tariff, site, db, frames, demo_group):
        app.cli.add_command(group)


class Group(AppGroup):
    """Commands whose failures are one line, and whose hints go out before the process ends."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Refused as refused:
            raise click.ClickException(str(refused)) from None
        except PeeweeException as error:
            raise click.ClickException(_database_problem(error)) from None
        except OSError as error:
            raise click.ClickException(f"{error.filename or 'A file'}: {error.strerror}.") from None
        finally:
            info = ctx.find_object(ScriptInfo)
            if info is not None:
                info.load_app().extensions[NAME].publisher.close()


class Amount(click.ParamType):
    name = "amount"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        try:
            return Decimal(value)
        except InvalidOperation:
            self.fail(f"{value!r} is not a number such as 0.39.", param, ctx)


account = Group("account", help="People who sign in.")
card = Group("card", help="EV cards, which sessions are started with.")
charger = Group("charger", help="Chargers and their keys.")
session = Group("session", help="Charging sessions that need a person.")
tariff = Group("tariff", help="What energy costs.")
site = Group("site", help="Places with chargers.")
db = Group("db", help="The database.")
frames = Group("frames", help="The log of chargers' frames.")
demo_group = Group("demo", help="A demonstration.")

password_stdin = click.option("--password-stdin", is_flag=True, help="Read it from the first line of standard input.")
site_option = click.option("--site", default=MAIN_SITE, show_default=True, help="The site's name.")


@account.command("add")
@click.argument("email")
@click.option("--role", type=click.Choice([role.value for role in Role]), default=Role.DRIVER.value, show_default=True)
@password_stdin
def account_add(email: str, role: str, password_stdin: bool) -> None:
    """Add an account. Its password is asked for, unless it comes from standard input."""
    administration.add_account(email, _password(password_stdin), Role(role), **_who())
    click.echo(f"{role.capitalize()} {email} was added.")


@account.command("status")
@click.argument("email")
@click.argument("status", type=click.Choice([status.value for status in AccountStatus]))
def account_status(email: str, status: str) -> None:
    """Make an account active, stopped or suspended. Open pages follow by themselves."""
    administration.set_account_status(services().publisher, email, AccountStatus(status), **_who())
    click.echo(f"{email} is {status}.")


@account.command("password")
@click.argument("email")
@password_stdin
def account_password(email: str, password_stdin: bool) -> None:
    """Change an account's password and sign it out everywhere."""
    administration.set_password(services().publisher, email, _password(password_stdin), **_who())
    click.echo(f"The password of {email} was changed, and it was signed out everywhere.")


@card.command("add")
@click.argument("email")
@click.argument("id_tag")
def card_add(email: str, id_tag: str) -> None:
    """Give an account a card. ID_TAG is what the charger reads from it."""
    administration.add_card(email, id_tag, **_who())
    click.echo(f"Card {id_tag} was added to {email}.")


@card.command("block")
@click.argument("id_tag")
def card_block(id_tag: str) -> None:
    """Block a card: no charger starts with it any more."""
    administration.block_card(id_tag, **_who())
    click.echo(f"Card {id_tag} is blocked.")


@charger.command("add")
@click.argument("identity")
@click.option("--name", default="", help="What drivers read. [default: the identity]")
@site_option
@password_stdin
@click.option("--profile", type=click.IntRange(1, 3), default=1, show_default=True, help="Its OCPP security profile.")
@click.option("--no-key", is_flag=True, help="Profile 0: let it in without a key, from private networks alone.")
def charger_add(identity: str, *, name: str, site: str, password_stdin: bool, profile: int, no_key: bool) -> None:
    """Add a charger. Without --password-stdin a random key is made and shown once.

    A charger connects as IDENTITY with its key as the password (OCPP security profile 1, or 2, where it must come by
    TLS), or with a certificate whose common name is IDENTITY (profile 3).
    """
    if password_stdin and (no_key or profile == 3):
        raise Refused("A charger of security profile 0 or 3 has no key.")
    key = _first_line() if password_stdin else ""
    if password_stdin and not key:
        raise Refused("There was no key on standard input.")
    secrets = services().config.charger_key_secrets
    number = 0 if no_key else profile
    _show_keys([administration.add_charger(secrets, identity, name=name, site=site, key=key, profile=number, **_who())])


@charger.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@site_option
def charger_import(file: Path, site: str) -> None:
    """Add the chargers of a CSV file, all or none.

    Its first line is identity,name,password. Where a password is empty, a random key is made and shown once.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    except UnicodeDecodeError:
        raise Refused(f"{file} is not UTF-8.") from None
    _show_keys(administration.import_chargers(services().config.charger_key_secrets, lines, site=site, **_who()))


@charger.command("fallback")
@click.argument("identity")
@click.argument("version", type=click.Choice(["1.6", "none"]))
def charger_fallback(identity: str, version: str) -> None:
    """Speak OCPP VERSION with a charger that offers no version by itself when it connects."""
    administration.set_fallback(identity, "" if version == "none" else f"ocpp{version}", **_who())
    click.echo(f"Charger {identity} without a version of its own: {version}.")


@charger.command("unit")
@click.argument("identity")
@click.argument("unit", type=click.Choice(["Wh", "kWh", "as-sent"]))
def charger_unit(identity: str, unit: str) -> None:
    """Say what unit a charger's energy readings are really in, whatever it labels them."""
    administration.set_energy_unit(identity, "" if unit == "as-sent" else unit, **_who())
    click.echo(f"From its next connection on, the energy readings of {identity} are taken as {unit}.")


@session.command("stuck")
def session_stuck() -> None:
    """List the sessions that seem to be over although no end has come, and what speaks for it."""
    found = services().ingest.stuck(datetime.now(UTC))
    for one in found:
        where = f"{one.charger} connector {one.connector}"
        click.echo(
            f"Session {one.number}, {where}, {one.energy_wh / 1000:.2f} kWh since {one.started_at:%Y-%m-%d %H:%M}"
        )
        for sentence in one.evidence:
            click.echo(f"  {sentence}")
    click.echo(f"Close one with: flask --app app session close {found[0].number}" if found else "No session is stuck.")


@session.command("close")
@click.argument("number", type=int)
def session_close(number: int) -> None:
    """Close a stuck session with its last reading, as an estimate. The charger's own end still replaces it."""
    if not services().ingest.close_session(number, **_who()):
        raise Refused(f"Nothing speaks for session {number} being over. `session stuck` lists those that seem to be.")
    click.echo(f"Session {number} is closed as an estimate.")


@tariff.command("set")
@click.option("--per-kwh", type=Amount(), required=True, help="Price of a kWh.")
@click.option("--per-minute", type=Amount(), default="0", show_default=True, help="Price of a minute.")
@click.option("--per-session", type=Amount(), default="0", show_default=True, help="Price of a session.")
@click.option("--tax", type=Amount(), default="0", show_default=True, help="Tax in percent, which comes on top.")
@site_option
def tariff_set(per_kwh: Decimal, per_minute: Decimal, per_session: Decimal, tax: Decimal, site: str) -> None:
    """Set the prices, before tax and in the site's currency, of the sessions that start from now on."""
    currency = administration.set_tariff(
        site, per_kwh=per_kwh, per_minute=per_minute, per_session=per_session, tax_percent=tax, **_who()
    )
    click.echo(
        f"From now on at {site}: {per_kwh} {currency} per kWh, {per_minute} per minute, {per_session} per "
        f"session, plus {tax} % tax."
    )


@site.command("set")
@click.argument("name")
@click.option("--time-zone", help="An IANA name, such as Europe/Berlin.")
@click.option("--currency", help="Three letters, such as EUR.")
def site_set(name: str, time_zone: str | None, currency: str | None) -> None:
    """Make a site, or change its time zone or currency."""
    done = administration.set_site(name, time_zone=time_zone, currency=currency, **_who())
    click.echo(f"{'New site' if done.is_new else 'Site'} {done.name}: {done.time_zone}, {done.currency}.")
    if done.priced_in and done.priced_in != done.currency:
        click.echo(f"Its tariff is still in {done.priced_in}. Set one in {done.currency} with `tariff set`.")


@db.command("upgrade")
def db_upgrade() -> None:
    """Make or upgrade the tables."""
    done = models.migrate()
    click.echo(f"The database was upgraded: {', '.join(done)}." if done else "The database is up to date.")


@demo_group.command("seed")
@click.option(
    "--chargers-file",
    "--file",
    "chargers_file",
    type=click.Path(dir_okay=False, path_type=Path),
    default="var/demo-chargers.csv",
    show_default=True,
    help="Where the chargers' keys go, for the simulator.",
)
def demo_seed(chargers_file: Path) -> None:
    """Fill a database that has no accounts with people, chargers and sessions to look at."""
    if not demo.seed(services(), chargers_file, datetime.now(UTC)):
        click.echo("There are accounts in this database already, so nothing was done.")
        return
    for email in (demo.DRIVER, demo.OPERATOR):
        click.echo(f"Sign in as {email} with the password {demo.PASSWORD}")


def _who() -> dict[str, Any]:
    return {"actor": COMMAND_LINE, "now": datetime.now(UTC)}


def _password(is_from_stdin: bool) -> str:
    if is_from_stdin:
        return _first_line()
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return password


def _first_line() -> str:
    try:
        return sys.stdin.buffer.readline().decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise Refused("Standard input is not UTF-8.") from None


def _show_keys(chargers: list[NewCharger]) -> None:
    for added in chargers:
        click.echo(f"Charger {added.identity} was added.")
        if added.is_key_made:
            click.echo(f"Its key, which is not shown again: {added.key}")


def _database_problem(error: PeeweeException) -> str:
    first = str(error).strip().partition("\n")[0]
    if any(sign in first for sign in NO_TABLES):
        return "The database has no tables yet. Make them with: flask --app app db upgrade"
    return f"The database (DATABASE_URL) cannot be used: {first}"
