"""`flask --app app card`: cards, which sessions are started with."""

from __future__ import annotations

import click

from polaris import administration
from polaris.cli.common import Group, audited

card = Group("card", help="EV cards, which sessions are started with.")


@card.command("add")
@click.argument("email")
@click.argument("id_tag")
def card_add(email: str, id_tag: str) -> None:
    """Give an account a card. ID_TAG is what the charger reads from it."""
    administration.add_card(email, id_tag, **audited())
    click.echo(f"Card {id_tag} was added to {email}.")


@card.command("block")
@click.argument("id_tag")
def card_block(id_tag: str) -> None:
    """Block a card: no charger starts with it any more."""
    administration.block_card(id_tag, **audited())
    click.echo(f"Card {id_tag} is blocked.")
