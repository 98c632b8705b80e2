"""`flask --app app card`: cards, which sessions are started with."""

from __future__ import annotations

from datetime import datetime

import click

from polaris import administration
from polaris.administration import Refused
from polaris.cli.common import Group, Instant, audited
from polaris.domain import cards

card = Group("card", help="EV cards, which sessions are started with.")

type_option = click.option(
    "--type",
    "type_",
    type=click.Choice(cards.TYPES, case_sensitive=False),
    default=None,
    help="The token's type in OCPP 2.x. A KeyCode 1234 is not the card 1234.",
)
expires_option = click.option(
    "--expires",
    "expires_at",
    type=Instant(),
    help="Refuse it as expired from this instant on; a day is its beginning, in UTC.",
)


@card.command("add")
@click.argument("email")
@click.argument("id_tag", required=False)
@click.option("--tapped", type=int, metavar="N", help="The unknown card number N, of `card tapped`, as it came.")
@type_option
@expires_option
def card_add(
    email: str, id_tag: str | None, *, tapped: int | None, type_: str | None, expires_at: datetime | None
) -> None:
    """Give an account a card. ID_TAG is what the charger reads from it, in upper or lower case."""
    if (id_tag is None) == (tapped is None):
        raise Refused("A card is added by its ID_TAG, or by its number in `card tapped`.")
    if tapped is not None and type_ is not None:
        raise Refused("A card that was tapped has its type already.")
    if id_tag is not None:
        administration.add_card(email, id_tag, type_=type_ or "", expires_at=expires_at, **audited())
        added = _shown(id_tag, type_)
    else:
        _, added = administration.add_tapped_card(email, tapped or 0, expires_at=expires_at, **audited())
    click.echo(f"Card {added} was added to {email}{_until(expires_at)}.")


@card.command("block")
@click.argument("id_tag")
@type_option
def card_block(id_tag: str, type_: str | None) -> None:
    """Block a card: no charger starts with it any more."""
    administration.block_card(id_tag, type_=type_ or "", **audited())
    click.echo(f"Card {_shown(id_tag, type_)} is blocked.")


@card.command("set-expiry")
@click.argument("id_tag")
@click.argument("expires_at", metavar="INSTANT|never")
@type_option
@click.pass_context
def card_set_expiry(context: click.Context, id_tag: str, expires_at: str, type_: str | None) -> None:
    """Refuse a card as expired from INSTANT on, or never. Sessions that run by then go on."""
    at = None if expires_at == "never" else Instant().convert(expires_at, None, context)
    administration.set_card_expiry(id_tag, at, type_=type_ or "", **audited())
    click.echo(
        f"Card {_shown(id_tag, type_)} {'never expires' if at is None else f'expires at {at:%Y-%m-%d %H:%M %Z}'}."
    )


@card.command("list")
@click.argument("email", required=False)
def card_list(email: str | None) -> None:
    """Show the cards of an account, or of all."""
    for row in administration.list_cards(email or ""):
        click.echo(f"{row.card}  {row.email}  {row.status}{_until(row.expires_at)}")


@card.command("tapped")
def card_tapped() -> None:
    """Show the unknown cards that chargers asked about, the latest first: `card add EMAIL --tapped N` adds one."""
    rows = administration.tapped_cards()
    for row in rows:
        times = "once" if row.times == 1 else f"{row.times} times"
        click.echo(f"{row.number}  {row.card}  {row.charger}  {times}, last {row.last_at:%Y-%m-%d %H:%M:%S %Z}")
    if not rows:
        click.echo("No unknown card was tapped.")


def _shown(id_tag: str, type_: str | None) -> str:
    return f"{id_tag} ({type_})" if type_ else id_tag


def _until(expires_at: datetime | None) -> str:
    return "" if expires_at is None else f", until {expires_at:%Y-%m-%d %H:%M %Z}"
