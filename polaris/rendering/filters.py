"""Jinja filters from quantities in their unit to text in the page's language.

Numbers, dates and texts follow Flask-Babel's locale. Times are written as `<time>` in UTC; the browser rewrites them in
the reader's time zone (`static/js/time.js`), so one rendering serves every reader. The filters know neither the request
nor the user.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

from babel.numbers import format_currency, format_decimal
from flask import Flask
from markupsafe import Markup

from polaris.domain.data_quality import Note
from polaris.domain.enums import Authorization, ConnectorStatus, Correction, SetAside
from polaris.domain.limits import MAX_COUNTED
from polaris.domain.sentences import N_
from polaris.domain.spelling import letters
from polaris.domain.stop_request import StoppedBy
from polaris.domain.tariff import Money
from polaris.rendering.dates import moment
from polaris.rendering.translations import gettext, locale, said

NOTHING = "–"
MAX_DECIMALS = 20_000  # cached; values are rounded before, so energies up to 200 kWh fit
MAX_COSTS = 10_000  # cached


_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}(?::[0-9]{2})? UTC)")


STOP_REASONS = {  # as drivers read them, by the letters of the reason in lower case
    # OCPP 1.6 §7.35
    "deauthorized": N_("the card was refused"),
    "emergencystop": N_("the emergency stop was used"),
    "evdisconnected": N_("the cable was unplugged"),
    "hardreset": N_("the charger was restarted"),
    "local": N_("stopped at the charger"),
    "other": N_("ended by the charger"),
    "powerloss": N_("the charger lost power"),
    "reboot": N_("the charger restarted"),
    "remote": N_("stopped remotely"),
    "softreset": N_("the charger was restarted"),
    "unlockcommand": N_("the cable was unlocked"),
    # OCPP 2.x, ReasonEnumType
    "energylimitreached": N_("the energy that was asked for was delivered"),
    "groundfault": N_("the charger found a ground fault"),
    "immediatereset": N_("the charger was restarted"),
    "localoutofcredit": N_("the credit was used up"),
    "masterpass": N_("the staff's card was used at the charger"),
    "overcurrentfault": N_("the car drew too much current"),
    "powerquality": N_("the grid's power was not good enough"),
    "reqenergytransferrejected": N_("the charger could not charge as the car asked for"),
    "soclimitreached": N_("the battery reached the charge that was asked for"),
    "stoppedbyev": N_("stopped by the car"),
    "timelimitreached": N_("the time that was asked for was over"),
    "timeout": N_("the car was not plugged in in time"),
    # OCPP 2.x, TriggerReasonEnumType
    "abnormalcondition": N_("the charger found a fault"),
    "authorized": N_("the card was accepted"),
    "cablepluggedin": N_("the cable was plugged in"),
    "chargingratechanged": N_("the charging power changed"),
    "chargingstatechanged": N_("the charging changed"),
    "costlimitreached": N_("the cost that was asked for was reached"),
    "evcommunicationlost": N_("the charger lost touch with the car"),
    "evconnecttimeout": N_("the car was not plugged in in time"),
    "evdeparted": N_("the car left"),
    "evdetected": N_("a car arrived"),
    "limitset": N_("a limit was set"),
    "metervalueclock": N_("ended at the time of a reading"),
    "metervalueperiodic": N_("ended at the time of a reading"),
    "operationmodechanged": N_("the charger's way of working changed"),
    "remotestart": N_("started remotely"),
    "remotestop": N_("stopped remotely"),
    "resetcommand": N_("the charger was restarted"),
    "runningcost": N_("ended as its cost was told"),
    "signeddatareceived": N_("ended as the meter signed its figures"),
    "stopauthorized": N_("stopped at the charger"),
    "tariffchanged": N_("the tariff changed"),
    "tariffnotaccepted": N_("the tariff was not accepted"),
    "trigger": N_("ended as the charger was asked about it"),
    "txresumed": N_("the session was resumed"),
}


def register(app: Flask) -> None:
    """Add the filters to the app's Jinja environment."""
    for filter_ in (
        kwh,
        kw,
        number,
        counted,
        money,
        duration,
        exact_duration,
        clock,
        ago,
        instant,
        with_times,
        refusal,
        stop_reason,
        stopped_by,
        note,
        set_aside,
        correction,
        state,
    ):
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


def counted(rows: int, has_more: bool = False) -> str:
    """Format a count of rows that stops at a bound, `MAX_COUNTED` if no other: "10,000+" are that many or more."""
    return f"{number(min(rows, MAX_COUNTED))}+" if has_more or rows > MAX_COUNTED else number(rows)


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


def exact_duration(seconds: int) -> str:
    """Format a duration to the second, so that those of a sum add up: "1 min 19 s"."""
    whole, rest = duration(seconds), seconds % 60
    return gettext("%(time)s %(seconds)s s", time=whole, seconds=rest) if rest and seconds >= 60 else whole


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
    text = gettext("%(time)s UTC", time=moment(at, style))
    return Markup('<time datetime="{}" data-format="{}">{}</time>').format(f"{at:%Y-%m-%dT%H:%M:%SZ}", style, text)


def with_times(sentence: str) -> Markup:
    """Put a sentence into words, with its instants ("2026-11-30 12:00 UTC") as `<time>`, for the reader's zone."""
    parts = enumerate(_TIME.split(said(sentence)))
    return Markup("").join(_time(part) if index % 2 else part for index, part in parts)


def _time(text: str) -> str:
    style = "second" if text.count(":") == 2 else "datetime"
    try:
        return instant(datetime.fromisoformat(text.removesuffix(" UTC")).replace(tzinfo=UTC), style)
    except ValueError:
        return text


