"""The derivation of a session's energy: which figures of its meter make it up, step by step, as data.

It is made out from a rebuild, for whoever asks why a figure is what it is. Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import accumulate, groupby, pairwise
from operator import attrgetter

from msgspec import Struct
from msgspec.structs import replace

from polaris.domain.chains import Chain, path
from polaris.domain.enums import SessionState
from polaris.domain.instants import to_microseconds
from polaris.domain.metering import END
from polaris.domain.reading_rows import ReadingRow
from polaris.domain.session import Rebuilt, Session

MAX_CLAIMS = 8  # figures of an energy that is not known: without it, a faulty meter would fill the page


class Basis(StrEnum):
    """The basis of a session's energy."""

    REGISTER = "register"  # one register, from one figure to another
    FROM_ZERO = "from_zero"  # a register that began with the session
    PIECES = "pieces"  # a register that began anew in between
    INTERVALS = "intervals"  # the sum of what flowed from reading to reading
    NOTHING = "nothing"  # no figure has come that counts
    NOT_KNOWN = "not_known"
    KEPT = "kept"  # it was made out before, and the readings that are stored now give another figure


class Source(StrEnum):
    """The origin of a register's figure."""

    START = "start"
    READING = "reading"
    END = "end"
    END_READ = "end_read"  # the register at the end, as the others have it: it was sent in another unit, or from 0
    ZERO = "zero"  # nobody sent it: the register began with the session
    ROLLED = "rolled"  # below 0, by what the register counted until it ran over and began at 0 again


class Figure(Struct, frozen=True):
    """A register at an instant of the charger's clock."""

    wh: int
    at: datetime
    source: Source


class Step(Struct, frozen=True):
    """The energy between two figures of a register."""

    first: Figure
    last: Figure

    @property
    def energy_wh(self) -> int:
        return self.last.wh - self.first.wh


class Intervals(Struct, frozen=True):
    """The readings of a context whose intervals are summed up, in the order in which they count."""

    context: str
    readings: tuple[tuple[datetime, int], ...]

    @property
    def energy_wh(self) -> int:
        return sum(wh for _, wh in self.readings)


class Claim(Struct, frozen=True):
    """A figure of an energy that is not known, with how it differs from the one before and the most that may flow."""

    figure: Figure
    rise_wh: int | None = None
    bound_wh: int = 0

    @property
    def is_fall(self) -> bool:
        return self.rise_wh is not None and self.rise_wh < 0

    @property
    def is_too_much(self) -> bool:
        return self.rise_wh is not None and self.rise_wh > self.bound_wh


class Derivation(Struct, frozen=True):
    """A session's energy, None if it is not known, with the steps or intervals whose sum it is."""

    basis: Basis
    energy_wh: int | None
    steps: tuple[Step, ...] = ()
    intervals: Intervals | None = None
    claims: tuple[Claim, ...] = ()
    stored_wh: int | None = None  # what the readings give now, if the energy is KEPT


def derive(begun: Session, rebuilt: Rebuilt, energy_wh: int | None) -> Derivation:
    """Return the derivation of a session's energy by the charger, as it is stored, from a rebuild of the session."""
    if energy_wh is None:
        return Derivation(Basis.NOT_KNOWN, None, claims=tuple(_claims(begun, rebuilt)))
    total, told = rebuilt.total, rebuilt.told
    is_active = rebuilt.session.state is SessionState.ACTIVE
    for chain in (rebuilt.session.meter.best, told.shown) if is_active else (total.chain,):
        steps = _steps(begun, rebuilt, chain, energy_wh)
        if steps and sum(step.energy_wh for step in steps) == energy_wh:
            return Derivation(_basis(steps), energy_wh, steps)
    intervals = _intervals(rebuilt, energy_wh)
    if intervals is not None:
        return Derivation(Basis.INTERVALS, energy_wh, intervals=intervals)
    if energy_wh == 0:
        return Derivation(Basis.NOTHING, 0)
    return Derivation(Basis.KEPT, energy_wh, stored_wh=rebuilt.session.energy_wh)


def _basis(steps: Sequence[Step]) -> Basis:
    if len(steps) > 1:
        return Basis.PIECES
    return Basis.FROM_ZERO if steps[0].first.source is Source.ZERO else Basis.REGISTER


