"""`flask --app app charger`: chargers, and how Polaris understands them.

The group's other commands are in `charger_security` and `charger_commands`.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import click

from polaris import administration
from polaris.administration import Refused
from polaris.administration.chargers import NewCharger
from polaris.cli.common import Amount, Group, audited, first_line, password_stdin, show_key, site_option
from polaris.domain import connectors
from polaris.services import services

charger = Group("charger", help="Chargers and their keys.")


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
    key = first_line() if password_stdin else ""
    if password_stdin and not key:
        raise Refused("There was no key on standard input.")
    secrets = services().config.charger_key_secrets
    added = administration.add_charger(
        secrets, identity, name=name, site=site, key=key, profile=0 if no_key else profile, **audited()
    )
    _show_keys([added])


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
    _show_keys(administration.import_chargers(services().config.charger_key_secrets, lines, site=site, **audited()))


@charger.command("fallback")
@click.argument("identity")
@click.argument("version", type=click.Choice(["1.6", "none"]))
def charger_fallback(identity: str, version: str) -> None:
    """Speak OCPP VERSION with a charger that offers no version by itself when it connects."""
    administration.set_fallback(identity, "" if version == "none" else f"ocpp{version}", **audited())
    click.echo(f"Charger {identity} without a version of its own: {version}.")


@charger.command("unit")
@click.argument("identity")
@click.argument("unit", type=click.Choice(["Wh", "kWh", "as-sent"]))
def charger_unit(identity: str, unit: str) -> None:
    """Say what unit a charger's energy readings are really in, whatever it labels them."""
    administration.set_energy_unit(identity, "" if unit == "as-sent" else unit, **audited())
    click.echo(f"From its next connection on, the energy readings of {identity} are taken as {unit}.")


@charger.command("set-meter-key")
@click.argument("identity")
@click.argument("keys", metavar="KEY...", nargs=-1)
@click.option("--clear", is_flag=True, help="Forget the keys.")
def charger_meter_key(identity: str, keys: tuple[str, ...], clear: bool) -> None:
    """Enter the public key of a charger's meter, with which its signed values (OCMF) are checked.

    KEY is as printed on the meter: hexadecimal or base64. A charger with several meters gets the keys of all of them
    at once; they replace those that it had.
    """
    if clear == bool(keys):
        raise Refused("Give the keys of all the charger's meters, or --clear.")
    fingerprints = administration.set_meter_keys(services().publisher, identity, keys, **audited())
    click.echo(f"Meter keys of {identity}: {', '.join(fingerprints) or 'none'}.")


@charger.command("set-power")
@click.argument("identity")
@click.argument("kw", type=Amount(), required=False)
@click.option("--clear", is_flag=True, help="Forget it: what the charger reports holds, or the usual assumption.")
def charger_set_power(identity: str, *, kw: Decimal | None, clear: bool) -> None:
    """Say that none of a charger's connectors can deliver more than KW kilowatts: its sessions cannot have had more."""
    if (kw is None) is not clear:
        raise Refused("Give the power in kW, or --clear.")
    administration.set_max_power(identity, kw, **audited())
    click.echo(f"Connectors of {identity}: " + ("no greatest power is set." if kw is None else f"at most {kw} kW."))


@charger.command("connectors")
@click.argument("identity")
@click.argument("number", type=int, required=False)
@click.option("--clear", is_flag=True, help="The usual limit holds again.")
def charger_connectors(identity: str, *, number: int | None, clear: bool) -> None:
    """Let a charger have connectors (OCPP 2.x: EVSEs) up to NUMBER; more than 100 are refused otherwise."""
    if (number is None) is not clear:
        raise Refused("Give the highest number, or --clear.")
    administration.set_max_connectors(identity, number, **audited())
    click.echo(f"From its next connection on, {identity} may have {number or connectors.MAX_NUMBER} connectors.")


@charger.command("pings")
@click.argument("identity")
@click.argument("pings", type=click.Choice(["on", "off"]))
def charger_pings(identity: str, pings: str) -> None:
    """Turn pings off for a charger that never answers them, or on again.

    A charger that is silent is pinged, and disconnected if it does not answer. Without pings it is disconnected if it
    has sent nothing for three of its heartbeat intervals.
    """
    administration.set_pings(identity, is_pinged=pings == "on", **audited())
    click.echo(f"From its next connection on, charger {identity} is {'pinged' if pings == 'on' else 'not pinged'}.")


def _show_keys(chargers: list[NewCharger]) -> None:
    for added in chargers:
        click.echo(f"Charger {added.identity} was added.")
        if added.is_key_made:
            show_key(added.key)
