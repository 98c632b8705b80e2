"""Commands to chargers as rows: requested, claimed by a bridge, answered, fulfilled by a session, swept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from polaris import charger_keys, pubsub
from polaris.audit import record
from polaris.domain.commands import catalog, interruptions, lifecycle
from polaris.domain.commands.catalog import (
    ChargerCommand,
    GetConfiguration,
    GetTransactionStatus,
)
from polaris.domain.commands.lifecycle import CommandLimits
from polaris.domain.enums import CommandState, RequestEvent
from polaris.domain.redaction import REDACTED
from polaris.ingest import settings
from polaris.ingest.facts import evidence, notices
from polaris.ingest.requests import (
    ClaimedCommand,
    CommandResult,
    Interrupts,
    PendingRequest,
    RequestTerms,
    command_refusals,
    command_rows,
    interrupted,
    start_ends,
    start_rows,
)
from polaris.ingest.requests.command_refusals import CommandRefusal
from polaris.ingest.sanitize import fit, fit_json
from polaris.models import Charger, Command
from polaris.pubsub import ChangeNotification

POLARIS = "Polaris"  # the actor of a command that no person requested
MAX_KEPT = 500  # rows per charger; without it the table grows for ever
MAX_ANSWER_LENGTH = 65_536  # characters of JSON

_ANSWERS = frozenset({RequestEvent.ACCEPTED, RequestEvent.REJECTED, RequestEvent.ERROR, RequestEvent.NOT_SENT})
_REASONS = frozenset({RequestEvent.DISCONNECTED, RequestEvent.WITHDRAWN})  # whose status is ours


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
        *,
        now: datetime,
        terms: RequestTerms,
    ) -> PendingRequest | int | CommandRefusal | Interrupts:
        """Make a command, or return why not; or the id of the one that was made with the same key."""
        charger = command_rows.for_charger(identity)
        if charger is None:
            return CommandRefusal.NOT_FOUND
        refusal = _repeated(charger, command, terms) or _obstacle(charger, command, terms, now)
        if refusal is not None:
            return refusal
        progress = lifecycle.begin(now, self._limits, is_dry_run=terms.is_dry_run)
        row = Command.create(
            charger=charger,
            kind=catalog.kind(command),
            arguments=catalog.to_json(command),
            state=progress.state,
            requested_by=fit(actor),
            requested_at=now,
            deadline_at=progress.deadline_at,
            session=command.session if isinstance(command, GetTransactionStatus) else None,
            request_key=_stored_key(terms),
            agreed_sessions=interrupted.stored(terms.agreed),
            is_dry_run=terms.is_dry_run,
            account=terms.start and terms.start.account_id,
            connector=terms.start and terms.start.connector,
        )
        _delete_old(charger.id)
        notifications += pubsub.command_changed(charger.id, row.id, row.account_id)
        _audit(row, actor, now)
        return command_rows.pending(row)

    def send_dry_run(
        self,
        notifications: list[ChangeNotification],
        identity: str,
        row_id: int,
        actor: str,
        *,
        now: datetime,
        agreed: frozenset[int] | None,
    ) -> PendingRequest | int | CommandRefusal | Interrupts:
        """Make a dry run a command to be sent, or return why not; or its id if it is one already."""
        charger = command_rows.for_charger(identity)
        row = command_rows.for_change(row_id)
        if charger is None or row is None or row.charger_id != charger.id:
            return CommandRefusal.NO_DRY_RUN
        if not row.is_dry_run:
            return int(row.id)
        after = lifecycle.advance(row.values(), RequestEvent.RELEASED, now, self._limits)
        if after is None:
            return CommandRefusal.NO_DRY_RUN
        obstacle = _outdated(charger, row) or _obstacle(charger, row.command, RequestTerms(agreed=agreed), now)
        if obstacle is not None:
            return obstacle
        command_rows.save(notifications, row, after)
        row.state, row.is_dry_run = after.state, False
        Command.update(
            is_dry_run=False,
            requested_by=fit(actor),
            requested_at=now,
            agreed_sessions=interrupted.stored(agreed),
        ).where(Command.id == row_id).execute()
        _audit(row, actor, now)
        return command_rows.pending(row)

    def claim(
        self, notifications: list[ChangeNotification], row_id: int, charger_id: int, connection_id: str, now: datetime
    ) -> ClaimedCommand | None:
        """Take a command for sending on its charger's newest connection. Its row holds no secret from here on."""
        row = command_rows.for_connection(row_id, charger_id, connection_id)
        if row is None or self._is_overtaken(notifications, row, now) or start_ends.of(row) is not None:
            return None
        if self._advance(notifications, row, RequestEvent.CLAIMED, now) is None:
            return None
        Command.update(
            sent_at=now,
            connection_id=connection_id,
            bridge_id=row.charger.bridge_id,
            arguments=command_rows.without_secrets(row),
        ).where(Command.id == row_id).execute()
        return command_rows.claimed(row, self._offer_key(row.charger) if row.kind == catalog.CHANGE_KEY else "")

    def record(
        self, notifications: list[ChangeNotification], row_id: int, result: CommandResult, now: datetime
    ) -> CommandState | None:
        """Record the outcome of a command; return its new state, or None if nothing changed."""
        row = command_rows.for_change(row_id)
        if row is None or start_ends.stored(row) is not None:  # a start that is over stays so, until its session begins
            return None
        after = self._advance(notifications, row, _event(row, result.event), now)
        is_overtaken = row.state == CommandState.ACCEPTED and row.answered_at is None  # by the session that it promised
        if result.event in _REASONS and after is not None and result.status:
            Command.update(status=fit(result.status)).where(Command.id == row_id).execute()
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

    def _is_overtaken(self, notifications: list[ChangeNotification], row: Command, now: datetime) -> bool:
        """Refuse to send a command if a session has begun that it could interrupt: it may have waited for its turn."""
        begun = interrupted.not_agreed(row.charger_id, row.command, interrupted.loaded(row.agreed_sessions))
        if not begun or self._advance(notifications, row, RequestEvent.NOT_SENT, now) is None:
            return bool(begun)
        status = fit(interruptions.begun_meanwhile(begun))
        Command.update(answered_at=now, status=status).where(Command.id == row.id).execute()
        return True

    def overdue(self, now: datetime) -> list[PendingRequest]:
        """Return the open commands whose deadline has passed."""
        query = Command.select().where(command_rows.OPEN, Command.deadline_at <= now).order_by(Command.id)
        return [command_rows.pending(row) for row in query if not command_rows.is_open(row, now)]

    def _advance(
        self, notifications: list[ChangeNotification], row: Command, event: RequestEvent, now: datetime
    ) -> CommandState | None:
        after = lifecycle.advance(row.values(), event, now, self._limits)
        if after is None or (after.state in lifecycle.OPEN and _is_superseded(row)):
            return None
        command_rows.save(notifications, row, after)
        return after.state

    def _offer_key(self, charger: Charger) -> str:
        """Make a key that the charger may use beside its old one, and return it. Only its hash is stored."""
        key = charger_keys.new()
        key_hash, version = charger_keys.hashed(self._key_secrets, charger.identity, key.encode())
        Charger.update(next_key_hash=key_hash, next_key_version=version).where(Charger.id == charger.id).execute()
        return key


