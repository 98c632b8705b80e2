"""The verbs on commands to chargers, which `Ingest` has with all its others."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from redis import RedisError

from polaris.config import Config
from polaris.domain.commands.catalog import Command, checked
from polaris.domain.commands.lifecycle import CommandLimits
from polaris.domain.enums import CommandEvent
from polaris.ingest.requests import command_history, commands
from polaris.ingest.requests.command_history import CommandView
from polaris.ingest.requests.commands import ClaimedCommand, CommandRefusal, CommandResult, PendingCommand
from polaris.ingest.unit_of_work import UnitOfWork
from polaris.models import blocking
from polaris.pubsub import Publisher

log = logging.getLogger(__name__)


class CommandVerbs(UnitOfWork):
    """Ask, claim, record, read. A command is sent at once or never."""

    def __init__(self, config: Config, publisher: Publisher) -> None:
        super().__init__(publisher)
        self._command_limits = CommandLimits(
            timedelta(seconds=config.command_answer_s), timedelta(seconds=config.start_begin_s)
        )
        self._key_secrets = config.charger_key_secrets

    def request_command(self, identity: str, wanted: Command, actor: str, now: datetime) -> int | CommandRefusal:
        """Ask a charger for something; return the command's id, by which it is followed, or why it was not asked for.

        Raises `command_kinds.Invalid` for arguments out of bounds. It is sent at once or never.
        """
        result = self._commit(commands.request, identity, checked(wanted), now, self._command_limits, actor=actor)
        if isinstance(result, CommandRefusal):
            return result
        self._send_command(result, now)
        return result.command_id

    @blocking
    def command(self, command_id: int, now: datetime) -> CommandView | None:
        """A command and what became of it so far."""
        return command_history.one(command_id, now)

    @blocking
    def latest_commands(self, identity: str, now: datetime, most: int = 20) -> list[CommandView]:
        """A charger's commands, the newest first."""
        return command_history.latest(identity, now, most)

    def claim_command(
        self, command_id: int, charger_id: int, connection_id: str, now: datetime
    ) -> ClaimedCommand | None:
        """Take a command for sending, as `claim_stop` does a stop."""
        return self._commit(
            commands.claim,
            command_id,
            charger_id,
            now,
            self._command_limits,
            connection_id=connection_id,
            key_secrets=self._key_secrets,
        )

    def record_command(self, command_id: int, result: CommandResult, now: datetime) -> None:
        """Record what became of a command. What comes too late to matter changes nothing."""
        self._commit(commands.advance, command_id, result, now, self._command_limits)

    def _sweep_commands(self, now: datetime) -> None:
        for command_id in _overdue(now):
            self.record_command(command_id, CommandResult(CommandEvent.DEADLINE), now)

    def _send_command(self, errand: PendingCommand, now: datetime) -> None:
        try:
            receivers = self._publisher.command(errand.identity, errand.command_id)
        except RedisError as error:
            log.warning("%s: a command could not be sent: %s", errand.identity, error)
            self.record_command(errand.command_id, CommandResult(CommandEvent.BUS_FAILED), now)
        else:
            if receivers == 0:
                self.record_command(errand.command_id, CommandResult(CommandEvent.NO_RECEIVER), now)


@blocking
def _overdue(now: datetime) -> list[int]:
    return commands.overdue(now)
