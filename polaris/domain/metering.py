"""From sampled values to readings in Wh and W.

Energy is in whole Wh (rounded half to even), power in whole W. By OCPP 1.6 §7.44 (SampledValue), as in OCPP 2.x, the
measurand defaults to Energy.Active.Import.Register and the unit to Wh (W for power).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from functools import partial
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from polaris.domain.phases import PhaseMemory
from polaris.domain.spelling import letters
from polaris.domain.units import (
    ENERGIES,
    ENERGY_REGISTER,
    INTERVAL,
    NOT_KEPT,
    POWER,
    SOC,
    SPELLINGS,
    Number,
    known,
    number_of,
)

SIGNED = "SignedData"
BEGIN, END = "Transaction.Begin", "Transaction.End"
PERIODIC = "Sample.Periodic"

EV = "EV"
_OUTLET = ("Outlet", "")  # a missing location is the outlet (OCPP 1.6 §7.44)
_OF_THE_METER = (_OUTLET, ("Cable",), ("Body",))  # the first that has a value counts; Inlet is upstream
_ELSEWHERE = ("Inlet", "Upstream", EV)
_CONTEXTS = frozenset(
    {"", BEGIN, END, PERIODIC, "Interruption.Begin", "Interruption.End", "Other", "Sample.Clock", "Trigger"}
)
_NAMES = frozenset({*_CONTEXTS, *_ELSEWHERE, "Outlet", "Cable", "Body"})
_SPELLED = {letters(name): name for name in _NAMES if name}
_LOCATIONS = {SOC: ((EV,), *_OF_THE_METER, ("Inlet",))}  # a battery is nowhere but in the car
# Stands among an instant's samples for energies that cannot be read. It has a phase, so it is looked at.
_UNREADABLE = ("", "unreadable", "-", "")

_Samples = dict[
    tuple[str, str, str, str], Any
]  # numbers by context, measurand, phase and location; signed data as a list
_OfContext = dict[tuple[str, str, str], Any]  # the same of one context


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


class Sample(Struct, frozen=True, gc=False):
    """A `MeterSample` that was built here rather than decoded."""

    value: str
    measurand: str = ""
    unit: str = ""
    phase: str = ""
    context: str = ""
    location: str = ""
    format: str = ""


class Reading(Struct, frozen=True, gc=False):
    """The values of one sampled instant; None if a value was not sent."""

    sampled_at: datetime
    context: str = PERIODIC
    register_wh: int | None = None
    power_w: int | None = None
    soc_percent: int | None = None
    interval_wh: int | None = None  # delivered since the reading before
    signed_data: str = ""  # the meter's signed data, stored as it was sent and not evaluated


def is_unreadable(reading: Reading) -> bool:
    """Whether a reading stands for an energy that could not be read: it has no value at all, and is no end's own."""
    is_empty = not reading.signed_data and all(getattr(reading, name) is None for name in VALUES)
    return is_empty and reading.context == PERIODIC


VALUES = ("register_wh", "power_w", "soc_percent", "interval_wh")  # the fields that another reading may complete


def merged(readings: Iterable[Reading]) -> list[Reading]:
    """Return readings in time order, each with the values that the one before it, of its instant, lacks."""
    result: list[Reading] = []
    for reading in sorted(readings, key=in_order):
        if result and is_compatible(result[-1], reading):
            result[-1] = completed(result[-1], reading)
        else:
            result.append(reading)
    return result


def in_order(reading: Reading, started_at: datetime | None = None) -> tuple[datetime, bool]:
    """Return the key that readings are sorted by: of one instant, a transaction's begin comes first.

    Those from before `started_at` count as of that instant.
    """
    at = reading.sampled_at
    return at if started_at is None or at > started_at else started_at, reading.context != BEGIN


def is_compatible(first: Reading, second: Reading) -> bool:
    """Whether two readings are of one instant and have no value that differs; an interval belongs to its context."""
    if first.sampled_at != second.sampled_at or {first.context, second.context} == {BEGIN, END}:
        return False
    if is_unreadable(first) != is_unreadable(second):
        return False
    if first.context != second.context and (first.interval_wh is not None or second.interval_wh is not None):
        return False
    pairs = [(getattr(first, name), getattr(second, name)) for name in VALUES]
    return all(one is None or other is None or one == other for one, other in pairs)


