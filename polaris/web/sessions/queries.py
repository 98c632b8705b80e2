"""The database as pages see it: rows in, the view objects of `domain.session_page` out. It changes nothing.

The first rendering of a page, every push and every reconnect read through here, so they cannot differ.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from polaris.domain import stop_request, tariff
from polaris.domain.data_quality import Note
from polaris.domain.enums import Role, SessionState
from polaris.domain.limits import MAX_INT32
from polaris.domain.tariff import Money
from polaris.models import (
    ChargingSession,
    Prepared,
    SessionNote,
    StopRequest,
    blocking,
)
from polaris.web.sessions import rows, view
from polaris.web.sessions.readings import TIMELINE, newest, shown
from polaris.web.sessions.rows import Stored
from polaris.web.sessions.view import Point, RunningSession, SessionRow, SessionView, Stop, StopPhase

LIST = 20
RUNNING = 50  # of one charger
REQUESTS = 5  # enough to count failures in a row


def number(text: str) -> int | None:
    """A session's number as it stands in a URL; None for anything else."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        return None
    return int(text) if 0 < int(text) <= MAX_INT32 else None


@blocking
def may_see(number: int, account_id: int, role: Role) -> bool:
    """Only the driver whose card started a session, or an operator, can see it; nobody can see one that is not."""
    if not 0 < number <= MAX_INT32:
        return False
    found = ChargingSession.select(ChargingSession.account).where(ChargingSession.number == number).first()
    return found is not None and (role is Role.OPERATOR or found.account_id == account_id)


def session(number: int, now: datetime, stale_after: timedelta) -> SessionView | None:
    """Everything that a session's page shows at `now`."""
    return session_pages((number,), now, stale_after).get(number)


@blocking
def session_pages(numbers: Iterable[int], now: datetime, stale_after: timedelta) -> dict[int, SessionView]:
    """The same of many sessions, those that there are, in a few queries for all of them."""
    found = rows.of(list(numbers))
    active = [one.number for one in found if one.state == SessionState.ACTIVE]
    all_requests, all_notes, all_readings = _requests(active), _notes(found), shown([one.number for one in found])
    pages = {}
    for one in found:
        points, drawn = all_readings[one.number]
        requests, notes = all_requests.get(one.number, ()), all_notes.get(one.number, ())
        pages[one.number] = _page(one, now, stale_after, requests=requests, notes=notes, points=points, curve=drawn)
    return pages


@blocking
def readings(number: int, limit: int) -> tuple[Point, ...]:
    """A session's readings, newest first."""
    return newest(number, limit)


@blocking
def sessions(account_id: int | None, now: datetime, *, before: int | None = None) -> list[SessionRow]:
    """A driver's sessions, newest first, or, for None, everybody's; one more than fit a page, if there are more."""
    query = rows.query().order_by(ChargingSession.number.desc()).limit(LIST + 1)
    if account_id is not None:
        query = query.where(ChargingSession.account == account_id)
    if before is not None:
        query = query.where(ChargingSession.number < before)
    return [_row(found, now) for found in rows.found(query)]


@blocking
def session_rows(numbers: Iterable[int], now: datetime) -> list[SessionRow]:
    """The rows of these sessions."""
    return [_row(found, now) for found in rows.of(list(numbers))]


def running(charger_id: int, now: datetime) -> tuple[RunningSession, ...]:
    """A charger's sessions that go on, by connector. In a caller that has a connection."""
    is_running = (ChargingSession.charger == charger_id) & (ChargingSession.state == SessionState.ACTIVE)
    query = rows.query().where(is_running).order_by(ChargingSession.connector, ChargingSession.number).limit(RUNNING)
    found = rows.found(query)
    requests = _requests([one.number for one in found])
    return tuple(_running(one, requests.get(one.number, ()), now) for one in found)


def past(charger_id: int, now: datetime, *, before: int | None) -> list[SessionRow]:
    """A charger's sessions that have ended, newest first; one more than fit a page, if there are more.

    In a caller that has a connection.
    """
    query = rows.query().where(ChargingSession.charger == charger_id, ChargingSession.state != SessionState.ACTIVE)
    if before is not None:
        query = query.where(ChargingSession.number < before)
    newest_first = query.order_by(ChargingSession.number.desc()).limit(LIST + 1)
    return [_row(found, now) for found in rows.found(newest_first)]


