"""The queries about the limits of sessions: for their pages, and for the form of a driver's own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import NamedTuple

from msgspec import Struct

from polaris.domain import filters, zones
from polaris.domain.limit import Limit, LimitKind
from polaris.domain.tariff import Money
from polaris.models import ChargingSession, RowQuery, SessionLimit, blocking
from polaris.web.sessions import limit
from polaris.web.sessions.limit import LimitView
from polaris.web.sessions.rows import SessionRecord


class Limited(Struct, frozen=True):
    """A driver's own session, as far as the form for its limit shows it."""

    number: int
    zone: tzinfo
    time_zone: str
    currency: str
    kinds: tuple[LimitKind, ...]
    has_card: bool
    limit: Limit | None  # that it can still reach


class LimitRecord(NamedTuple):
    id: int
    kind: str
    value: int
    reached_at: datetime | None
    was_offline: bool


_LIMITS = RowQuery(LimitRecord, SessionLimit, "SELECT {columns} FROM session_limit WHERE id IN ({marks})")


def records(sessions: Sequence[SessionRecord]) -> dict[int, LimitRecord]:
    """Read the limits of those sessions that have one, by their ids. The caller has a database connection."""
    ids = [session.limit_id for session in sessions if session.limit_id is not None]
    return {row.id: row for row in _LIMITS.rows(ids) if row.kind != LimitKind.NONE} if ids else {}


def view(session: SessionRecord, row: LimitRecord | None, cost: Money | None, now: datetime) -> LimitView | None:
    """Make a session's limit of its row, with what the session has come to."""
    if row is None:
        return None
    limit_ = Limit(LimitKind(row.kind), row.value)
    return LimitView(
        limit_,
        session.currency or "",
        session.energy_wh,
        cost,
        session.soc_percent,
        row.reached_at,
        row.was_offline,
        is_over=row.reached_at is None and session.is_active and limit_.at is not None and limit_.at <= now,
    )


@blocking
def own(number: str, account_id: int) -> Limited | None:
    """Read a driver's own session; None for anyone else's, which is as if it were not there."""
    is_own = (ChargingSession.number == (filters.number(number) or 0)) & (ChargingSession.account == account_id)
    session = ChargingSession.select().where(is_own).first()
    if session is None:
        return None
    row = SessionLimit.get_or_none(SessionLimit.id == session.limit_id)
    is_open = row is not None and row.reached_at is None and row.kind != LimitKind.NONE
    return Limited(
        session.number,
        zones.zone(session.site.time_zone),
        session.site.time_zone,
        session.tariff.currency if session.tariff else "",
        limit.kinds(has_price=session.tariff_id is not None, has_soc=session.soc_percent is not None),
        session.card_id is not None,
        row.to_domain() if row is not None and is_open else None,
    )
