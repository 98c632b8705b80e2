"""A search for rows, the newest first, which reads a bounded number of them however many there are.

Of several conditions, the one that the fewest rows meet leads: its index gives the candidates, which are checked for
the others. If even those are too many, the newest `MAX_SCANNED` are checked, and the next page goes on behind them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from peewee import Field, SelectBase, Value, fn

from polaris.domain.limits import MAX_COUNTED
from polaris.models import bounded_count, database, to_microseconds

MAX_SCANNED = 10_000  # candidates of a page; without it, a search for rare rows would read the whole table
LAST_CHARACTER = "\U0010ffff"


class Counted(NamedTuple):
    """How many rows match. With `has_more`, there are or may be more of them."""

    number: int
    has_more: bool


class Found(NamedTuple):
    """A page of keys. `next_key` is of the last row that was looked at, if older ones are left."""

    keys: list[int]
    next_key: int | None


@dataclass(frozen=True, slots=True)
class Prefix:
    """How a text begins, as the value of a condition."""

    text: str

    def begins(self, column: Any) -> Any:
        """Return the condition for a column, as a range: that of its index which is in the order of bytes."""
        by_bytes = column.collate('"C"') if database.obj.for_update else column
        return (by_bytes >= self.text) & (by_bytes < f"{self.text}{LAST_CHARACTER}")


class Condition(NamedTuple):
    """A column and its value, or a query for its values, or a prefix.

    With `is_ordered`, its index is in the search's order.
    """

    column: Field
    value: Any
    is_ordered: bool = False

    def holds(self, column: Any) -> Any:
        if isinstance(self.value, Prefix):
            return self.value.begins(column)
        return column.in_(self.value) if isinstance(self.value, SelectBase) else column == self.value


class _Plan(NamedTuple):
    """The query for all rows that match, and that for the candidates if these are cut off."""

    matching: Any
    cut_off: Any = None

    def last_candidate(self) -> int | None:
        """Return the key of the oldest candidate, if there may be older ones."""
        if self.cut_off is None:
            return None
        row = self.cut_off.offset(MAX_SCANNED - 1).limit(1).tuples().first()
        return None if row is None else row[0]


@dataclass(frozen=True)
class Search:
    """Rows in the order of an instant and, among equal ones, of their key. An index has both columns.

    Conditions that no index knows are `usual` if nearly every row meets them, else `checked`. With `is_void` none is
    found: what was asked for is not understood.
    """

    at: Field
    key: Field
    from_at: datetime | None = None
    until_at: datetime | None = None
    indexed: tuple[Condition, ...] = ()
    usual: tuple[Any, ...] = ()
    checked: tuple[Any, ...] = ()
    is_void: bool = False

    def page(self, limit: int, before: int | None = None) -> Found:
        """Find the newest rows that match, or those older than the row `before`. The caller has a connection."""
        if self.is_void:
            return Found([], None)
        plan = self._plan(before)
        keys = [key for (key,) in self._newest(plan.matching, limit + 1).tuples()]
        return Found(keys[:limit], keys[limit - 1] if len(keys) > limit else plan.last_candidate())

    def count(self) -> Counted:
        """Count the rows that match, as far as they are looked at. The caller has a connection."""
        if self.is_void:
            return Counted(0, has_more=False)
        plan = self._plan()
        number = bounded_count(plan.matching)
        return Counted(min(number, MAX_COUNTED), number > MAX_COUNTED or plan.last_candidate() is not None)

    def _plan(self, before: int | None = None) -> _Plan:
        if not self.checked and len(self.indexed) < 2 and all(condition.is_ordered for condition in self.indexed):
            return _Plan(self._in_order(self.indexed, before))
        leading, is_small = self._leading()
        if leading is not None and is_small:
            return _Plan(self._among(self._all_of(leading), leading, before))
        met = leading if leading is not None and leading.is_ordered else None
        newest = self._newest(self._in_order(() if met is None else (met,), before), MAX_SCANNED)
        return _Plan(self._among(newest, met, before), newest)

    def _leading(self) -> tuple[Condition | None, bool]:
        """Return the condition that the fewest rows meet, and whether these can all be checked."""
        sizes = [bounded_count(self._all_of(condition)) for condition in self.indexed]
        if not sizes:
            return None, False
        return self.indexed[sizes.index(min(sizes))], min(sizes) <= MAX_SCANNED

    def _all_of(self, condition: Condition) -> Any:
        """Return the query for the rows that meet a condition, by its index alone."""
        return self._in_order((condition,)) if condition.is_ordered else self._keys(condition.holds(condition.column))

    def _in_order(self, ordered: tuple[Condition, ...], before: int | None = None) -> Any:
        held = (condition.holds(condition.column) for condition in ordered)
        return self._keys(*held, *self._span(self.at, before), *self.usual)

    def _among(self, candidates: Any, met: Condition | None, before: int | None) -> Any:
        """Return the query for the candidates that meet every other condition."""
        span = self._span(unindexed(self.at), before)
        rest = (each.holds(unindexed(each.column)) for each in self.indexed if each is not met)
        return self._keys(self.key.in_(candidates), *span, *rest, *self.usual, *self.checked)

    def _keys(self, *conditions: Any) -> Any:
        query = self.key.model.select(self.key)
        return query.where(*conditions) if conditions else query

    def _newest(self, query: Any, limit: int) -> Any:
        return query.order_by(self.at.desc(), self.key.desc()).limit(limit)

    def _span(self, at: Any, before: int | None = None) -> tuple[Any, ...]:
        """Return the conditions of the instants that are wanted, and of rows older than another."""
        return tuple(self._bounds(at, before))

    def _bounds(self, at: Any, before: int | None) -> Iterator[Any]:
        if self.from_at is not None:
            yield at >= stored(self.from_at)
        if self.until_at is not None:
            yield at < stored(self.until_at)
        if before is not None:
            its = self.key.model.select(self.at).where(self.key == before)  # in SQL: it may be no instant at all
            yield (at <= its) & ((at < its) | (self.key < before))


def stored(at: datetime) -> Any:
    """Return an instant as the database has it, for comparisons with what is no field."""
    return Value(to_microseconds(at), converter=False)


def unindexed(column: Field) -> Any:
    """Return a column as no index knows it. SQLite would take any index rather than the candidates."""
    return fn.COALESCE(column, column)
