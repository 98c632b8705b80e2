"""Rows of commands: finding one for a change, storing its progress, and its announcement."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from peewee import SQL

from polaris import pubsub
from polaris.domain.commands import catalog, lifecycle
from polaris.domain.commands.catalog import GetTransactionStatus, SetChargingProfile
from polaris.domain.enums import CommandState
from polaris.ingest.requests import ClaimedCommand, PendingRequest
from polaris.models import Charger, ChargingSession, Command, locked
from polaris.pubsub import ChangeNotification, RequestKind

# A literal, not parameters: SQLite uses a partial index only if the statement's text implies the index's condition.
OPEN = SQL("state IN ('drafted', 'requested', 'sent', 'promised')")

CLOCK_SLACK = timedelta(minutes=15)  # by which a charger's clock may be behind ours

_WITH_SECRETS = (CommandState.DRAFTED, CommandState.REQUESTED)  # in their arguments, for the bridge to encode


def for_change(row_id: int) -> Command | None:
    row: Command | None = locked(Command.select().where(Command.id == row_id)).first()
    return row


def is_open(row: Command, now: datetime) -> bool:
    """Return whether a command is still under way at an instant."""
    return lifecycle.effective(row.values(), now) in lifecycle.OPEN


def pending(row: Command) -> PendingRequest:
    kind = RequestKind.DRY_RUN if row.state == CommandState.DRAFTED else RequestKind.COMMAND
    return PendingRequest(kind, row.id, row.charger.identity)


def for_connection(row_id: int, charger_id: int, connection_id: str) -> Command | None:
    """Lock a command that a bridge takes for a connection; None if that is not its charger's newest."""
    row = for_change(row_id)
    is_newest = row is not None and (row.charger_id, row.charger.connection_id) == (charger_id, connection_id)
    return row if is_newest else None


def for_charger(identity: str) -> Charger | None:
    """Lock the charger that a command is requested for: two requests for it come one after the other."""
    charger: Charger | None = locked(Charger.select().where(Charger.identity == identity.replace("\0", ""))).first()
    return charger


def claimed(row: Command, secret: str) -> ClaimedCommand:
    """Return a command as a bridge encodes it."""
    command = row.command
    number = command.session if isinstance(command, GetTransactionStatus | SetChargingProfile) else None
    session = ChargingSession.get_or_none(ChargingSession.number == number) if number else None
    return ClaimedCommand(row.id, command, number, None if session is None else session.transaction_id, secret)


def without_secrets(row: Command) -> str:
    """Return the arguments of a command as they may be kept."""
    return catalog.to_json(catalog.redacted(row.command))


def save(notifications: list[ChangeNotification], row: Command, after: lifecycle.Progress) -> None:
    values: dict[str, Any] = {"state": after.state, "deadline_at": after.deadline_at}
    if row.state in _WITH_SECRETS and after.state is not CommandState.SENT:
        values["arguments"] = without_secrets(row)
    Command.update(**values).where(Command.id == row.id).execute()
    notifications += pubsub.command_changed(row.charger_id, row.id, row.account_id)
