"""The readings that an old session can do without: what stays draws its curve and is what its total comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from polaris.domain.instants import to_microseconds
from polaris.domain.limits import MAX_CURVE_POINTS
from polaris.domain.reading_rows import ReadingRow


def superfluous(rows: Mapping[int, ReadingRow]) -> frozenset[int]:
    """Return the ids of readings to delete, of a session's in their order.

    The end's own readings stay, and what the meter has signed. Of the counted ones, the first of each of equal parts of
    the time stays, and the last; of those that are not counted, the first and the last for each reason. Once they are
    deleted, none is superfluous: a sweep that was interrupted goes on.
    """
    plain = {id_: row for id_, row in rows.items() if not row.is_final and not row.reading.signed_data}
    kept: set[int] = set()
    for reason in {row.set_aside for row in plain.values() if not row.is_counted}:
        of_reason = [id_ for id_, row in plain.items() if row.set_aside == reason]
        kept |= {of_reason[0], of_reason[-1]}
    counted = {id_: to_microseconds(row.reading.sampled_at) for id_, row in plain.items() if row.is_counted}
    return frozenset(plain.keys() - kept - _even(counted))


def _even(instants: Mapping[int, int]) -> set[int]:
    """Return few enough ids for a curve, evenly in time, the first and the last among them."""
    if not instants:
        return set()
    first_us, last_us = min(instants.values()), max(instants.values())
    return {_last(instants, last_us)} | _firsts(instants.items(), first_us, last_us - first_us + 1)


def _last(instants: Mapping[int, int], last_us: int) -> int:
    return next(id_ for id_ in reversed(list(instants)) if instants[id_] == last_us)


def _firsts(instants: Iterable[tuple[int, int]], first_us: int, span_us: int) -> set[int]:
    """Return the first of each part of the time. With the last reading and the end's, they are all in the curve."""
    parts: dict[int, int] = {}
    for id_, at_us in instants:
        parts.setdefault((at_us - first_us) * (MAX_CURVE_POINTS - 3) // span_us, id_)
    return set(parts.values())
