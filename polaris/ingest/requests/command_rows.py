"""Rows of commands: finding one for a change, storing its progress, and its announcement."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from peewee import SQL

from polaris import pubsub
from polaris.domain.commands import catalog, lifecycle
from polaris.domain.enums import CommandState
from polaris.ingest.requests import PendingRequest
from polaris.models import Command, locked
from polaris.pubsub import ChangeNotification, RequestKind

# A literal, not parameters: SQLite uses a partial index only if the statement's text implies the index's condition.
OPEN = SQL("state IN ('requested', 'sent', 'promised')")


def for_change(row_id: int) -> Command | None:
    row: Command | None = locked(Command.select().where(Command.id == row_id)).first()
    return row


def is_open(row: Command, now: datetime) -> bool:
    """Return whether a command is still under way at an instant."""
    return lifecycle.effective(row.values(), now) in lifecycle.OPEN


def pending(row: Command) -> PendingRequest:
    return PendingRequest(RequestKind.COMMAND, row.id, row.charger.identity)


def save(notifications: list[ChangeNotification], row: Command, after: lifecycle.Progress) -> None:
    values: dict[str, Any] = {"state": after.state, "deadline_at": after.deadline_at}
    if row.state == CommandState.REQUESTED and after.state is not CommandState.SENT:
        values["arguments"] = catalog.to_json(catalog.redacted(catalog.from_json(row.kind, row.arguments)))
    Command.update(**values).where(Command.id == row.id).execute()
    notifications += pubsub.command_changed(row.charger_id, row.id)