def _page(
    found: Stored,
    now: datetime,
    stale_after: timedelta,
    *,
    requests: Sequence[stop_request.StopRequest],
    notes: Sequence[Note],
    points: Sequence[Point],
    curve: Sequence[Point],
) -> SessionView:
    is_active = found.state == SessionState.ACTIVE
    elapsed_s = _elapsed_s(found, now)
    return SessionView(
        number=found.number,
        revision=found.revision,
        state=SessionState(found.state),
        charger_name=found.charger_name,
        connector=found.connector,
        started_at=found.started_at,
        ended_at=found.ended_at,
        elapsed_s=elapsed_s,
        energy_wh=found.energy_wh,
        power_w=found.power_w,
        average_power_w=view.average_power_w(found.energy_wh, elapsed_s),
        soc_percent=found.soc_percent,
        cost=_cost(found, elapsed_s),
        stop_reason=found.stop_reason,
        paused_by=view.paused_by(found.connector_status),
        is_awaiting_end=found.is_awaiting_end,
        is_online=found.is_online(now),
        is_stale=is_active and now - found.last_heard_at >= stale_after,
        last_reading_at=found.last_reading_at,
        silent_s=int((now - found.last_heard_at).total_seconds()),
        stop=_stop(found, requests, now) if is_active else Stop(StopPhase.READY),
        timeline=tuple(points[:TIMELINE]),
        has_more_readings=len(points) > TIMELINE,
        curve=tuple(curve),
        changes_at=_changes_at(found, requests, stale_after, now) if is_active else None,
        notes=tuple(notes),
    )


def _row(found: Stored, now: datetime) -> SessionRow:
    elapsed_s = _elapsed_s(found, now)
    return SessionRow(
        number=found.number,
        revision=found.revision,
        state=SessionState(found.state),
        charger_name=found.charger_name,
        started_at=found.started_at,
        ended_at=found.ended_at,
        elapsed_s=elapsed_s,
        energy_wh=found.energy_wh,
        power_w=found.power_w,
        cost=_cost(found, elapsed_s),
        is_online=found.is_online(now),
        driver=found.owner or "",
    )


def _running(found: Stored, requests: Sequence[stop_request.StopRequest], now: datetime) -> RunningSession:
    changes_at = view.stop_changes_at(requests, now)
    return RunningSession(_row(found, now), found.connector, _stop(found, requests, now), changes_at)


def _elapsed_s(found: Stored, now: datetime) -> int:
    return max(0, int(((found.ended_at or now) - found.started_at).total_seconds()))


def _cost(found: Stored, elapsed_s: int) -> Money | None:
    prices = found.prices
    return None if prices is None else tariff.cost(prices, found.energy_wh, elapsed_s)


def _changes_at(
    found: Stored, requests: Sequence[stop_request.StopRequest], stale_after: timedelta, now: datetime
) -> datetime:
    at = view.changes_at(requests, found.last_heard_at, stale_after, now)
    return min(at, found.lease_until_at) if found.lease_until_at and found.is_online(now) else at


def _stop(found: Stored, requests: Sequence[stop_request.StopRequest], now: datetime) -> Stop:
    return view.stop_control(requests, now, found.connector_status)


def _requests(numbers: Sequence[int]) -> dict[int, list[stop_request.StopRequest]]:
    """The newest requests to stop each session, newest first."""
    newest: dict[int, list[stop_request.StopRequest]] = defaultdict(list)
    for request in _REQUESTS.rows(numbers):
        if len(newest[request.session_id]) < REQUESTS:
            newest[request.session_id].append(request.values())
    return newest


_REQUESTS = Prepared(
    lambda numbers: StopRequest.select().where(StopRequest.session.in_(numbers)).order_by(StopRequest.id.desc())
)


def _notes(found: Sequence[Stored]) -> dict[int, list[Note]]:
    """What is to be known of the figures. That an operator closed it is past once the charger's own end has come; that
    its start never came, once it has come after all."""
    kinds: dict[int, set[str]] = defaultdict(set)
    for number, kind in _NOTES.raw([one.number for one in found]):
        kinds[number].add(kind)
    for one in found:
        if one.state != SessionState.ESTIMATED:
            kinds[one.number].discard(Note.CLOSED_BY_OPERATOR)
        if one.is_start_inferred:
            kinds[one.number].add(Note.START_NEVER_CAME)
    return {number: [note for note in Note if note in mine] for number, mine in kinds.items()}


_NOTES = Prepared(
    lambda numbers: (
        SessionNote.select(SessionNote.session, SessionNote.kind).where(SessionNote.session.in_(numbers)).tuples()
    )
)