def stop_reason(reason: str) -> str:
    """Explain why a session ended, by the charger's reason or the trigger that stands for it (OCPP 2.x).

    Chargers write `EV_DISCONNECTED` or `Emergency Stop`, too. One that OCPP does not list stays as the charger sent it.
    """
    words = STOP_REASONS.get(letters(reason))
    return reason if words is None else gettext(words)


def stopped_by(by: StoppedBy) -> str:
    """Say what a session's stop was caused by."""
    return {
        StoppedBy.DRIVER: gettext("stopped by its driver"),
        StoppedBy.LIMIT: gettext("stopped by itself at its limit"),
        StoppedBy.OPERATOR: gettext("stopped by the operator"),
    }[by]


def note(kind: Note, is_known: bool = True, is_decided: bool = False) -> str:
    """Explain a note on the quality of a session's figures to the driver.

    `is_known` tells whether the charger's figures give a total, `is_decided` whether the operator's counts instead.
    """
    unused = {
        Note.FINAL_MISSING: gettext("The charger sent no final meter figure."),
        Note.START_MISSING: gettext("The charger sent no meter figure at the start that can be right."),
    }
    if kind in unused and (is_decided or not is_known):
        return unused[kind]
    decided = {
        Note.NOT_KNOWN: gettext(
            "By the charger's figures the energy is not known: they do not say how much has flowed."
        ),
        Note.NOT_METERED: gettext(
            "By the charger's figures the energy is not known: it reported power, but its meter did not move."
        ),
        Note.POWER_EXCEEDED: gettext(
            "By the charger's figures the energy is not known: "
            "its meter rose faster than this connector is known to deliver."
        ),
    }
    if is_decided and kind in decided:
        return decided[kind]
    return {
        Note.GAP: gettext("For a while no readings came."),
        Note.REGISTER_RESET: gettext("The charger's meter began anew during the session; its pieces were added up."),
        Note.CLOCK_CORRECTED: gettext("The charger's clock was wrong, so its times were corrected by ours."),
        Note.REPLAYED_OFFLINE: gettext("The charger was offline for a while and sent some of this later."),
        Note.UNIT_OVERRIDE: gettext("The operator set the unit of this charger's meter."),
        Note.UNIT_DOUBTFUL: gettext("The meter's unit is in doubt: its figures differ by about a thousand."),
        Note.INFERRED: gettext("The charger did not say which session its readings belong to; the open one was taken."),
        Note.NOT_KNOWN: gettext("The meter's figures do not say how much has flowed, so the energy is not known."),
        Note.COUNTED_FROM_ZERO: gettext("The meter counted from the session's start."),
        Note.OTHER_REGISTER: gettext(
            "The readings in between come from another register; start and end of the session agree with each other."
        ),
        Note.READINGS_SET_ASIDE: gettext("Readings that cannot be right were not counted."),
        Note.UNREADABLE: gettext("Some of the meter's figures could not be read, so they were not counted."),
        Note.NOT_METERED: gettext(
            "The charger reported power, but its meter did not move, so the energy is not known."
        ),
        Note.POWER_EXCEEDED: gettext(
            "The meter rose faster than this connector is known to deliver, so the energy is not known."
        ),
        Note.FINAL_DOUBTED: gettext("The final meter figure cannot be right, so it was not counted."),
        Note.FINAL_BELOW_READINGS: gettext(
            "The final meter figure was below the figures before it, so it was not counted."
        ),
        Note.FINAL_MISSING: gettext("The charger sent no final meter figure, so its last reading counts."),
        Note.START_MISSING: gettext(
            "The charger sent no meter figure at the start that can be right, so its first reading was taken."
        ),
        Note.START_NEVER_CAME: gettext(
            "The charger's message about the start has not come; the session was made from a later one."
        ),
        Note.END_JOINED: gettext("The charger's end named no known session; it was matched by card and time."),
        Note.CLOSED_BY_OPERATOR: gettext("The operator closed this session."),
        Note.SET_BY_OPERATOR: gettext("Set by the operator."),
    }[kind]


def refusal(authorization: str) -> str:
    """Explain to the driver why a card was refused."""
    reasons: dict[str, str] = {
        Authorization.BLOCKED: gettext("The card was not accepted: it is blocked, or its account is."),
        Authorization.EXPIRED: gettext("The card was not accepted: it has expired."),
        Authorization.CONCURRENT_TX: gettext("The card was not accepted: it is charging at another charger."),
    }
    return reasons.get(authorization, gettext("The card was not accepted: it is not known here."))


def set_aside(reason: SetAside) -> str:
    """Explain why a reading is shown, but not counted."""
    return {
        SetAside.TOO_MUCH: gettext("not counted: more than this connector can deliver"),
        SetAside.CONTRADICTED: gettext("not counted: the other figures contradict it"),
        SetAside.OTHER_REGISTER: gettext("not counted: from another register than the others"),
        SetAside.UNREADABLE: gettext("not counted: no number or unit that could be read"),
        SetAside.POWER: gettext("power not counted: more than this connector can deliver"),
        SetAside.UNNAMED: gettext("not counted: it names no session and does not continue this one"),
    }[reason]


def correction(kind: Correction) -> str:
    """Explain what changed the energy of an ended session."""
    return {
        Correction.LATE_END: gettext("the charger's own final figure came"),
        Correction.LATE_READINGS: gettext("readings came late"),
        Correction.RECOMPUTED: gettext("worked out again from its readings"),
        Correction.SET: gettext("set by the operator"),
    }[kind]


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
        ConnectorStatus.IDLE: gettext("No car connected"),
    }
    return states.get(status, status)
