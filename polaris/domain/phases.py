"""The phases of a measurand, summed up over messages where a charger sends each phase in one of its own.

A single phase does not tell whether it is all that the charger measures: some tag the total as L1. Which phases belong
together is learnt from those that came before one was repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

PHASES = ("L1", "L2", "L3")
MAX_KEYS = 200  # of one connection; without it, a charger that invents contexts would fill the memory

Number = int | Decimal
Key = tuple[object, str, str]  # a connector or transaction, a context, a measurand


class _Round:
    """The phases of a key since one was repeated, and those of the round before."""

    __slots__ = ("before", "values")

    def __init__(self) -> None:
        self.before: set[str] = set()
        self.values: dict[str, tuple[datetime, Number]] = {}

    def add(self, phase: str, at: datetime, value: Number) -> Number | None:
        if self.values.get(phase) == (at, value):
            return None
        if phase in self.values:
            self.before, self.values = set(self.values), {}
        self.values[phase] = at, value
        is_first = not self.before and len(self.values) == 1
        is_complete = len(self.values) == len(PHASES) or self.values.keys() == self.before
        return sum((value for _, value in self.values.values()), Decimal(0)) if is_complete or is_first else None


class PhaseMemory:
    """The phases that came over one connection."""

    __slots__ = ("_rounds",)

    def __init__(self) -> None:
        self._rounds: dict[Key, _Round] = {}

    def total(self, key: Key, at: datetime, by_phase: Mapping[str, Number]) -> Number | None:
        """Return the sum over the phases, to neutral if so named, or None if there are none or others are to come."""
        values = {phase.upper(): value for phase, value in by_phase.items()}
        measured = {
            phase: value for phase in PHASES if (value := values.get(f"{phase}-N", values.get(phase))) is not None
        }
        if len(measured) != 1:
            return sum(measured.values(), Decimal(0)) if measured else None
        if key not in self._rounds and len(self._rounds) >= MAX_KEYS:
            self._rounds.clear()
        ((phase, value),) = measured.items()
        return self._rounds.setdefault(key, _Round()).add(phase, at, value)
