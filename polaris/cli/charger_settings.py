"""`flask --app app charger settings`, and what `charger get-configuration` prints: the same list in every version."""

from __future__ import annotations

import time
from collections.abc import Iterable

import click

from polaris.cli.chargers import charger
from polaris.cli.common import show_table
from polaris.domain import settings
from polaris.domain.commands.catalog import GET_CONFIGURATION
from polaris.domain.settings import Setting
from polaris.ingest import CommandView, SettingsView
from polaris.services import services

REPORT_TIMEOUT_S = 60.0  # for all parts of a report, which a charger sends one after the other
POLL_INTERVAL_S = 0.2
COLUMNS = ("COMPONENT", "PLACE", "SETTING", "ACCESS", "VALUE")
INCOMPLETE = "The list is incomplete: parts of it have not come, or were too long to be kept."


@charger.command("settings")
@click.argument("identity")
def charger_settings(identity: str) -> None:
    """List a charger's settings as it reported them last. `charger get-configuration` asks for them anew."""
    _show(services().ingest.settings(identity))


def show_answer(identity: str, view: CommandView) -> bool:
    """Print the settings that a charger was asked for; return False if there are none to print."""
    if view.kind != GET_CONFIGURATION or not view.answer:
        return False
    if view.arguments.get("keys"):
        answered = [*settings.read(view.answer)]
        if answered:
            _show_table(answered)
        return bool(answered)
    if view.answer.get("status") == "Accepted":  # OCPP 2.x: the list comes as a report, in parts
        _show(_reported(identity, str(view.id)))
    elif "status" not in view.answer:
        _show(services().ingest.settings(identity))
    return True


def _reported(identity: str, request: str) -> SettingsView:
    """Wait until the whole list that was asked for is there; return what came of it."""
    deadline = time.monotonic() + REPORT_TIMEOUT_S
    view = services().ingest.settings(identity)
    while (view.request != request or not view.is_complete) and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL_S)
        view = services().ingest.settings(identity)
    return view


def _show(view: SettingsView) -> None:
    if not view.settings:
        click.echo("The charger has reported no settings yet.")
        return
    _show_table(view.settings)
    if view.reported_at is not None:
        click.echo(f"As of {view.reported_at:%Y-%m-%d %H:%M:%S} UTC.")
    if not view.is_complete:
        click.echo(INCOMPLETE)


def _show_table(listed: Iterable[Setting]) -> None:
    rows = [(s.component, place(s), s.name, s.access.value, s.described) for s in listed]
    show_table([COLUMNS, *rows])


def place(setting: Setting) -> str:
    """Name the EVSE of a setting, and its connector; "" if it is the charger's."""
    connector = f", connector {setting.connector}" if setting.connector else ""
    return f"EVSE {setting.evse}{connector}" if setting.evse else ""
