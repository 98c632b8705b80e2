"""Measurands and units as chargers spell them, and the numbers in their samples."""

from __future__ import annotations

import re
from decimal import Decimal

ENERGY_REGISTER = "Energy.Active.Import.Register"
INTERVAL = "Energy.Active.Import.Interval"
POWER = "Power.Active.Import"
SOC = "SoC"

_MAX_VALUE = 10**12  # Wh or W: beyond any meter; larger values would overflow the columns' 64-bit integers
_FACTOR = {  # to Wh, W or percent, by measurand and unit; other measurands and units are ignored
    (ENERGY_REGISTER, ""): 1,
    (ENERGY_REGISTER, "Wh"): 1,
    (ENERGY_REGISTER, "kWh"): 1000,
    (INTERVAL, ""): 1,
    (INTERVAL, "Wh"): 1,
    (INTERVAL, "kWh"): 1000,
    (POWER, ""): 1,
    (POWER, "W"): 1,
    (POWER, "kW"): 1000,
    (SOC, ""): 1,
    (SOC, "Percent"): 1,
    (SOC, "%"): 1,
}
ENERGIES = (ENERGY_REGISTER, INTERVAL)
# The other measurands of OCPP 1.6 and 2.0.1, most of what chargers send: known by name, they cost no further look.
NOT_KEPT = frozenset(
    {
        "Current.Export",
        "Current.Import",
        "Current.Offered",
        "Energy.Active.Export.Interval",
        "Energy.Active.Export.Register",
        "Energy.Active.Net",
        "Energy.Apparent.Export",
        "Energy.Apparent.Import",
        "Energy.Apparent.Net",
        "Energy.Reactive.Export.Interval",
        "Energy.Reactive.Export.Register",
        "Energy.Reactive.Import.Interval",
        "Energy.Reactive.Import.Register",
        "Energy.Reactive.Net",
        "Frequency",
        "Power.Active.Export",
        "Power.Factor",
        "Power.Offered",
        "Power.Reactive.Export",
        "Power.Reactive.Import",
        "RPM",
        "Temperature",
        "Voltage",
    }
)
_SPELLED = {(measurand.lower(), unit.lower()): (measurand, factor) for (measurand, unit), factor in _FACTOR.items()}
_CANONICAL = {measurand.lower(): measurand for measurand, _ in _FACTOR}
_WITH_UNIT = re.compile(r"([+-]?[0-9.]{1,30})\s*([kK]?[wW][hH]?|%)")
MAX_SPELLINGS = 500  # that are remembered, and of their length; without it, inventions would fill the memory
SPELLINGS: dict[tuple[str, str], tuple[str, int | None]] = {key: (key[0], factor) for key, factor in _FACTOR.items()}

Number = int | Decimal


def known(measurand: str, unit: str) -> tuple[str, int | None]:
    """Return a measurand as it is spelled here, "" for one that is not kept, and the factor of its unit, if known."""
    return SPELLINGS.get((measurand, unit)) or _spelled(measurand, unit)


def number_of(text: str, factor: int, measurand: str, unit: str) -> Number | None:
    """Return a sample's number in Wh, W or percent; None if it has none, or one that is beyond any meter."""
    if len(text) <= 9 and text.isdecimal():  # nearly always
        return int(text) * factor
    value = _decimal(text, factor)
    return _with_own_unit(text, measurand, unit) if value is None else value


def _spelled(measurand: str, unit: str) -> tuple[str, int | None]:
    """Return a measurand as it is spelled here, and the factor of its unit, if both are known in another case."""
    name = measurand.strip().lower()
    found = _SPELLED.get((name, unit.strip().lower())) or (_CANONICAL.get(name, ""), None)
    if len(SPELLINGS) < MAX_SPELLINGS and len(measurand) + len(unit) < MAX_SPELLINGS:
        SPELLINGS[measurand, unit] = found
    return found


def _with_own_unit(text: str, measurand: str, unit: str) -> Number | None:
    """Return a number that has its unit in its text, such as "12.3 kWh"; a unit beside it must be the same."""
    found = _WITH_UNIT.fullmatch(text.strip())
    factor = found and _spelled(measurand, found[2])[1]
    if found is None or factor is None or (unit and factor != _spelled(measurand, unit)[1]):
        return None
    return _decimal(found[1], factor)


def _decimal(text: str, factor: int) -> Number | None:
    try:
        value = Decimal(text.strip()) * factor
    except ArithmeticError:
        return None
    return value if value.is_finite() and abs(value) < _MAX_VALUE else None
