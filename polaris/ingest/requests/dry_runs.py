"""Dry runs of commands: the bridge that holds the charger encodes the command and sends nothing.

Only that bridge knows the charger's version of OCPP, and what it would refuse. A dry run is a command's row in states
of its own; `Commands.send_dry_run` makes it one to be sent.
"""

from __future__ import annotations

from datetime import datetime

from polaris.domain.commands import lifecycle
from polaris.domain.commands.lifecycle import CommandLimits
from polaris.domain.enums import CommandState
from polaris.domain.redaction import REDACTED
from polaris.ingest.requests import ClaimedCommand, CommandResult, command_rows
from polaris.ingest.sanitize import fit
from polaris.models import Command
from polaris.pubsub import ChangeNotification

MAX_FRAME_LENGTH = 65_536  # characters


class DryRuns:
    """The dry runs of all commands, for bridges. Each method runs in the caller's transaction."""

    def __init__(self, limits: CommandLimits) -> None:
        self._limits = limits

    def claim(
        self, notifications: list[ChangeNotification], row_id: int, charger_id: int, connection_id: str, now: datetime
    ) -> ClaimedCommand | None:
        """Return the command to encode for its charger's newest connection. A new key is not made."""
        row = command_rows.for_connection(row_id, charger_id, connection_id)
        if row is None or row.state != CommandState.DRAFTED or now >= row.deadline_at:
            return None
        charger = row.charger
        where = {"connection_id": connection_id, "bridge_id": charger.bridge_id, "protocol": charger.protocol}
        Command.update(**where).where(Command.id == row_id).execute()
        return command_rows.claimed(row, REDACTED)

    def record(
        self, notifications: list[ChangeNotification], row_id: int, result: CommandResult, now: datetime
    ) -> CommandState | None:
        """Record the frame of a dry run, or why there is none; return its new state, or None if nothing changed."""
        row = command_rows.for_change(row_id)
        if row is None or row.state != CommandState.DRAFTED:
            return None
        after = lifecycle.advance(row.values(), result.event, now, self._limits)
        if after is None:
            return None
        command_rows.save(notifications, row, after)
        values = {"status": fit(result.status), "frame": fit(result.frame, MAX_FRAME_LENGTH)}
        Command.update(**values).where(Command.id == row_id).execute()
        return after.state
