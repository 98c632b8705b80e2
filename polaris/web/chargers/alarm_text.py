"""The alarms of a charger, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Flask

from polaris.domain.enums import Alarm
from polaris.rendering.translations import gettext

_TEXTS: Mapping[Alarm, Callable[[], str]] = {
    Alarm.TWO_CONNECTIONS: lambda: gettext("Two connections take turns as this charger: one of them may not be it."),
    Alarm.WRONG_KEYS: lambda: gettext("Somebody tries to connect as this charger with a wrong key."),
    Alarm.VOLUME: lambda: gettext("It sends so much that its messages have to wait, or soon will."),
    Alarm.CONNECTORS: lambda: gettext("It tells of connectors beyond the bound, which are refused."),
    Alarm.UNPROCESSABLE: lambda: gettext("It sends so much that fits no session that the oldest of it is deleted."),
}


def register(app: Flask) -> None:
    """Add the filter to the app's Jinja environment."""
    app.add_template_filter(alarm)


def alarm(raised: Alarm) -> str:
    """Say what an operator should look at."""
    return _TEXTS[raised]()
