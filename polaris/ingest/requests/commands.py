"""Commands to chargers as rows: requested, claimed by a bridge, answered, fulfilled by a session, swept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from polaris import charger_keys, pubsub
from polaris.audit import record
from polaris.domain.commands import catalog, lifecycle
from polaris.domain.commands.catalog import (
    ChangeKey,
    ChargerCommand,
    GetConfiguration,
    GetTransactionStatus,
    SetChargingProfile,
)
from polaris.domain.commands.lifecycle import CommandLimits
from polaris.domain.enums import CommandState, RequestEvent
from polaris.ingest import settings
from polaris.ingest.facts import evidence, notices
from polaris.ingest.requests import ClaimedCommand, CommandResult, PendingRequest, command_refusals, command_rows
from polaris.ingest.requests.command_refusals import CommandRefusal
from polaris.ingest.sanitize import fit, fit_json
from polaris.models import Charger, ChargingSession, Command, locked
from polaris.pubsub import ChangeNotification

POLARIS = "Polaris"  # the actor of a command that no person requested
MAX_KEPT = 500  # rows per charger; without it the table grows for ever
MAX_ANSWER_LENGTH = 65_536  # characters of JSON

_ANSWERS = frozenset({RequestEvent.ACCEPTED, RequestEvent.REJECTED, RequestEvent.ERROR, RequestEvent.NOT_SENT})


class Commands:
    """The commands to all chargers. Each method runs in the caller's transaction."""

    def __init__(self, limits: CommandLimits, key_secrets: Mapping[int, bytes]) -> None:
        self._limits, self._key_secrets = limits, key_secrets

    def request(
        self,
        notifications: list[ChangeNotification],
        identity: str,
        command: ChargerCommand,
        actor: str,
        now: datetime,
    ) -> PendingRequest | CommandRefusal:
        """Make a command, or return why not."""
        charger = locked(Charger.select().where(Charger.identity == identity.replace("\0", ""))).first()
        if charger is None:
            return CommandRefusal.NOT_FOUND
        refusal = command_refusals.refusal(charger, command, now)
        if refusal is not None:
            return refusal
        kind = catalog.kind(command)
        progress = lifecycle.begin(now, self._limits)
        row = Command.create(
            charger=charger,
            kind=kind,
            arguments=catalog.to_json(command),
            state=progress.state,
            requested_by=fit(actor),
            requested_at=now,
            deadline_at=progress.deadline_at,
            session=command.session if isinstance(command, GetTransactionStatus) else None,
        )
        if actor != POLARIS:
            kept = catalog.to_json(catalog.redacted(command))
            record(actor, "command.requested", identity, now, f"{kind} {kept}")
        _delete_old(charger.id)
        notifications += pubsub.command_changed(charger.id, row.id)
        return command_rows.pending(row)

    def claim(
        self, notifications: list[ChangeNotification], row_id: int, charger_id: int, connection_id: str, now: datetime
    ) -> ClaimedCommand | None:
        """Take a command for sending on its charger's newest connection. Its row holds no secret from here on."""
        row = command_rows.for_change(row_id)
        if row is None or (row.charger_id, row.charger.connection_id) != (charger_id, connection_id):
            return None
        if self._advance(notifications, row, RequestEvent.CLAIMED, now) is None:
            return None
        command = catalog.from_json(row.kind, row.arguments)
        Command.update(
            sent_at=now,
            connection_id=connection_id,
            bridge_id=row.charger.bridge_id,
            arguments=catalog.to_json(catalog.redacted(command)),
        ).where(Command.id == row_id).execute()
        number = command.session if isinstance(command, GetTransactionStatus | SetChargingProfile) else None
        session = ChargingSession.get_or_none(ChargingSession.number == number) if number else None
        transaction_id = None if session is None else session.transaction_id
        secret = self._offer_key(row.charger) if isinstance(command, ChangeKey) else ""
        return ClaimedCommand(row_id, command, number, transaction_id, secret)

    def record(
        self, notifications: list[ChangeNotification], row_id: int, result: CommandResult, now: datetime
    ) -> CommandState | None:
        """Record the outcome of a command; return its new state, or None if nothing changed."""
        row = command_rows.for_change(row_id)
        if row is None:
            return None
        after = self._advance(notifications, row, _event(row, result.event), now)
        is_overtaken = row.state == CommandState.ACCEPTED and row.answered_at is None  # by the session that it promised
        if result.event not in _ANSWERS or (after is None and not is_overtaken):
            return after
        if result.event is RequestEvent.ACCEPTED and row.kind == catalog.GET_CONFIGURATION:
            _keep_settings(row, result.answer, now)
        Command.update(
            answered_at=now,
            status=fit(result.status),
            answer=fit_json(result.answer, MAX_ANSWER_LENGTH) if result.answer else "",
            sent_at=None if result.event is RequestEvent.NOT_SENT else row.sent_at,
        ).where(Command.id == row_id).execute()
        if row.kind == catalog.TRANSACTION_STATUS and row.session_id is not None:
            evidence.weigh_status(notifications, row.session_id, result.status)
        return after

    def overdue(self, now: datetime) -> list[PendingRequest]:
        """Return the open commands whose deadline has passed."""
        query = Command.select().where(command_rows.OPEN, Command.deadline_at <= now).order_by(Command.id)
        return [command_rows.pending(row) for row in query if not command_rows.is_open(row, now)]

    def _advance(
        self, notifications: list[ChangeNotification], row: Command, event: RequestEvent, now: datetime
    ) -> CommandState | None:
        after = lifecycle.advance(row.values(), event, now, self._limits)
        if after is None:
            return None
        command_rows.save(notifications, row, after)
        return after.state

    def _offer_key(self, charger: Charger) -> str:
        """Make a key that the charger may use beside its old one, and return it. Only its hash is stored."""
        key = charger_keys.new()
        key_hash, version = charger_keys.hashed(self._key_secrets, charger.identity, key.encode())
        Charger.update(next_key_hash=key_hash, next_key_version=version).where(Charger.id == charger.id).execute()
        return key


def _event(row: Command, event: RequestEvent) -> RequestEvent:
    """Return PROMISED for an accepted start: it is fulfilled when a session begins."""
    is_promise = row.kind == catalog.START and event is RequestEvent.ACCEPTED
    return RequestEvent.PROMISED if is_promise else event


def _delete_old(charger_id: int) -> None:
    ids = Command.select(Command.id).where(Command.charger == charger_id)
    oldest = ids.order_by(Command.id.desc()).offset(MAX_KEPT).limit(1).scalar()
    if oldest is not None:
        Command.delete().where(Command.charger == charger_id, Command.id <= oldest).execute()


def _keep_settings(row: Command, answer: Mapping[str, object], now: datetime) -> None:
    """Keep a list of all settings whole (OCPP 1.6; in 2.x it comes as a report of its own)."""
    if catalog.from_json(row.kind, row.arguments) == GetConfiguration() and "configurationKey" in answer:
        notices.keep(row.charger_id, settings.ANSWER, answer, now, request=str(row.id))
