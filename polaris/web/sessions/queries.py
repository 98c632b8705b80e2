"""The queries of the session pages: from stored rows to their view objects. Nothing is written.

The first rendering of a page, every push and every reconnect read through here, so that they cannot differ.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from polaris.domain import filters, tariff
from polaris.domain.behaviour import Cable
from polaris.domain.data_quality import Note
from polaris.domain.enums import ConnectorStatus, Correction, Role, SessionState
from polaris.domain.limit import Limit, LimitKind
from polaris.domain.limits import UNPLUG_WITHIN
from polaris.domain.stop_request import StoppedBy, StopProgress
from polaris.domain.tariff import Money
from polaris.domain.usage import Usage
from polaris.ingest import behaviour
from polaris.models import ChargingSession, blocking
from polaris.web.sessions import limit_queries, rows, stop, stop_queries, view
from polaris.web.sessions.kept import Readings
from polaris.web.sessions.limit_queries import LimitRecord
from polaris.web.sessions.price import PriceNow, price_now
from polaris.web.sessions.price import changes_at as price_changes_at
from polaris.web.sessions.readings import shown
from polaris.web.sessions.receipt import receipt
from polaris.web.sessions.rows import SessionRecord
from polaris.web.sessions.signatures import signatures
from polaris.web.sessions.stop import Stop, StopPhase
from polaris.web.sessions.view import EnergyChange, RunningSession, SessionRow, SessionView, Signed

LIST_ROWS = 20
MAX_RUNNING = 50  # of one charger, whose connectors are bounded by nothing else
NOTHING_KEPT: Mapping[int, Readings] = {}
MAX_CORRECTIONS = 20  # of one session: without it, a charger that repeats late readings could fill its page


class _Beside(NamedTuple):
    """The rest of what a session's page shows, from other tables than its row."""

    readings: Readings
    requests: Sequence[StopProgress]
    stopped_by: StoppedBy | None
    notes: Sequence[Note]
    corrections: Sequence[EnergyChange]
    signatures: Sequence[Signed]
    cable: Cable | None  # None if it is not plugged in
    usual_s: int | None  # for an accepted stop to end a session of its charger
    limit: LimitRecord | None


def parse_number(text: str) -> int | None:
    """Parse a session number in a URL; return None for anything else."""
    return filters.number(text)


@blocking
def visible(number: int, account_id: int, role: Role) -> int | None:
    """Return the id of a session's charger, if the session exists and may be seen.

    It may be by the driver whose card started it, and by operators.
    """
    columns = (ChargingSession.account, ChargingSession.charger)
    session = ChargingSession.select(*columns).where(ChargingSession.number == number).first()
    may_see = session is not None and (role is Role.OPERATOR or session.account_id == account_id)
    return session.charger_id if may_see else None


def session_view(number: int, now: datetime, stale_after: timedelta) -> SessionView | None:
    """Read everything that a session's page shows at `now`; return None if there is no such session."""
    return session_views((number,), now, stale_after).get(number)


@blocking
def session_views(
    numbers: Iterable[int], now: datetime, stale_after: timedelta, kept: Mapping[int, Readings] = NOTHING_KEPT
) -> dict[int, SessionView]:
    """Read the same for those of many sessions that exist, in a few queries altogether.

    Of the readings that are kept of running sessions, only the newer ones are read.
    """
    sessions = rows.of_numbers(list(numbers))
    active = [session.number for session in sessions if session.is_active]
    requests, notes, readings = (
        stop_queries.requests_of(active),
        _notes(sessions),
        shown([session.number for session in sessions], {number: kept[number] for number in active if number in kept}),
    )
    ended = [session.number for session in sessions if not session.is_active]
    corrections, signed = _corrections(ended), signatures(ended)
    stopped_by, cables = stop_queries.stopped_by(sessions), _cables(sessions, now)
    usual_s, limits = stop_queries.usual_s(sessions, requests, now), limit_queries.records(sessions)
    views = {}
    for session in sessions:
        number = session.number
        beside = _Beside(
            readings[number],
            requests.get(number, ()),
            stopped_by.get(number),
            notes.get(number, ()),
            corrections.get(number, ()),
            signed.get(number, ()),
            cables.get(number),
            usual_s.get(number),
            limits.get(session.limit_id or 0),
        )
        views[number] = _view(session, beside, now, stale_after)
    return views


