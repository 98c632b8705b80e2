"""The alarms of a charger, in words."""

from __future__ import annotations

from flask import Flask

from polaris.attention.alarms import TEXTS
from polaris.domain.enums import Alarm
from polaris.rendering.translations import gettext


def register(app: Flask) -> None:
    """Add the filter to the app's Jinja environment."""
    app.add_template_filter(alarm)


def alarm(raised: Alarm) -> str:
    """Say what an operator should look at."""
    return gettext(TEXTS[raised])