def completed(first: Reading, second: Reading) -> Reading:
    """Return a reading with the values that it lacks taken from a compatible one."""
    missing = {name: getattr(second, name) for name in VALUES if getattr(first, name) is None}
    context = second.context if second.context in (BEGIN, END) else first.context
    return replace(first, context=context, signed_data=first.signed_data or second.signed_data, **missing)


def readings(
    entries: Iterable[tuple[datetime, Iterable[MeterSample]]],
    *,
    energy_unit: str = "",
    phases: PhaseMemory | None = None,
    place: object = None,
) -> tuple[Reading, ...]:
    """Combine the samples of a message's entries into readings, nearly always one for each instant.

    A transaction's begin and end, and intervals of further contexts, are readings of their own at the same instant.
    Entries of one instant complete each other unless a value is repeated: then the clock stands still. A sample that is
    not a number is left out; the others still count. If it is of an energy, a reading without values stands for it.
    `energy_unit` is set by an operator and overrides the charger's. `phases` are those of other messages of `place`, a
    connector or transaction.
    """
    instants = []
    for sampled_at, sent in entries:
        if samples := _decoded(sent, energy_unit):
            instants.append((sampled_at, samples))
    if len(instants) == 1:  # nearly always
        return tuple(_combined(*instants[0], phases, place))
    phases = phases or PhaseMemory()
    return tuple([reading for instant in _by_instant(instants) for reading in _combined(*instant, phases, place)])


def _by_instant(entries: Iterable[tuple[datetime, _Samples]]) -> list[tuple[datetime, _Samples]]:
    """Return entries of one instant as one, unless they repeat a value."""
    instants: list[tuple[datetime, _Samples]] = []
    newest: dict[datetime, _Samples] = {}
    for sampled_at, samples in entries:
        before = newest.get(sampled_at)
        if before is not None and before.keys().isdisjoint(samples):
            before.update(samples)
        else:
            newest[sampled_at] = samples
            instants.append((sampled_at, samples))
    return instants


def _decoded(sent: Iterable[MeterSample], energy_unit: str) -> _Samples:
    """Return the samples that are kept: of a number that is repeated the first, of signed data all."""
    samples: _Samples = {}
    for sample in sent:
        measurand = sample.measurand or ENERGY_REGISTER
        if sample.format == SIGNED:
            samples.setdefault((sample.context, SIGNED, "", ""), []).append(sample.value)
            continue
        if measurand in NOT_KEPT:
            continue
        unit = energy_unit if energy_unit and measurand in ENERGIES else sample.unit
        measurand, factor = SPELLINGS.get((measurand, unit)) or known(measurand, unit)
        if factor is None and measurand not in ENERGIES:
            continue
        number = None if factor is None else number_of(sample.value, factor, measurand, unit)
        if number is None:
            if measurand in ENERGIES and _spelled(sample.location) not in _ELSEWHERE:
                samples[_UNREADABLE] = True
        elif measurand != SOC or 0 <= number <= 100:
            samples.setdefault((sample.context, measurand, sample.phase, sample.location), number)
    return samples


def _combined(sampled_at: datetime, samples: _Samples, phases: PhaseMemory | None, place: object) -> list[Reading]:
    """Return an instant's readings: the transaction's begin, all other contexts as one, and the transaction's end."""
    values = {}
    context = next(iter(samples))[0]
    for (of_context, measurand, phase, location), value in samples.items():
        if phase or of_context != context or (location not in _OUTLET and (location != EV or measurand != SOC)):
            break
        values[measurand] = value
    if len(values) == len(samples) and context in _CONTEXTS:  # nearly always: only their measurands differ
        return [_reading(sampled_at, context, values)]
    samples = _all_spelled(samples)
    if samples.pop(_UNREADABLE, False):
        return [*(_combined(sampled_at, samples, phases, place) if samples else ()), Reading(sampled_at)]
    memory = phases or PhaseMemory()

    def total(context: str, measurand: str, by_phase: dict[str, Number]) -> Number | None:
        return memory.total((place, context, measurand), sampled_at, by_phase)

    found = [
        (context, values)
        for context, of_context in _by_context(samples)
        if (values := _values(of_context, partial(total, context)))
    ]
    begin = [of_context for of_context in found if of_context[0] == BEGIN]
    end = [of_context for of_context in found if of_context[0] == END]
    rest = [of_context for of_context in found if of_context[0] not in (BEGIN, END)]
    rest.sort(key=lambda of_context: of_context[0] != PERIODIC)
    return [reading for group in (begin, rest, end) for reading in _merged_contexts(sampled_at, group)]


