"""Metering arithmetic: sampled values in, readings in Wh and W out, and energy that never goes backwards.

Energy is kept in whole Wh (rounded half to even), power in whole W. Rules from OCPP 1.6 §7.44 (SampledValue), which
OCPP 2.x repeats: the measurand defaults to Energy.Active.Import.Register, the unit to Wh (W for power).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal

ENERGY_REGISTER = "Energy.Active.Import.Register"
POWER = "Power.Active.Import"
SOC = "SoC"
BEGIN, END = "Transaction.Begin", "Transaction.End"

_LARGEST = Decimal(10) ** 12  # Wh or W; beyond any meter, and within a 64-bit integer
_TO_BASE = {"Wh": Decimal(1), "kWh": Decimal(1000), "W": Decimal(1), "kW": Decimal(1000), "Percent": Decimal(1)}
_UNIT = {ENERGY_REGISTER: ("Wh", "kWh"), POWER: ("W", "kW"), SOC: ("Percent",)}


@dataclass(frozen=True, slots=True)
class Sample:
    """One sampled value as a charger sent it; empty strings stand for fields it left out."""

    value: str
    measurand: str = ""
    unit: str = ""
    phase: str = ""
    context: str = ""
    location: str = ""
    format: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one sampled instant says: register in Wh, power in W, state of charge in percent; None where not said."""

    sampled_at: datetime
    context: str = "Sample.Periodic"
    register_wh: int | None = None
    power_w: int | None = None
    soc_percent: int | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch in which the register only rose: where it began, and what had been delivered before it."""

    base_wh: int
    before_wh: int = 0

    def energy_wh(self, register_wh: int) -> int:
        return self.before_wh + register_wh - self.base_wh


@dataclass(frozen=True, slots=True)
class Meter:
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
    )


def reading(sampled_at: datetime, samples: Iterable[Sample]) -> Reading | None:
    """Fold one instant's samples into a reading; None where none of them says anything that Polaris keeps.

    A value that is not a number is refused alone; the other samples of the frame still count.
    """
    kept = [(s, value) for s in samples if (value := _quantity(s)) is not None]
    if not kept:
        return None
    contexts = [s.context for s, _ in kept if s.context]
    return Reading(
        sampled_at=sampled_at,
        context=contexts[0] if contexts else "Sample.Periodic",
        register_wh=_total(kept, ENERGY_REGISTER),
        power_w=_total(kept, POWER),
        soc_percent=_total(kept, SOC),
    )


def _quantity(sample: Sample) -> Decimal | None:
    measurand = sample.measurand or ENERGY_REGISTER
    units = _UNIT.get(measurand)
    unit = sample.unit or (units[0] if units else "")
    if units is None or unit not in units or sample.format == "SignedData" or sample.location not in ("", "Outlet"):
        return None
    try:
        value = Decimal(sample.value.strip()) * _TO_BASE[unit]
    except ArithmeticError:
        return None
    if not value.is_finite() or abs(value) >= _LARGEST:
        return None
    return None if measurand == SOC and not 0 <= value <= 100 else value


def _total(kept: list[tuple[Sample, Decimal]], measurand: str) -> int | None:
    """The value without a phase if there is one, else the sum of L1, L2, L3 (against neutral where so named)."""
    of_it = [(s.phase, value) for s, value in kept if (s.measurand or ENERGY_REGISTER) == measurand]
    whole = [value for phase, value in of_it if not phase]
    phases = {
        phase.removesuffix("-N"): value for phase, value in of_it if phase.removesuffix("-N") in ("L1", "L2", "L3")
    }
    if not whole and not phases:
        return None
    value = whole[0] if whole else sum(phases.values(), Decimal(0))
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))