def _steps(begun: Session, rebuilt: Rebuilt, chain: Chain | None, energy_wh: int) -> tuple[Step, ...]:
    """Return the pieces of a chain, up to the register at the end or to the energy."""
    total = rebuilt.total
    chains = path(chain, rebuilt.told.chains)[::-1]
    if total.end_wh is None:
        chains = [chain for chain in chains if chain.energy_wh <= energy_wh]
    pieces = groupby(chains, key=lambda chain: (chain.before_wh, chain.base_wh))
    steps = [_piece(begun, rebuilt, list(piece)) for _, piece in pieces]
    if total.end_wh is not None and steps and total.end_wh >= steps[-1].last.wh:
        steps[-1] = replace(steps[-1], last=_end(rebuilt, total.end_wh))
    return tuple(steps)


def _piece(begun: Session, rebuilt: Rebuilt, chains: Sequence[Chain]) -> Step:
    first, newest = chains[0], chains[-1]
    last = next(chain for chain in chains if chain.last_wh == newest.last_wh)
    base = _figure(begun, rebuilt, first)
    if first.base_wh != first.last_wh:
        base = Figure(first.base_wh, begun.started_at, Source.ZERO if first.base_wh == 0 else Source.ROLLED)
    return Step(base, _figure(begun, rebuilt, last))


def _figure(begun: Session, rebuilt: Rebuilt, chain: Chain) -> Figure:
    """Return a chain's last figure."""
    if chain.id == 0:
        return Figure(chain.last_wh, begun.started_at, Source.START)
    row, _, _ = rebuilt.told.seen[chain.id - begun.meter.count - 1]
    return Figure(chain.last_wh, row.reading.sampled_at, Source.READING)


def _end(rebuilt: Rebuilt, end_wh: int) -> Figure:
    """Return the register at the end: the end's own, or that of a reading of context Transaction.End."""
    finals = [row for row in rebuilt.rows if row.is_final]
    final = max(finals, key=attrgetter("is_counted"), default=None)
    ends = [row for row in rebuilt.rows if row.reading.register_wh == end_wh and row.reading.context == END]
    if final is not None and (final.reading.register_wh == end_wh or not ends):
        source = Source.END if final.reading.register_wh == end_wh else Source.END_READ
        return Figure(end_wh, final.reading.sampled_at, source)
    return Figure(end_wh, ends[-1].reading.sampled_at, Source.READING)


def _intervals(rebuilt: Rebuilt, energy_wh: int) -> Intervals | None:
    """Return the intervals of a context that sum up to the energy. A running session may show fewer than have come."""
    for sum_ in sorted(rebuilt.session.meter.intervals, key=lambda sum_: sum_.energy_wh, reverse=True):
        readings = [row.reading for row in rebuilt.told.intervals if row.reading.context == sum_.context]
        sums = list(accumulate(reading.interval_wh or 0 for reading in readings))
        if energy_wh in sums:
            counted = readings[: sums.index(energy_wh) + 1]
            return Intervals(sum_.context, tuple((one.sampled_at, one.interval_wh or 0) for one in counted))
    return None


def _claims(begun: Session, rebuilt: Rebuilt) -> Iterable[Claim]:
    """Yield the registers in their order, the first and the last of many."""
    rows = [row for row in rebuilt.rows if row.reading.register_wh is not None]
    if len(rows) > MAX_CLAIMS:
        rows = [*rows[: MAX_CLAIMS // 2], *rows[-MAX_CLAIMS // 2 :]]
    meter = begun.meter
    claimed = [(_row_figure(row), to_microseconds(row.received_at)) for row in rows]
    if meter.start_wh is not None:
        claimed.insert(0, (Figure(meter.start_wh, begun.started_at, Source.START), meter.start_received_us))
    yield from (Claim(figure) for figure, _ in claimed[:1])
    for (before, before_us), (figure, received_us) in pairwise(claimed):
        instants = to_microseconds(before.at), before_us, to_microseconds(figure.at), received_us
        yield Claim(figure, figure.wh - before.wh, meter.bound_wh(*instants))


def _row_figure(row: ReadingRow) -> Figure:
    source = Source.END if row.is_final else Source.READING
    return Figure(row.reading.register_wh or 0, row.reading.sampled_at, source)
