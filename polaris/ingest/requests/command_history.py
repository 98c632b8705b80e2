"""Commands with their outcomes in words, as of the instant of reading."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from polaris.domain.commands import catalog, lifecycle, outcome_text
from polaris.domain.enums import CommandState
from polaris.models import Charger, ChargingSession, Command


@dataclass(frozen=True, slots=True)
class CommandView:
    """A command as of the instant that it was read."""

    id: int
    kind: str
    arguments: dict[str, Any]
    state: CommandState
    sentence: str
    answer: dict[str, Any]
    requested_by: str
    requested_at: datetime
    sent_at: datetime | None
    answered_at: datetime | None
    session: int | None
    is_dry_run: bool
    connection_id: str | None
    protocol: str
    frame: str

    @property
    def is_open(self) -> bool:
        return self.state in lifecycle.OPEN


def status_of(session: ChargingSession) -> str:
    """Return the status last asked for: `Ongoing`, `Over` or `Queued`; "" if the session has reported since."""
    requests = Command.select().where(Command.session == session, Command.kind == catalog.TRANSACTION_STATUS)
    last = requests.where(Command.state == CommandState.ACCEPTED).order_by(Command.id.desc()).first()
    return "" if last is None or last.answered_at < session.last_heard_at else str(last.status)


def get(command_id: int, now: datetime) -> CommandView | None:
    row = Command.get_or_none(Command.id == command_id)
    return None if row is None else _view(row, now)


def latest(identity: str, now: datetime, limit: int) -> list[CommandView]:
    """Return a charger's commands, the newest first."""
    query = Command.select().join(Charger).where(Charger.identity == identity.replace("\0", ""))
    return [_view(row, now) for row in query.order_by(Command.id.desc()).limit(limit)]


def _view(row: Command, now: datetime) -> CommandView:
    state = lifecycle.effective(row.values(), now)
    sentence = outcome_text.sentence(
        state,
        row.status,
        is_sent=row.sent_at is not None,
        is_begun=row.session_id is not None and row.kind == catalog.START,
        is_dry_run=row.is_dry_run,
    )
    return CommandView(
        row.id,
        row.kind,
        json.loads(row.arguments),
        state,
        sentence,
        json.loads(row.answer or "{}"),
        row.requested_by,
        row.requested_at,
        row.sent_at,
        row.answered_at,
        row.session_id,
        row.is_dry_run,
        row.connection_id,
        row.protocol,
        row.frame,
    )