def _all_spelled(samples: _Samples) -> _Samples:
    """Return samples with their contexts and locations as OCPP spells them; of a number that is repeated the first."""
    spelled: _Samples = {}
    for (context, measurand, phase, location), value in samples.items():
        spelled.setdefault((_spelled(context), measurand, phase, _spelled(location)), value)
    return spelled


def _spelled(name: str) -> str:
    """Return a context or a location as OCPP spells it: chargers write `outlet` or `TRANSACTION_BEGIN`, too."""
    return name if name in _NAMES else _SPELLED.get(letters(name), name)


def _by_context(samples: _Samples) -> Iterable[tuple[str, _OfContext]]:
    """Return the samples of each context.

    Those without one are of the only context that is named, unless they repeat one of its values, or else of the
    default (OCPP 1.6 §7.44).
    """
    contexts: dict[str, _OfContext] = {}
    for (context, *key), value in samples.items():
        contexts.setdefault(context, {})[key[0], key[1], key[2]] = value
    unnamed = contexts.pop("", {})
    if unnamed:
        context = next(iter(contexts)) if len(contexts) == 1 else PERIODIC
        if not unnamed.keys().isdisjoint(contexts.get(context, ())):
            context = PERIODIC
        contexts[context] = unnamed | contexts.get(context, {})
    return contexts.items()


def _values(samples: _OfContext, total: Callable[..., Any]) -> dict[str, Any]:
    """Return the value of each measurand that has one."""
    values = {measurand: _value(measurand, samples, total) for measurand in {measurand for measurand, _, _ in samples}}
    return {measurand: value for measurand, value in values.items() if value is not None}


def _value(measurand: str, samples: _OfContext, total: Callable[..., Any]) -> Any:
    """Return a measurand's total, or the sum of its phases, at the first location that has either."""
    for locations in _LOCATIONS.get(measurand, _OF_THE_METER):
        by_phase: dict[str, Any] = {}
        for location in locations:
            for (of, phase, at), value in samples.items():
                if of == measurand and at == location:
                    by_phase.setdefault(phase, value)
        value = by_phase[""] if "" in by_phase else total(measurand, by_phase) if by_phase else None
        if value is not None:
            return value
    return None


def _merged_contexts(sampled_at: datetime, found: list[tuple[str, dict[str, Any]]]) -> Iterator[Reading]:
    """Yield a reading with each value of the first context that has it, and further intervals, since none are added."""
    if not found:
        return
    (first, values), *others = found
    for _, more in others:
        values = {name: value for name, value in more.items() if name != INTERVAL} | values
    signed_data = [text for _, more in found for text in more.get(SIGNED, ())]
    yield _reading(sampled_at, first, values | {SIGNED: signed_data})
    for context, more in others:
        if INTERVAL in more:
            yield _reading(sampled_at, context, {INTERVAL: more[INTERVAL]})


def _reading(sampled_at: datetime, context: str, values: dict[str, Any]) -> Reading:
    get = values.get
    numbers = _whole(get(ENERGY_REGISTER)), _whole(get(POWER)), _whole(get(SOC)), _whole(get(INTERVAL))
    signed_data = "\n".join(values[SIGNED]) if SIGNED in values else ""
    return Reading(sampled_at, context or PERIODIC, *numbers, signed_data)


def _whole(value: Number | None) -> int | None:
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_EVEN)) if isinstance(value, Decimal) else value