@blocking
def session_list(account_id: int | None, now: datetime, *, before: int | None = None) -> list[SessionRow]:
    """Read a page of a driver's sessions, or of all: the newest first, and one more than fits if there are more."""
    query = rows.query().order_by(ChargingSession.number.desc()).limit(LIST_ROWS + 1)
    if account_id is not None:
        query = query.where(ChargingSession.account == account_id)
    if before is not None:
        query = query.where(ChargingSession.number < before)
    return [_row(session, now) for session in rows.of_query(query)]


@blocking
def session_rows(account_id: int | None, numbers: Iterable[int], now: datetime) -> list[SessionRow]:
    """Read those of these sessions that are the driver's; of all with None. Anyone may have named the numbers."""
    sessions = rows.of_numbers(list(numbers))
    return [_row(session, now) for session in sessions if account_id in (None, session.account_id)]


def running_sessions(is_wanted: Any, now: datetime) -> tuple[RunningSession, ...]:
    """Read the active sessions that meet a condition, by connector. The caller has a database connection."""
    query = (
        rows.query()
        .where(is_wanted, ChargingSession.state == SessionState.ACTIVE)
        .order_by(ChargingSession.connector, ChargingSession.number)
    )
    sessions = rows.of_query(query.limit(MAX_RUNNING))
    requests = stop_queries.requests_of([session.number for session in sessions])
    usual_s, limits = stop_queries.usual_s(sessions, requests, now), limit_queries.records(sessions)
    return tuple(
        _running(
            session,
            requests.get(session.number, ()),
            usual_s.get(session.number),
            limits.get(session.limit_id or 0),
            now,
        )
        for session in sessions
    )


def past_sessions(charger_id: int, now: datetime, *, before: int | None) -> list[SessionRow]:
    """Read a page of a charger's ended sessions: the newest first, and one more than fits if there are more.

    The caller has a database connection.
    """
    query = rows.query().where(ChargingSession.charger == charger_id, ChargingSession.state != SessionState.ACTIVE)
    if before is not None:
        query = query.where(ChargingSession.number < before)
    newest_first = query.order_by(ChargingSession.number.desc()).limit(LIST_ROWS + 1)
    return [_row(session, now) for session in rows.of_query(newest_first)]


def _view(session: SessionRecord, beside: _Beside, now: datetime, stale_after: timedelta) -> SessionView:
    """Make a session's page of its row, what follows from that at `now`, and what was read beside it.

    A stop's progress is of active sessions.
    """
    usage, silence = session.usage(now), now - session.last_heard_at
    elapsed_s, price, cost = usage.duration_s, _price(session, usage), _cost(session, usage)
    return SessionView(
        number=session.number,
        revision=session.revision,
        state=SessionState(session.state),
        charger_name=session.charger_name,
        charger_identity=session.charger_identity,
        connector=session.connector,
        started_at=session.started_at,
        ended_at=session.ended_at,
        elapsed_s=elapsed_s,
        energy_wh=session.energy_wh,
        charger_wh=session.charger_wh,
        power_w=session.power_w,
        average_power_w=view.average_power_w(session.energy_wh, elapsed_s),
        soc_percent=session.soc_percent,
        cost=cost,
        stop_reason=session.stop_reason,
        stopped_by=beside.stopped_by,
        paused_by=view.paused_by(session.connector_status),
        is_awaiting_end=session.is_awaiting_end,
        is_online=session.is_online(now),
        is_stale=session.is_active and silence >= stale_after,
        last_reading_at=session.last_reading_at,
        silent_s=int(silence.total_seconds()),
        stop=_stop(session, beside.requests, beside.usual_s, now) if session.is_active else Stop(StopPhase.READY),
        readings=beside.readings,
        changes_at=_changes_at(session, beside, stale_after, price, now),
        notes=tuple(beside.notes),
        corrections=tuple(beside.corrections),
        refusal=session.refusal,
        is_idle_refusal=session.is_idle_refusal,
        signatures=tuple(beside.signatures),
        is_plugged_in=beside.cable is not None,
        price=price,
        receipt=None if session.is_active else receipt(session.prices, usage, cost),
        cable=beside.cable or Cable.UNKNOWN,
        limit=limit_queries.view(session, beside.limit, cost, now),
    )


def _row(session: SessionRecord, now: datetime) -> SessionRow:
    usage = session.usage(now)
    return SessionRow(
        number=session.number,
        revision=session.revision,
        state=SessionState(session.state),
        charger_name=session.charger_name,
        started_at=session.started_at,
        ended_at=session.ended_at,
        elapsed_s=usage.duration_s,
        energy_wh=session.energy_wh,
        power_w=session.power_w,
        cost=_cost(session, usage),
        is_online=session.is_online(now),
        driver=session.owner or "",
        is_refused=session.refusal != "",
        is_idle_refusal=session.is_idle_refusal,
    )


