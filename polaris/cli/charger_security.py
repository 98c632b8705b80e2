"""Commands about which chargers may connect, and with which keys, under `charger`."""

from __future__ import annotations

from datetime import datetime

import click

from polaris.administration import charger_security
from polaris.administration.charger_security import RefusedCharger
from polaris.cli import charger_commands
from polaris.cli.chargers import charger
from polaris.cli.common import audited, confirm, show_key, show_table, site_option, yes_option
from polaris.domain.commands.catalog import ChangeKey
from polaris.domain.enums import CommandState
from polaris.services import services

COLUMNS = ("IDENTITY", "FROM", "ASKED FOR", "FIRST", "LAST", "TIMES", "OFFERED", "KEY", "CHARGER")


@charger.command("unrecognised")
def unrecognised() -> None:
    """List the chargers that were refused: not known, or with another key than theirs."""
    refused = charger_security.unrecognised()
    if not refused:
        click.echo("No charger was refused.")
        return
    show_table([COLUMNS, *map(_columns, refused)])


@charger.command("accept")
@click.argument("identity")
@click.option("--name", default="", help="What drivers read. [default: the identity]")
@site_option
@click.option("--from", "address", help="The address it knocks from, where there are several.")
@click.option("--new-key", is_flag=True, help="Give it a new key, shown once, instead of the one that it offered.")
def accept(identity: str, name: str, site: str, address: str | None, new_key: bool) -> None:
    """Accept a charger that was refused, with the key that it last offered from the address in the list.

    A charger that is known already gets that key instead of its own.
    """
    secrets = services().config.charger_key_secrets
    key = charger_security.accept(
        services().publisher, secrets, identity, name=name, site=site, address=address, is_new_key=new_key, **audited()
    )
    click.echo(f"Charger {identity} was accepted{'' if key else ' with the key that it offered'}.")
    if key:
        show_key(key)


@charger.command("rotate")
@click.argument("identity")
@click.option("--by-hand", is_flag=True, help="Do not send it: show it once, for somebody to enter at the charger.")
def rotate(identity: str, by_hand: bool) -> None:
    """Give a charger a new key, which nobody sees: it is made when it is sent, and only its hash is kept.

    Both keys are good until the charger has connected with the new one; from then on the old one is refused. With
    --by-hand enter it as AuthorizationKey, in OCPP 2.x as BasicAuthPassword.
    """
    key = None
    if by_hand:
        key = charger_security.rotate_key(services().config.charger_key_secrets, identity, **audited())
    elif charger_commands.request(identity, ChangeKey()).state is not CommandState.ACCEPTED:
        raise click.exceptions.Exit(1)
    click.echo(f"Charger {identity} may connect with its old key until it has connected with the new one.")
    if key:
        show_key(key)


@charger.command("profile")
@click.argument("identity")
@click.argument("profile", type=click.IntRange(0, 3))
def profile(identity: str, profile: int) -> None:
    """Set a charger's OCPP security profile, the least that it may connect with.

    0: nothing, from private networks alone. 1: its key. 2: its key over TLS. 3: a certificate in its name.
    """
    charger_security.set_security_profile(services().publisher, identity, profile, **audited())
    click.echo(f"Charger {identity} has security profile {profile}.")


@charger.command("block")
@click.argument("identity")
def block(identity: str) -> None:
    """Disconnect a charger and refuse it until `charger unblock`. A car that charges at it may go on."""
    charger_security.block(services().publisher, identity, **audited())
    click.echo(f"Charger {identity} is blocked.")


@charger.command("unblock")
@click.argument("identity")
def unblock(identity: str) -> None:
    """Let a charger that is blocked or retired connect again."""
    charger_security.unblock(services().publisher, identity, **audited())
    click.echo(f"Charger {identity} may connect.")


@charger.command("retire")
@click.argument("identity")
@yes_option
def retire(identity: str, yes: bool) -> None:
    """Take a charger out of service: it is refused, and the fleet no longer lists it. Its history stays.

    A session in progress is closed with its last reading, as an estimate: `charger unblock` lets the charger in again,
    but does not open that session again.
    """
    running = charger_security.running_sessions(identity)
    closed_as = {0: "No session runs on it", 1: "1 running session is"}.get(running, f"{running} running sessions are")
    outcome = f"{closed_as} closed as an estimate" if running else closed_as
    confirm(f"Retire charger {identity}? {outcome}.", yes=yes)
    about = audited()
    charger_security.retire(services().publisher, identity, **about)
    closed = services().ingest.close_sessions_of_retired(identity, about["actor"], about["now"])
    click.echo(f"Charger {identity} is retired.")
    for number in closed:
        click.echo(f"Session {number} was closed with its last reading.")


@charger.command("disconnect")
@click.argument("identity")
def disconnect(identity: str) -> None:
    """Disconnect a charger once: it may connect again at once."""
    was_online = charger_security.disconnect(services().publisher, identity, **audited())
    click.echo(f"Charger {identity} {'was online, and is disconnected' if was_online else 'was not online'}.")


def _columns(refused: RefusedCharger) -> tuple[str, ...]:
    return (
        refused.identity or "(none)",
        refused.address or "(unknown)",
        refused.path or "-",
        _minute(refused.first_at),
        _minute(refused.last_at),
        str(refused.times),
        refused.offered or "-",
        "offered" if refused.has_key else "none",
        "new" if refused.profile is None else f"known, profile {refused.profile}",
    )


def _minute(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%MZ")
