"""The queries about the stops of sessions, for their pages. Callers have a database connection."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from polaris.domain import stop_request
from polaris.domain.enums import SessionState
from polaris.domain.stop_request import StoppedBy, StopProgress
from polaris.ingest import behaviour
from polaris.web.sessions import rows, stop
from polaris.web.sessions.rows import SessionRecord

MAX_REQUESTS = 5  # of one session: enough to count failures in a row


def requests_of(numbers: Sequence[int]) -> dict[int, list[StopProgress]]:
    """Read the newest requests to stop each session, newest first."""
    requests: dict[int, list[StopProgress]] = defaultdict(list)
    for row in rows.STOP_REQUESTS.rows(numbers):
        if len(requests[row.session_id]) < MAX_REQUESTS:
            requests[row.session_id].append(row.progress)
    return requests


def usual_s(
    sessions: Sequence[SessionRecord], requests: Mapping[int, Sequence[StopProgress]], now: datetime
) -> dict[int, int | None]:
    """Read within how many seconds the chargers usually end those sessions of which they have accepted a stop."""
    waiting = {
        session.number: session.charger_id
        for session in sessions
        if session.is_active and stop.is_accepted(requests.get(session.number, ()))
    }
    of_chargers = {charger_id: behaviour.usual_end_s(charger_id, now) for charger_id in set(waiting.values())}
    return {number: of_chargers[charger_id] for number, charger_id in waiting.items()}


def stopped_by(sessions: Sequence[SessionRecord]) -> dict[int, StoppedBy]:
    """Read the cause of the stop of each ended session, if it was asked for here, or told to its charger as a limit."""
    ended = {session.number: session for session in sessions if session.state == SessionState.COMPLETED}
    by = {
        session.number: StoppedBy.LIMIT
        for session in ended.values()
        if session.limit_id is not None and stop_request.is_of_limit(session.stop_reason)
    }
    for row in rows.STOP_REQUESTS.rows(list(ended)):
        session = ended[row.session_id]
        if session.ended_at and stop_request.has_ended(row.progress, session.stop_reason, session.ended_at):
            is_owner = row.account_id is not None and row.account_id == session.account_id
            of_person = StoppedBy.DRIVER if is_owner else StoppedBy.OPERATOR
            by.setdefault(session.number, of_person if row.limit_id is None else StoppedBy.LIMIT)
    return by
