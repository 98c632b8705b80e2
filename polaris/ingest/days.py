"""Sessions by days of their sites: added up once a session has ended, and again whenever anything of it changes.

A session that goes on, or has just changed, is split when somebody looks: a reading stores nothing for it. Whatever
changes an ended session takes its mark `has_days` back, and the bridge adds it up within a second or so. Sessions of
before come by the same way, the newest first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from peewee import fn

from polaris.domain import days, evidence, zones
from polaris.domain.days import Day, DaySum, Sums
from polaris.domain.tariff import Prices
from polaris.domain.usage import Point, Usage, energies_by
from polaris.models import (
    EFFECTIVE_WH,
    Bulk,
    ChargingSession,
    MeterReading,
    RowQuery,
    SessionDay,
    Site,
    locked,
)
from polaris.models.session import usage_of
from polaris.models.tariff import PRICE_COLUMNS
from polaris.pubsub import ChangeNotification

MAX_SESSIONS = 200  # added up in a transaction; on SQLite no other writer gets in meanwhile
MAX_LIVE = 100  # sessions of an account that are split when it is looked at: those of its cards, and the newest changed


class _Session(NamedTuple):
    """A session's columns, as far as its days depend on them."""

    number: int
    account_id: int | None
    revision: int
    state: str
    authorization: str
    id_tag: str
    transaction_id: str | None
    connector_status: str
    power_w: int | None
    started_at: datetime
    ended_at: datetime | None
    energy_wh: int | None
    charger_wh: int | None
    border_wh: str
    over_at: datetime | None
    time_zone: str
    currency: str | None
    per_kwh: Decimal
    per_minute: Decimal
    per_session: Decimal
    tax_percent: Decimal
    idle_per_minute: Decimal
    idle_grace_s: int
    schedule: str

    @property
    def is_idle_refusal(self) -> bool:
        is_idle = evidence.is_idle(self.state, self.connector_status, energy_wh=self.energy_wh, power_w=self.power_w)
        is_refused = evidence.is_refusal(self.authorization, self.id_tag, self.transaction_id)
        return is_refused and self.energy_wh == 0 and is_idle

    def usage(self, now: datetime) -> Usage:
        return usage_of(self, now, energy_wh=self.energy_wh, metered_wh=self.charger_wh)


class _Reading(NamedTuple):
    session_id: int
    sampled_at: datetime
    energy_wh: int


_SQL = (
    "SELECT {columns} FROM charging_session"
    " JOIN site ON site.id = charging_session.site_id"
    " LEFT JOIN tariff ON tariff.id = charging_session.tariff_id"
)
_COLUMNS: dict[str, Any] = {
    "energy_wh": EFFECTIVE_WH,
    "charger_wh": ChargingSession.energy_wh,
    "time_zone": Site.time_zone,
} | PRICE_COLUMNS
# The conditions are those of the indexes.
_ENDED = RowQuery(
    _Session,
    ChargingSession,
    f"{_SQL} WHERE NOT has_days AND state <> 'active' ORDER BY number DESC LIMIT {MAX_SESSIONS}",
    **_COLUMNS,
)
_OF_ACCOUNT = RowQuery(
    _Session,
    ChargingSession,
    f"{_SQL} WHERE NOT has_days AND account_id = {{param}} ORDER BY number DESC LIMIT {MAX_LIVE + 1}",
    **_COLUMNS,
)
_READINGS = RowQuery(
    _Reading,
    MeterReading,
    "SELECT {columns} FROM meter_reading WHERE energy_wh IS NOT NULL AND session_id IN ({marks}) ORDER BY sampled_at",
)
_INSERT = Bulk.insert(SessionDay)

Split = list[tuple[_Session, list[Day]]]


def outdated(now: datetime) -> Split:
    """Split the newest sessions that have ended and have no days, or no longer; store nothing."""
    return _split(_ENDED.rows(None), now)


