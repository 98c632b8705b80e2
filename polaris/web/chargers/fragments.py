"""The fragments of a charger's page."""

from __future__ import annotations

from collections.abc import Iterable

from flask import render_template

from polaris.domain.viewer import Viewer
from polaris.rendering.fragments import Fragments
from polaris.web.chargers.queries import ChargerView, Messages
from polaris.web.chargers.settings_list import SettingsList
from polaris.web.commands.view import CommandLine


def facts(charger: ChargerView) -> Fragments:
    """Render the charger's facts and its connectors."""
    return _fragments(charger, ("header", "connectors"))


def last_messages(charger: ChargerView, messages: Messages) -> Fragments:
    """Render the charger's newest messages."""
    return _fragments(charger, ("messages",), messages=messages)


def commands(charger: ChargerView, lines: tuple[CommandLine, ...]) -> Fragments:
    """Render the charger's newest commands."""
    return _fragments(charger, ("commands",), commands=lines)


def settings_version(charger: ChargerView, version: str) -> Fragments:
    """Render the version of the charger's settings."""
    return _fragments(charger, ("settings_version",), charger_id=charger.id, version=version)


def listed_settings(charger: ChargerView, version: str, settings: SettingsList) -> Fragments:
    """Render the charger's settings."""
    return _fragments(charger, ("settings",), settings_version=version, settings=settings)


def sessions(charger: ChargerView, viewer: Viewer, operator_contact: str) -> Fragments:
    """Render the active sessions, with their stop controls, and the past ones."""
    return _fragments(charger, ("running", "sessions"), viewer=viewer, operator_contact=operator_contact)


def _fragments(charger: ChargerView, nouns: Iterable[str], **arguments: object) -> Fragments:
    return {
        f"charger-{charger.id}-{noun.replace('_', '-')}": render_template(
            f"chargers/_{noun}.html", charger=charger, **arguments
        )
        for noun in nouns
    }