def _running(
    session: SessionRecord,
    requests: Sequence[StopProgress],
    usual_s: int | None,
    limit: LimitRecord | None,
    now: datetime,
) -> RunningSession:
    row, changes_at = _row(session, now), stop.changes_at(requests, now, usual_s)
    shown = limit_queries.view(session, limit, row.cost, now)
    return RunningSession(row, session.connector, _stop(session, requests, usual_s, now), changes_at, shown)


def _cost(session: SessionRecord, usage: Usage) -> Money | None:
    return tariff.estimate(session.prices, usage, is_idle_refusal=session.is_idle_refusal)


def _price(session: SessionRecord, usage: Usage) -> PriceNow | None:
    return price_now(session.prices, usage) if session.is_active and not session.is_idle_refusal else None


def _changes_at(
    session: SessionRecord, beside: _Beside, stale_after: timedelta, price: PriceNow | None, now: datetime
) -> datetime | None:
    if session.ended_at is not None:
        return session.ended_at + UNPLUG_WITHIN if beside.cable is not None else None
    changes_at = view.changes_at(beside.requests, session.last_heard_at, stale_after, now, usual_s=beside.usual_s)
    price_at = price_changes_at(price, now)
    changes_at = changes_at if price_at is None else min(changes_at, price_at)
    limit_at = None if beside.limit is None else Limit(LimitKind(beside.limit.kind), beside.limit.value).at
    changes_at = changes_at if limit_at is None or limit_at <= now else min(changes_at, limit_at)
    lease_until_at = session.lease_until_at
    return min(changes_at, lease_until_at) if lease_until_at and session.is_online(now) else changes_at


def _stop(session: SessionRecord, requests: Sequence[StopProgress], usual_s: int | None, now: datetime) -> Stop:
    return stop.progress(requests, now, session.connector_status, usual_s)


def _cables(sessions: Sequence[SessionRecord], now: datetime) -> dict[int, Cable]:
    """Read what the chargers do with the cables of sessions that have just ended, as far as they are plugged in."""
    plugged_in = _plugged_in(sessions, now)
    chargers = {session.number: session.charger_id for session in sessions if session.number in plugged_in}
    of_chargers = {charger_id: behaviour.cable(charger_id, now) for charger_id in set(chargers.values())}
    return {number: of_chargers[charger_id] for number, charger_id in chargers.items()}


def _plugged_in(sessions: Sequence[SessionRecord], now: datetime) -> set[int]:
    """Read which sessions have just ended with a cable that is plugged in still, as far as is known."""
    just_ended = {
        session.number
        for session in sessions
        if view.may_be_plugged_in(session.stop_reason, session.ended_at, now, is_idle_refusal=session.is_idle_refusal)
    }
    return just_ended - {row.number for row in rows.UNPLUGGED.rows(list(just_ended), ConnectorStatus.AVAILABLE.value)}


def _notes(sessions: Sequence[SessionRecord]) -> dict[int, list[Note]]:
    """Read the notes on the figures' quality.

    The note on an operator's closing counts until the charger's own end comes; those on a missing start and on
    the operator's figure are not stored.
    """
    kinds: dict[int, set[str]] = defaultdict(set)
    for number, kind in rows.NOTES.rows([session.number for session in sessions]):
        kinds[number].add(kind)
    for session in sessions:
        if session.state != SessionState.ESTIMATED:
            kinds[session.number].discard(Note.CLOSED_BY_OPERATOR)
        if session.is_start_inferred:
            kinds[session.number].add(Note.START_NEVER_CAME)
        if session.is_decided:
            kinds[session.number].add(Note.SET_BY_OPERATOR)
    return {number: [note for note in Note if note in present] for number, present in kinds.items() if present}


def _corrections(numbers: Sequence[int]) -> dict[int, list[EnergyChange]]:
    """Read the newest corrections of each session's energy, newest first."""
    corrections: dict[int, list[EnergyChange]] = defaultdict(list)
    for row in rows.CORRECTIONS.rows(numbers):
        if len(corrections[row.session_id]) < MAX_CORRECTIONS:
            corrections[row.session_id].append(
                EnergyChange(row.at, Correction(row.kind), row.before_wh, row.after_wh, row.why)
            )
    return corrections
