"""From sampled values to readings in Wh and W.

Energy is in whole Wh (rounded half to even), power in whole W. By OCPP 1.6 §7.44 (SampledValue), as in OCPP 2.x, the
measurand defaults to Energy.Active.Import.Register and the unit to Wh (W for power).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

ENERGY_REGISTER = "Energy.Active.Import.Register"
INTERVAL = "Energy.Active.Import.Interval"
POWER = "Power.Active.Import"
SOC = "SoC"
SIGNED = "SignedData"
BEGIN, END = "Transaction.Begin", "Transaction.End"

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
}
KEPT = {measurand for measurand, _ in _FACTOR}  # the measurands that Polaris stores


class MeterSample(Protocol):
    """One sampled value as a charger sent it; empty strings stand for fields it left out."""

    @property
    def value(self) -> str: ...
    @property
    def measurand(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def phase(self) -> str: ...
    @property
    def context(self) -> str: ...
    @property
    def location(self) -> str: ...
    @property
    def format(self) -> str: ...


class Sample(Struct, frozen=True):
    """A `MeterSample` that was built here rather than decoded."""

    value: str
    measurand: str = ""
    unit: str = ""
    phase: str = ""
    context: str = ""
    location: str = ""
    format: str = ""


class Reading(Struct, frozen=True):
    """The values of one sampled instant; None if a value was not sent."""

    sampled_at: datetime
    context: str = "Sample.Periodic"
    register_wh: int | None = None
    power_w: int | None = None
    soc_percent: int | None = None
    interval_wh: int | None = None  # delivered since the reading before
    signed_data: str = ""  # the meter's signed data, stored as it was sent and not evaluated


VALUES = ("register_wh", "power_w", "soc_percent", "interval_wh")  # the fields that another reading may complete


def merged(readings: Iterable[Reading]) -> list[Reading]:
    """Return readings with those of one instant as one, unless they have different values."""
    result: list[Reading] = []
    for reading_ in readings:
        index = next((i for i, other in enumerate(result) if is_compatible(other, reading_)), None)
        if index is None:
            result.append(reading_)
        else:
            result[index] = completed(result[index], reading_)
    return result


def is_compatible(first: Reading, second: Reading) -> bool:
    """Whether two readings are of one instant and have no value that differs."""
    if first.sampled_at != second.sampled_at or {first.context, second.context} == {BEGIN, END}:
        return False
    pairs = [(getattr(first, name), getattr(second, name)) for name in VALUES]
    return all(one is None or other is None or one == other for one, other in pairs)


def completed(first: Reading, second: Reading) -> Reading:
    """Return a reading with the values that it lacks taken from a compatible one."""
    missing = {name: getattr(second, name) for name in VALUES if getattr(first, name) is None}
    context = second.context if second.context in (BEGIN, END) else first.context
    return replace(first, context=context, signed_data=first.signed_data or second.signed_data, **missing)


def reading(sampled_at: datetime, samples: Iterable[MeterSample], *, energy_unit: str = "") -> Reading | None:
    """Combine one instant's samples into a reading; None if no sample has a known measurand and unit.

    A sample that is not a number is ignored; the others still count. `energy_unit` is set by an operator and overrides
    the charger's.
    """
    values: dict[str, int | Decimal] = {}  # by measurand
    by_phase: dict[str, dict[str, int | Decimal]] = {}  # by measurand, then phase
    context = signed_data = ""
    for sample in samples:
        measurand = sample.measurand or ENERGY_REGISTER
        if sample.format == SIGNED:
            signed_data = f"{signed_data}\n{sample.value}" if signed_data else sample.value
            continue
        if measurand not in KEPT:
            continue
        is_overridden = energy_unit and measurand in (ENERGY_REGISTER, INTERVAL)
        factor = _FACTOR.get((measurand, energy_unit if is_overridden else sample.unit))
        if factor is None or sample.location not in ("", "Outlet"):
            continue
        value = _number(sample.value, factor)
        if value is None or (measurand == SOC and not 0 <= value <= 100):
            continue
        if sample.phase:
            by_phase.setdefault(measurand, {}).setdefault(sample.phase, value)
        else:
            values.setdefault(measurand, value)
        context = context or sample.context
    if not (values or by_phase or signed_data):
        return None
    for measurand, phases in by_phase.items():
        if measurand not in values and (total := _total(phases)) is not None:
            values[measurand] = total
    return Reading(
        sampled_at,
        context or "Sample.Periodic",
        _whole(values.get(ENERGY_REGISTER)),
        _whole(values.get(POWER)),
        _whole(values.get(SOC)),
        _whole(values.get(INTERVAL)),
        signed_data,
    )


def _number(text: str, factor: int) -> int | Decimal | None:
    if text.isdecimal() and text.isascii() and len(text) <= 9:
        return int(text) * factor
    try:
        value = Decimal(text.strip()) * factor
    except ArithmeticError:
        return None
    return value if value.is_finite() and abs(value) < _MAX_VALUE else None


def _total(by_phase: dict[str, int | Decimal]) -> int | Decimal | None:
    """Return the sum over L1, L2 and L3 (to neutral if so named), for a measurand that has no total of its own."""
    phases = [by_phase.get(f"{phase}-N", by_phase.get(phase)) for phase in ("L1", "L2", "L3")]
    measured = [phase for phase in phases if phase is not None]
    return sum(measured, Decimal(0)) if measured else None


def _whole(value: int | Decimal | None) -> int | None:
    if value is None or isinstance(value, int):
        return value
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))