def _is_superseded(row: Command) -> bool:
    """Whether a driver's start is over, and another has been made since: a late answer must not reopen it."""
    is_over = row.account_id is not None and row.state not in lifecycle.OPEN
    return is_over and start_rows.has_other_open(row)


def _repeated(charger: Charger, command: ChargerCommand, terms: RequestTerms) -> int | CommandRefusal | None:
    """Return the command that was requested with the same key, if there is one; its form may hold other values now."""
    key = _stored_key(terms)
    row = key and Command.get_or_none(Command.charger == charger, Command.request_key == key)
    if not row:
        return None
    same = (catalog.kind(command), catalog.to_json(catalog.redacted(command)))
    return int(row.id) if (row.kind, command_rows.without_secrets(row)) == same else CommandRefusal.FORM_USED


def _stored_key(terms: RequestTerms) -> str | None:
    """Return the key as its column has it. A form can be sent, and have a dry run."""
    return (f"dry run {terms.key}" if terms.is_dry_run else terms.key) if terms.key else None


def _outdated(charger: Charger, dry_run: Command) -> CommandRefusal | None:
    """Return why a dry run cannot be sent any more: what it shows would not be what is sent."""
    if REDACTED in dry_run.arguments:
        return CommandRefusal.INCOMPLETE
    return CommandRefusal.RECONNECTED if dry_run.connection_id != charger.connection_id else None


def _obstacle(
    charger: Charger, command: ChargerCommand, terms: RequestTerms, now: datetime
) -> CommandRefusal | Interrupts | None:
    refusal = command_refusals.refusal(charger, command, now)
    if refusal is not None or terms.is_dry_run:
        return refusal
    sessions = interrupted.not_agreed(charger.id, command, terms.agreed)
    return Interrupts(sessions) if sessions else None


def _audit(row: Command, actor: str, now: datetime) -> None:
    if actor != POLARIS:
        action = "command.dry_run" if row.is_dry_run else "command.requested"
        record(actor, action, row.charger.identity, now, f"{row.kind} {command_rows.without_secrets(row)}")


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
    if row.command == GetConfiguration() and "configurationKey" in answer:
        notices.keep(row.charger_id, settings.ANSWER, answer, now, request=str(row.id))
