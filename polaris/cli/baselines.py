"""`flask --app app baseline`: settings to compare chargers with; and `charger compare`, which compares two of them."""

from __future__ import annotations

from collections.abc import Iterable

import click

from polaris import administration
from polaris.administration import Refused
from polaris.cli.charger_settings import place
from polaris.cli.chargers import charger
from polaris.cli.common import Group, show_table
from polaris.domain import settings
from polaris.domain.settings import Setting
from polaris.services import services

baseline = Group("baseline", help="Settings under a name, to compare chargers with.")


@baseline.command("list")
def baseline_list() -> None:
    """List the baselines."""
    found = administration.saved_baselines()
    if not found:
        click.echo("No baselines are saved.")
        return
    cells = [(row.name, row.identity, str(row.count), f"{row.saved_at:%Y-%m-%d %H:%M}") for row in found]
    show_table([("name", "charger", "settings", "saved (UTC)"), *cells])


@baseline.command("compare")
@click.argument("identity")
@click.argument("name")
def baseline_compare(identity: str, name: str) -> None:
    """List the settings in which a charger differs from a baseline. Secrets cannot be compared."""
    kept = administration.baseline_settings(name)
    if kept is None:
        raise Refused(f"There is no baseline {name}.")
    _show(_reported(identity), kept, identity, name)


@charger.command("compare")
@click.argument("identity")
@click.argument("other")
def charger_compare(identity: str, other: str) -> None:
    """List the settings in which two chargers differ. Secrets cannot be compared."""
    if identity == other:
        raise Refused("That is this charger itself.")
    _show(_reported(identity), _reported(other), identity, other)


def _reported(identity: str) -> tuple[Setting, ...]:
    reported = services().ingest.settings(identity).settings
    if not reported:
        raise Refused(
            f"{identity} has reported no settings yet, so there is nothing to compare. "
            f"Read them from the charger: charger get-configuration {identity}."
        )
    return reported


def _show(ours: Iterable[Setting], theirs: Iterable[Setting], our_name: str, their_name: str) -> None:
    pairs = settings.differences(ours, theirs)
    differing = [pair for pair in pairs if settings.is_different(pair)]
    if differing:
        cells = [_cells(*pair) for pair in differing]
        show_table([("COMPONENT", "PLACE", "SETTING", our_name, their_name), *cells])
    click.echo(f"{len(differing)} differ, {len(pairs) - len(differing)} are the same.")


def _cells(ours: Setting | None, theirs: Setting | None) -> tuple[str, ...]:
    names = ours or theirs
    assert names is not None
    values = ("none" if each is None else each.described for each in (ours, theirs))
    return names.component, place(names), names.name, *values
