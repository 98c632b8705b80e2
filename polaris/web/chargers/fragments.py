"""The fragments of a charger's page."""

from __future__ import annotations

from collections.abc import Iterable

from flask import render_template

from polaris.domain.viewer import Viewer
from polaris.rendering.fragments import Fragments
from polaris.web.chargers.queries import ChargerView, Messages


def facts(charger: ChargerView) -> Fragments:
    """What the charger is, and what its connectors do."""
    return _fragments(charger, ("header", "connectors"))


def last_messages(charger: ChargerView, messages: Messages) -> Fragments:
    return _fragments(charger, ("messages",), messages=messages)


def sessions(charger: ChargerView, viewer: Viewer, operator_contact: str) -> Fragments:
    """The sessions that run, with their stop controls, and those that are past."""
    return _fragments(charger, ("running", "sessions"), viewer=viewer, operator_contact=operator_contact)


def _fragments(charger: ChargerView, nouns: Iterable[str], **more: object) -> Fragments:
    return {
        f"charger-{charger.id}-{noun}": render_template(f"chargers/_{noun}.html", charger=charger, **more)
        for noun in nouns
    }
