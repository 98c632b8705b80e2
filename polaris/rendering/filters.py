"""Jinja filters from quantities in their unit to text in the page's language.

Numbers, dates and texts follow Flask-Babel's locale. Times are written as `<time>` in UTC; the browser rewrites them in
the reader's time zone (`static/js/time.js`), so one rendering serves every reader. The filters know neither the request
nor the user.
"""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from functools import lru_cache

from babel.dates import format_datetime
from babel.numbers import format_currency, format_decimal
from flask import Flask
from markupsafe import Markup

from polaris.domain.data_quality import Note
from polaris.domain.enums import ConnectorStatus
from polaris.domain.tariff import Money
from polaris.rendering.translations import gettext, locale

NOTHING = "–"
MAX_DECIMALS = 20_000  # cached; values are rounded before, so energies up to 200 kWh fit
MAX_COSTS = 10_000  # cached
_INSTANTS = {"datetime": "d MMM y, HH:mm", "second": "d MMM y, HH:mm:ss", "time": "HH:mm:ss", "ago": "d MMM y, HH:mm"}


def register(app: Flask) -> None:
    """Add the filters to the app's Jinja environment."""
    for filter_ in (kwh, kw, number, money, duration, clock, ago, instant, stop_reason, note, state, shell):
        app.add_template_filter(filter_)


def kwh(energy_wh: int | None) -> str:
    """Format energy in kWh, with two decimals.

    In steps of 10 Wh the figure moves every 16 s at the slowest charging (2.3 kW), and its last digit is not yet noise
    at 22 kW. A third decimal would be more precise than a price per kWh needs.
    """
    return NOTHING if energy_wh is None else _decimal(round(energy_wh, -1) / 1000, "#,##0.00", locale())


def kw(power_w: int | None) -> str:
    """Format power in kW, with one decimal: less than 100 W is standby, not charging."""
    return NOTHING if power_w is None else _decimal(round(power_w, -2) / 1000, "#,##0.0", locale())


def number(value: float) -> str:
    """Format a number with as few digits as possible, for the axes of a curve."""
    return _decimal(value, "#,##0.##", locale())


def money(cost: Money | None) -> str:
    return NOTHING if cost is None else _money(cost, locale())


def duration(seconds: int) -> str:
    """Format a duration, rounded down to minutes, or to seconds below a minute: "1 h 24 min", "24 min", "45 s"."""
    hours, minutes = divmod(max(0, seconds) // 60, 60)
    if hours and minutes:
        return gettext("%(hours)s h %(minutes)s min", hours=hours, minutes=minutes)
    if hours:
        return gettext("%(hours)s h", hours=hours)
    if minutes:
        return gettext("%(minutes)s min", minutes=minutes)
    return gettext("%(seconds)s s", seconds=max(0, seconds))


def clock(seconds: int) -> str:
    """Format elapsed time as a clock that can tick without words: "4:05", "1:24:05"."""
    minutes, seconds = divmod(max(0, seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def ago(seconds: int) -> str:
    return gettext("%(duration)s ago", duration=duration(seconds))


def instant(at: datetime, style: str = "datetime") -> Markup:
    """Format an aware instant as `<time>`.

    `style` is "datetime", "second", "time" (to the second, without the day) or "ago", with which the browser shows the
    age by the server's clock.
    """
    at = at.astimezone(UTC)
    text = gettext("%(time)s UTC", time=format_datetime(at, _INSTANTS[style], tzinfo=UTC, locale=locale()))
    return Markup('<time datetime="{}" data-format="{}">{}</time>').format(f"{at:%Y-%m-%dT%H:%M:%SZ}", style, text)


def stop_reason(reason: str) -> str:
    """Explain why a session ended. A reason that OCPP 1.6 §7.35 does not list stays as the charger sent it."""
    reasons = {
        "Local": gettext("stopped at the charger"),
        "Remote": gettext("stopped remotely"),
        "EVDisconnected": gettext("the cable was unplugged"),
        "DeAuthorized": gettext("the card was refused"),
        "EmergencyStop": gettext("the emergency stop was used"),
        "HardReset": gettext("the charger was restarted"),
        "SoftReset": gettext("the charger was restarted"),
        "Reboot": gettext("the charger restarted"),
        "PowerLoss": gettext("the charger lost power"),
        "UnlockCommand": gettext("the cable was unlocked"),
        "Other": gettext("ended by the charger"),
    }
    return reasons.get(reason, reason)


def note(kind: Note) -> str:
    """Explain a note on the quality of a session's figures to the driver."""
    return {
        Note.GAP: gettext("For a while no readings came."),
        Note.REGISTER_RESET: gettext("The charger's meter began anew during the session; its pieces were added up."),
        Note.CLOCK_CORRECTED: gettext("The charger's clock was wrong, so its times were corrected by ours."),
        Note.REPLAYED_OFFLINE: gettext("The charger was offline for a while and sent some of this later."),
        Note.UNIT_OVERRIDE: gettext("The operator set the unit of this charger's meter."),
        Note.UNIT_DOUBTFUL: gettext("The meter's unit is in doubt: its figures differ by about a thousand."),
        Note.INFERRED: gettext("The charger did not say which session its readings belong to; the open one was taken."),
        Note.FINAL_BELOW_READINGS: gettext("The final meter figure was below the readings, so the readings count."),
        Note.FINAL_MISSING: gettext("The charger sent no final meter figure, so its last reading counts."),
        Note.START_MISSING: gettext("The charger sent no meter figure at the start, so its first reading was taken."),
        Note.START_NEVER_CAME: gettext(
            "The charger's message about the start has not come; the session was made from a later one."
        ),
        Note.END_JOINED: gettext("The charger's end named no known session; it was matched by card and time."),
        Note.CLOSED_BY_OPERATOR: gettext("The operator closed this session."),
    }[kind]


def shell(text: str) -> str:
    """Quote a text as an argument of a command that a person copies."""
    return shlex.quote(text)


@lru_cache(maxsize=MAX_DECIMALS)
def _decimal(value: float, pattern: str, language: str) -> str:
    return format_decimal(value, pattern, locale=language)


@lru_cache(maxsize=MAX_COSTS)
def _money(cost: Money, language: str) -> str:
    # A cost has two decimals, so it stays the same over some readings.
    return format_currency(cost.amount, cost.currency, locale=language)


def state(status: str) -> str:
    """Name a connector's state in plain words. A state that OCPP does not list stays as the charger sent it."""
    states: dict[str, str] = {
        "": gettext("Not reported"),
        ConnectorStatus.AVAILABLE: gettext("Free"),
        ConnectorStatus.PREPARING: gettext("Getting ready"),
        ConnectorStatus.CHARGING: gettext("Charging"),
        ConnectorStatus.SUSPENDED_EVSE: gettext("Paused by the charger"),
        ConnectorStatus.SUSPENDED_EV: gettext("Paused by the car"),
        ConnectorStatus.FINISHING: gettext("Waiting to be unplugged"),
        ConnectorStatus.RESERVED: gettext("Reserved"),
        ConnectorStatus.UNAVAILABLE: gettext("Out of service"),
        ConnectorStatus.FAULTED: gettext("Out of order"),
        ConnectorStatus.OCCUPIED: gettext("In use"),
        ConnectorStatus.EV_CONNECTED: gettext("Car connected"),
        ConnectorStatus.IDLE: gettext("Car connected, idle"),
    }
    return states.get(status, status)
