"""Metering arithmetic: sampled values in, readings in Wh and W out, and energy that never goes backwards.

Energy is kept in whole Wh (rounded half to even), power in whole W. Rules from OCPP 1.6 §7.44 (SampledValue), which
OCPP 2.x repeats: the measurand defaults to Energy.Active.Import.Register, the unit to Wh (W for power).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Protocol

from msgspec import Struct

ENERGY_REGISTER = "Energy.Active.Import.Register"
INTERVAL = "Energy.Active.Import.Interval"
POWER = "Power.Active.Import"
SOC = "SoC"
SIGNED = "SignedData"
BEGIN, END = "Transaction.Begin", "Transaction.End"

_MAX_VALUE = 10**12  # Wh or W; beyond any meter, and within a 64-bit integer
_FACTOR = {  # of a measurand in a unit; what is not here is not kept
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


KEPT = {measurand for measurand, _ in _FACTOR}


class SampledValue(Protocol):
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
    """A sampled value of our own making."""

    value: str
    measurand: str = ""
    unit: str = ""
    phase: str = ""
    context: str = ""
    location: str = ""
    format: str = ""


class Reading(Struct, frozen=True):
    """What one sampled instant says: register in Wh, power in W, state of charge in percent; None where not said."""

    sampled_at: datetime
    context: str = "Sample.Periodic"
    register_wh: int | None = None
    power_w: int | None = None
    soc_percent: int | None = None
    interval_wh: int | None = None  # what came since the reading before
    signed_data: str = ""  # the meter's signed words, whole; out of the arithmetic


class Piece(Struct, frozen=True):
    """A stretch in which the register only rose: where it began, and what had been delivered before it."""

    base_wh: int
    before_wh: int = 0

    def energy_wh(self, register_wh: int) -> int:
        return self.before_wh + register_wh - self.base_wh


class Meter(Struct, frozen=True):
    """A session's running total. A register that was reset begins a new piece; one that only wavers does not count.

    `earlier` is the piece before, until the new one has risen: a register that comes back at once was never reset.
    """

    piece: Piece
    energy_wh: int = 0
    earlier: Piece | None = None

    def advanced(self, register_wh: int) -> Meter:
        """Return the total after a register reading in time order. It never falls."""
        if self.earlier is not None and self.earlier.energy_wh(register_wh) >= self.energy_wh:
            return Meter(self.earlier, self.earlier.energy_wh(register_wh))
        if self.is_reset_by(register_wh):
            return Meter(Piece(register_wh, self.energy_wh), self.energy_wh, self.earlier or self.piece)
        energy_wh = max(self.energy_wh, self.piece.energy_wh(register_wh))
        return Meter(self.piece, energy_wh, self.earlier if energy_wh == self.energy_wh else None)

    def is_reset_by(self, register_wh: int) -> bool:
        """Whether the register has lost more than half of what it had risen in this piece."""
        return 2 * (register_wh - self.piece.base_wh) < self.energy_wh - self.piece.before_wh

    def at(self, register_wh: int) -> int:
        """The energy, in Wh, at a register reading of the present piece that came late."""
        return min(self.energy_wh, max(0, self.piece.energy_wh(register_wh)))


def by_instant(readings: Iterable[Reading]) -> list[Reading]:
    """The readings in time order, one for each instant: what the first left out of it the second can add."""
    readings = list(readings)
    if len(readings) < 2:  # nearly always
        return readings
    folded: dict[datetime, Reading] = {}
    for one in readings:
        known = folded.get(one.sampled_at)
        folded[one.sampled_at] = one if known is None else _both(known, one)
    return sorted(folded.values(), key=lambda one: one.sampled_at)


def _both(first: Reading, second: Reading) -> Reading:
    """One instant's readings as one: what was said first stands, but the transaction's own begin and end outrank it."""
    if second.context in (BEGIN, END) and first.context not in (BEGIN, END):
        first, second = second, first
    return Reading(
        first.sampled_at,
        first.context,
        second.register_wh if first.register_wh is None else first.register_wh,
        second.power_w if first.power_w is None else first.power_w,
        second.soc_percent if first.soc_percent is None else first.soc_percent,
        second.interval_wh if first.interval_wh is None else first.interval_wh,
        first.signed_data or second.signed_data,
    )


def reading(sampled_at: datetime, samples: Iterable[SampledValue], *, energy_unit: str = "") -> Reading | None:
    """Fold one instant's samples into a reading; None where none of them says anything that Polaris keeps.

    A value that is not a number is refused alone; the other samples of the frame still count. `energy_unit` is the
    operator's word against the charger's.
    """
    found: dict[str, int | Decimal] = {}
    by_phase: dict[str, dict[str, int | Decimal]] = {}  # of the measurands that are said for phases
    context = signed_data = ""
    for sample in samples:
        measurand = sample.measurand or ENERGY_REGISTER
        if sample.format == SIGNED:
            signed_data = f"{signed_data}\n{sample.value}" if signed_data else sample.value
            continue
        if measurand not in KEPT:
            continue
        is_overruled = energy_unit and measurand in (ENERGY_REGISTER, INTERVAL)
        factor = _FACTOR.get((measurand, energy_unit if is_overruled else sample.unit))
        if factor is None or sample.location not in ("", "Outlet"):
            continue
        value = _number(sample.value, factor)
        if value is None or (measurand == SOC and not 0 <= value <= 100):
            continue
        if sample.phase:
            by_phase.setdefault(measurand, {}).setdefault(sample.phase, value)
        else:
            found.setdefault(measurand, value)
        context = context or sample.context
    if not (found or by_phase or signed_data):
        return None
    for measurand, phases in by_phase.items():
        if measurand not in found and (total := _total(phases)) is not None:
            found[measurand] = total
    return Reading(
        sampled_at,
        context or "Sample.Periodic",
        _whole(found.get(ENERGY_REGISTER)),
        _whole(found.get(POWER)),
        _whole(found.get(SOC)),
        _whole(found.get(INTERVAL)),
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
    """The sum of L1, L2, L3 (against neutral where so named), where a measurand has no value without a phase."""
    phases = [by_phase.get(f"{phase}-N", by_phase.get(phase)) for phase in ("L1", "L2", "L3")]
    measured = [phase for phase in phases if phase is not None]
    return sum(measured, Decimal(0)) if measured else None


def _whole(value: int | Decimal | None) -> int | None:
    if value is None or isinstance(value, int):
        return value
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))