def store(notifications: list[ChangeNotification], split: Split) -> None:
    """Store the days of those sessions that have not changed since they were loaded, in the caller's transaction."""
    revisions = {session.number: session.revision for session, _ in split}
    columns = (ChargingSession.number, ChargingSession.revision, ChargingSession.has_days)
    query = ChargingSession.select(*columns).where(ChargingSession.number.in_(list(revisions)))
    stored = list(locked(query.order_by(ChargingSession.number)))
    numbers = {row.number for row in stored if row.revision == revisions[row.number] and not row.has_days}
    SessionDay.delete().where(SessionDay.session.in_(numbers)).execute()
    _INSERT.execute(
        {
            "session_id": session.number,
            "account_id": session.account_id,
            "day": part.day.isoformat(),
            "energy_wh": part.energy_wh,
            "currency": _currency(session, part),
            "amount": part.amount,
        }
        for session, parts in split
        for part in parts
        if session.number in numbers and session.account_id is not None
    )
    ChargingSession.update(has_days=True).where(ChargingSession.number.in_(numbers)).execute()


def of_account(account_id: int, from_day: date, now: datetime) -> Sums:
    """Return the days of an account from a day on, its sessions that go on included.

    Those without days are read first: one that gets them meanwhile is counted once all the same.
    """
    live = _OF_ACCOUNT.rows(None, account_id)
    sums: defaultdict[tuple[date, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for day, currency, *values in _stored(account_id, from_day, [session.number for session in live]):
        sums[day, currency] = [int(value or 0) for value in values]
    for session, parts in _split(live[:MAX_LIVE], now):
        for part in parts:
            if part.day >= from_day:
                added = (part.energy_wh or 0, part.amount or 0, int(part.energy_wh is None))
                key = part.day, _currency(session, part)
                sums[key] = [before + more for before, more in zip(sums[key], added, strict=True)]
    return Sums([DaySum(*key, *values) for key, values in sorted(sums.items())], len(live) > MAX_LIVE)


def _stored(account_id: int, from_day: date, but: Sequence[int]) -> Any:
    """Return the sums of the stored days, but for these sessions'."""
    of_account = (SessionDay.account == account_id) & (SessionDay.day >= from_day)
    unknown = fn.COUNT(SessionDay.id) - fn.COUNT(SessionDay.energy_wh)
    query = SessionDay.select(
        SessionDay.day, SessionDay.currency, fn.SUM(SessionDay.energy_wh), fn.SUM(SessionDay.amount), unknown
    )
    if but:
        of_account &= SessionDay.session.not_in(but)
    return query.where(of_account).group_by(SessionDay.day, SessionDay.currency).tuples()


def _currency(session: _Session, part: Day) -> str:
    return "" if part.amount is None or session.currency is None else session.currency


def _split(sessions: Sequence[_Session], now: datetime) -> Split:
    """Split sessions by days; the readings are loaded of those that pass a midnight."""
    usages = [session.usage(now) for session in sessions]
    midnights = {
        session.number: days.midnights(zones.zone(session.time_zone), usage.started_at, usage.until_at)
        for session, usage in zip(sessions, usages, strict=True)
    }
    points: defaultdict[int, list[Point]] = defaultdict(list)
    for number, at, energy_wh in _READINGS.rows([number for number, instants in midnights.items() if instants]):
        points[number].append((at, energy_wh))
    return [
        (session, _days(session, usage, points[session.number], midnights[session.number]))
        for session, usage in zip(sessions, usages, strict=True)
    ]


def _days(session: _Session, usage: Usage, points: Sequence[Point], midnights: Sequence[datetime]) -> list[Day]:
    """Split a session by its points, to which its end adds one."""
    counting = [point for point in points if point[0] <= usage.until_at]
    if session.ended_at is not None and usage.metered_wh is not None:
        counting.append((usage.until_at, usage.metered_wh))
    by_midnight = energies_by(usage.started_at, counting, midnights)
    zone, is_idle_refusal = zones.zone(session.time_zone), session.is_idle_refusal
    return days.split(usage, Prices.of(session), zone, by_midnight, is_idle_refusal=is_idle_refusal)
