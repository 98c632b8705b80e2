"""Commands as readers take them: what became of each, at the instant of reading, in a sentence."""

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
    """A command as a reader must take it, at the instant that it was read."""

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

    @property
    def is_open(self) -> bool:
        return self.state in lifecycle.OPEN


def status_of(session: ChargingSession) -> str:
    """What the charger, asked about a session, last said: `Ongoing`, `Over`, `Queued`; "" where it was heard since."""
    asked = Command.select().where(Command.session == session, Command.kind == catalog.TRANSACTION_STATUS)
    last = asked.where(Command.state == CommandState.ACCEPTED).order_by(Command.id.desc()).first()
    return "" if last is None or last.answered_at < session.last_heard_at else str(last.status)


def one(command_id: int, now: datetime) -> CommandView | None:
    found = Command.get_or_none(Command.id == command_id)
    return None if found is None else _view(found, now)


def latest(identity: str, now: datetime, most: int) -> list[CommandView]:
    """A charger's commands, the newest first."""
    query = Command.select().join(Charger).where(Charger.identity == identity.replace("\0", ""))
    return [_view(found, now) for found in query.order_by(Command.id.desc()).limit(most)]


def _view(found: Command, now: datetime) -> CommandView:
    state = lifecycle.effective(found.values(), now)
    sentence = outcome_text.sentence(
        state,
        found.status,
        is_sent=found.sent_at is not None,
        is_begun=found.session_id is not None and found.kind == catalog.START,
    )
    return CommandView(
        found.id,
        found.kind,
        json.loads(found.arguments),
        state,
        sentence,
        json.loads(found.answer or "{}"),
        found.requested_by,
        found.requested_at,
        found.sent_at,
        found.answered_at,
        found.session_id,
    )
