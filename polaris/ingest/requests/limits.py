"""Limits as rows: set by a session's driver, weighed with each reading and by the clock, reached once.

A limit is reached in the transaction of the reading that says so, with its request to stop. Whoever comes first sends
that: the bridge that is notified, or the one whose turn it is (`due`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from polaris import pubsub
from polaris.domain import limit as limits
from polaris.domain import stop_request, tariff
from polaris.domain.enums import SessionState
from polaris.domain.limit import Flow, Limit, LimitKind, SoFar
from polaris.ingest.outcomes import SentLimit
from polaris.ingest.requests import stops
from polaris.models import (
    EFFECTIVE_WH,
    Bulk,
    ChargingSession,
    RowQuery,
    SessionLimit,
    StopRequest,
)
from polaris.pubsub import ChangeNotification, RequestKind

KNOWS_LIMITS = "ocpp2.1"  # chargers of this version keep a limit themselves (use case E16)


class _OpenLimit(NamedTuple):
    """A limit that can still be reached, with the columns of its session by which it is weighed."""

    id: int
    kind: str
    value: int
    is_told: bool
    number: int
    started_at: datetime
    last_heard_at: datetime
    energy_wh: int | None
    power_w: int | None
    soc_percent: int | None
    protocol: str

    @property
    def limit(self) -> Limit:
        return Limit(LimitKind(self.kind), self.value)

    @property
    def so_far(self) -> SoFar:
        return SoFar(self.energy_wh, None, self.soc_percent)

    def is_plain(self, now: datetime) -> bool:
        """Whether it is not reached, needs no price to know that, and nobody has to be told of it."""
        is_untold = not self.is_told and self.protocol == KNOWS_LIMITS
        return not (self.kind == LimitKind.MONEY or is_untold or limits.is_reached(self.limit, self.so_far, now))


_OPEN = RowQuery(
    _OpenLimit,
    SessionLimit,
    "SELECT {columns} FROM session_limit"
    " JOIN charging_session ON charging_session.limit_id = session_limit.id"
    " JOIN charger ON charger.id = charging_session.charger_id"
    " WHERE session_limit.reached_at IS NULL AND charging_session.state = 'active'"
    " AND charging_session.number IN ({marks}) ORDER BY charging_session.number",
    number=ChargingSession.number,
    started_at=ChargingSession.started_at,
    last_heard_at=ChargingSession.last_heard_at,
    energy_wh=EFFECTIVE_WH,
    power_w=ChargingSession.power_w,
    soc_percent=ChargingSession.soc_percent,
    protocol="COALESCE(charger.protocol, '')",
)
_LOOKS = Bulk.update(SessionLimit, "look_at")


def weigh(
    notifications: list[ChangeNotification], session: ChargingSession, now: datetime, at: datetime | None = None
) -> None:
    """Weigh the limit of a session, whose row is locked, against what is known of it now.

    `at` is the instant of the reading that told of it, by the charger's clock.
    """
    row = reachable(session)
    if row is None:
        return
    if session.state != SessionState.ACTIVE:
        SessionLimit.update(look_at=None).where(SessionLimit.id == row.id).execute()
        return
    limit = row.to_domain()
    so_far = so_far_of(session, limit.kind, now)
    if limits.is_reached(limit, so_far, now):
        if not is_being_stopped(session):
            _reach(notifications, session, row, limit.at or at or now, now)
            return
        look_at: datetime | None = now + limits.LOOK_INTERVAL  # that stop may fail
    else:
        prices = session.tariff.prices() if limit.kind is LimitKind.MONEY and session.tariff else None
        look_at = limits.look_at(limit, so_far, _flow(session, now), prices, now)
    SessionLimit.update(look_at=look_at).where(SessionLimit.id == row.id).execute()


def weigh_all(notifications: list[ChangeNotification], numbers: Sequence[int], now: datetime) -> dict[int, SentLimit]:
    """Weigh the limits of sessions that have new readings, whose rows the caller's transaction holds.

    Return the limits that their chargers have to be told with the answers, by charger. Most are below their limits:
    they are weighed in two statements.
    """
    told: dict[int, SentLimit] = {}
    looks = []
    for row in _OPEN.rows(numbers):
        if not row.is_plain(now):
            session = ChargingSession.get_by_id(row.number)
            weigh(notifications, session, now, session.last_reading_at)
            limit = tell(session)
            told |= {} if limit is None else {session.charger_id: limit}
        else:
            look_at = limits.look_at(row.limit, row.so_far, _flow(row, now), None, now)
            looks.append({"look_at": look_at, "id": row.id})
    _LOOKS.execute(looks)
    return told


def tell(session: ChargingSession) -> SentLimit | None:
    """Return the limit that the answer to a session's charger has to carry, once for each change; None for none."""
    row = reachable(session)
    if row is None or row.is_told or session.charger.protocol != KNOWS_LIMITS:
        return None
    if row.kind == LimitKind.NONE:
        forget(session, row)
        return SentLimit(LimitKind.NONE, 0)
    SessionLimit.update(is_told=True).where(SessionLimit.id == row.id).execute()
    limit = row.to_domain()
    if limit.at is None:
        return SentLimit(limit.kind, limit.value)
    return SentLimit(limit.kind, max(1, -int(-(limit.at - session.started_at).total_seconds() // 1)))


def reachable(session: ChargingSession) -> SessionLimit | None:
    """Return the limit that a session can still reach."""
    if session.limit_id is None:
        return None
    row = SessionLimit.get_or_none(SessionLimit.id == session.limit_id)
    return None if row is None or row.reached_at is not None else row


def forget(session: ChargingSession, row: SessionLimit) -> None:
    ChargingSession.update(limit_id=None).where(ChargingSession.number == session.number).execute()
    SessionLimit.delete().where(SessionLimit.id == row.id).execute()


def so_far_of(session: ChargingSession, kind: LimitKind, now: datetime) -> SoFar:
    if kind is not LimitKind.MONEY:
        return SoFar(session.effective_wh, None, session.soc_percent)
    prices = session.tariff.prices() if session.tariff else None
    cost = tariff.estimate(prices, session.usage(now), is_idle_refusal=session.is_idle_refusal)
    return SoFar(session.effective_wh, cost, session.soc_percent)


def _flow(session: ChargingSession | _OpenLimit, now: datetime) -> Flow:
    """Return the power that flows, by the charger, else on average so far."""
    if session.power_w is not None:
        return Flow(session.power_w, session.last_heard_at)
    seconds = (now - session.started_at).total_seconds()
    return Flow((session.energy_wh or 0) * 3600 / seconds if seconds > 0 else 0.0, session.last_heard_at)


def is_being_stopped(session: ChargingSession) -> bool:
    """Whether a request to stop is open, of which a session has one at most; a sweep ends one that has run out."""
    is_open = StopRequest.state.in_(stop_request.OPEN)
    return bool(StopRequest.select().where(StopRequest.session == session, is_open).exists())


def _reach(
    notifications: list[ChangeNotification],
    session: ChargingSession,
    row: SessionLimit,
    reached_at: datetime,
    now: datetime,
) -> None:
    """Note that a limit is reached, and make the request to stop at it, of which there is one at most."""
    charger = session.charger
    was_offline = charger.connected_at is not None and charger.connected_at > reached_at
    SessionLimit.update(reached_at=reached_at, was_offline=was_offline, look_at=None).where(
        SessionLimit.id == row.id
    ).execute()
    values = stop_request.begin_at_limit(now)
    request = StopRequest.create(
        session=session,
        account=session.account_id,
        limit=row.id,
        state=values.state,
        requested_at=now,
        deadline_at=values.deadline_at,
        decided_at=now,
    )
    stops.show(notifications, session)
    notifications.append(pubsub.requested(RequestKind.STOP, request.id, charger.identity))
