"""Columns of a session for its prices beside its energy: the energy by each border of them, and since when it idles.

A session whose prices never change has no next border, and its readings cost nothing more. A reading beyond the next
border, or at it, makes the session out again, and so does an end. A car that takes no more is looked at again only if
its energy rises.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from polaris.domain import usage
from polaris.domain.facts import Report
from polaris.domain.price_windows import from_json
from polaris.domain.reading_rows import ReadingRow
from polaris.domain.session import Session
from polaris.ingest.facts import event_store, meter_rows
from polaris.models import ChargingSession, ModelQuery, Tariff, TransactionEvent, to_microseconds

_TARIFF = ModelQuery(
    Tariff,
    "SELECT {columns} FROM tariff WHERE valid_from_at <= {param} AND site_id IN ({marks})"
    " ORDER BY valid_from_at DESC, id DESC LIMIT 1",
)


class Split(NamedTuple):
    """The columns of a session that its prices depend on beside those that the domain decides."""

    border_wh: str = ""
    next_border_at: datetime | None = None
    over_at: datetime | None = None

    def columns(self) -> dict[str, Any]:
        return self._asdict()


def tariff_in_force(site_id: int, at: datetime) -> Tariff | None:
    """Return the tariff in force at a site."""
    return _TARIFF.first(site_id, to_microseconds(at))


def split(session: ChargingSession, values: Session, rows: Sequence[ReadingRow], over: Sequence[datetime]) -> Split:
    """Split a session with these values by the borders of its prices.

    It idles since the first of the instants at which the charger called its charging over and was right.
    """
    points = [(row.reading.sampled_at, row.energy_wh) for row in rows if row.energy_wh is not None]
    over_at = next((at for at in over if not usage.is_resumed(points, at)), None)
    tariff = session.tariff
    schedule = None if tariff is None else from_json(tariff.schedule)
    if schedule is None:
        return Split(over_at=over_at)
    ended_at = values.ended_at
    until_at = max(ended_at or values.last_reading_at or values.started_at, values.started_at)
    points = sorted(point for point in points if point[0] <= until_at)
    if ended_at is not None and values.energy_wh is not None:
        points.append((until_at, values.energy_wh))
    border_wh, next_border_at = usage.split(schedule, values.started_at, points, until_at)
    return Split(usage.to_text(border_wh), next_border_at, over_at)


def is_border_passed(session: Any, at: datetime | None) -> bool:
    """Whether the prices of a session have changed by a reading, or between two readings of one that is split."""
    return session.next_border_at is not None and at is not None and at >= session.next_border_at


def needs_split(session: Any, ended_at: datetime) -> bool:
    """Whether the end of a session may change what its energy was at a border; an end at a border has passed it."""
    return session.border_wh != "" or (session.next_border_at is not None and ended_at >= session.next_border_at)


def may_charge(
    over_at: datetime | None, before_wh: int | None, after_wh: int | None, rows: Sequence[ReadingRow]
) -> bool:
    """Whether a car that took no more may charge again: by the session or by a new reading, energy has come.

    It may have come before.
    """
    if over_at is None:
        return False
    return max(after_wh or 0, *[row.energy_wh or 0 for row in rows], 0) > (before_wh or 0)


def weigh(session: ChargingSession, before_wh: int | None, rows: Sequence[ReadingRow]) -> None:
    """Let a session idle no more if its energy has risen with new readings; the caller stores its columns."""
    if may_charge(session.over_at, before_wh, session.energy_wh, rows):
        session.over_at = over_now(session)


def over_now(session: ChargingSession) -> datetime | None:
    """Return since when a session that idled still does, by its stored readings: they may say that its car charges.

    In OCPP 2.x its charger may have called its charging over once more since then.
    """
    at: datetime = session.over_at
    if not meter_rows.has_risen(session.number, at):
        return at
    if session.transaction_id is None:
        return None
    over = over_since(event_store.in_order(session))
    return next((at for at in over if not meter_rows.has_risen(session.number, at)), None)


def over_since(events: Sequence[TransactionEvent]) -> list[datetime]:
    """Return the instants at which the events of a session (OCPP 2.x), in order, call its charging over for good."""
    found: list[datetime] = []
    previous = ""
    for event in events:
        if event.status in ("", previous) or event.report == Report.ENDED:
            continue
        if event.report != Report.STARTED:
            if usage.over_at(event.status, event.at, None, previous=previous) is not None:
                found.append(event.at)
            elif usage.over_at(event.status, event.at, event.at, previous=previous) is None:
                found.clear()
        previous = event.status
    return found
