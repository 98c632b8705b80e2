"""Commands to chargers as rows: requested, claimed by a bridge, answered, fulfilled by a session, swept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from peewee import SQL

from polaris import charger_keys, pubsub
from polaris.audit import record
from polaris.domain import cards
from polaris.domain.cards import normal_id_tag
from polaris.domain.commands import catalog, lifecycle
from polaris.domain.commands.catalog import (
    ChangeKey,
    ChargerCommand,
    GetConfiguration,
    GetTransactionStatus,
    SetChargingProfile,
    SetConfiguration,
    StartCharging,
)
from polaris.domain.commands.lifecycle import CommandLimits
from polaris.domain.enums import CommandState, RequestEvent
from polaris.ingest import settings
from polaris.ingest.facts import evidence, notices
from polaris.ingest.requests import ClaimedCommand, CommandResult, PendingRequest
from polaris.ingest.sanitize import fit, fit_json
from polaris.models import AuditEntry, Charger, ChargingSession, Command, locked
from polaris.models.audit import KEY_ROTATED
from polaris.pubsub import ChangeNotification, RequestKind

POLARIS = "Polaris"  # the actor of a command that no person requested
MAX_OPEN = 16  # per charger; they are sent one after the other, and the last would wait past its deadline
MAX_KEPT = 500  # rows per charger; without it the table grows for ever
MAX_ANSWER_LENGTH = 65_536  # characters of JSON
KEY_SETTINGS = ("authorizationkey", "basicauthpassword")  # in OCPP 1.6 and 2.x
LATEST_START = timedelta(minutes=5)  # past a start's deadline, for a session still to fulfil it
CLOCK_SLACK = timedelta(minutes=15)  # by which a charger's clock may be behind ours

_ANSWERS = frozenset({RequestEvent.ACCEPTED, RequestEvent.REJECTED, RequestEvent.ERROR, RequestEvent.NOT_SENT})
_NO_LIMITS = CommandLimits(timedelta(0), timedelta(0))

# Literals, not parameters: SQLite uses a partial index only if the statement's text implies the index's condition.
START_TO_COME = "kind = 'start' AND session_id IS NULL AND state IN ('sent', 'promised', 'timed_out', 'unknown')"
_OPEN = SQL("state IN ('requested', 'sent', 'promised')")


class CommandRefusal(StrEnum):
    """Why a command was not requested; the value is a sentence."""

    NOT_FOUND = "There is no such charger."
    NO_SUCH_SESSION = "The charger has no such session."
    TOO_MANY = "Too many commands wait for the charger already."
    NO_KEY = "The charger's security profile knows no key."
    KEY_IS_ROTATED_ONLY = "A charger's key is changed by rotating it: what is set like this, Polaris would not know."
    KEY_IS_PENDING = "The charger has a new key that it has not come with yet. Let it connect, or make one by hand."


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
        refusal = _refusal(charger, command, now)
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
        return _pending(row)

    def claim(
        self, notifications: list[ChangeNotification], row_id: int, charger_id: int, connection_id: str, now: datetime
    ) -> ClaimedCommand | None:
        """Take a command for sending on its charger's newest connection. Its row holds no secret from here on."""
        row = _locked(row_id)
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
        row = _locked(row_id)
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
        query = Command.select().where(_OPEN, Command.deadline_at <= now).order_by(Command.id)
        return [_pending(row) for row in query if lifecycle.effective(row.values(), now) not in lifecycle.OPEN]

    def _advance(
        self, notifications: list[ChangeNotification], row: Command, event: RequestEvent, now: datetime
    ) -> CommandState | None:
        after = lifecycle.advance(row.values(), event, now, self._limits)
        if after is None:
            return None
        _save(notifications, row, after)
        return after.state

    def _offer_key(self, charger: Charger) -> str:
        """Make a key that the charger may use beside its old one, and return it. Only its hash is stored."""
        key = charger_keys.new()
        key_hash, version = charger_keys.hashed(self._key_secrets, charger.identity, key.encode())
        Charger.update(next_key_hash=key_hash, next_key_version=version).where(Charger.id == charger.id).execute()
        return key


def fulfil_start(
    notifications: list[ChangeNotification],
    session: ChargingSession,
    received_at: datetime,
    command_id: int | None = None,
) -> None:
    """Fulfil the start command that a session came from. OCPP 2.x names it; in 1.6 card, connector and time match."""
    is_sent = Command.sent_at.is_null(False)  # a start that no bridge claimed in time is timed out, too
    starts = Command.select().where(Command.charger == session.charger_id, is_sent)
    if command_id is None:
        is_candidate = SQL(START_TO_COME) & (Command.deadline_at >= received_at - LATEST_START)
    else:  # whatever has become of it: the charger knows its number from nowhere else
        is_candidate = (Command.id == command_id) & (Command.kind == catalog.START) & Command.session.is_null()
    for row in locked(starts.where(is_candidate).order_by(Command.id)):
        if command_id is not None or _matches(row, session, received_at):
            after = lifecycle.advance(row.values(), RequestEvent.FULFILLED, received_at, _NO_LIMITS)
            if after is not None:
                _save(notifications, row, after)
            Command.update(session=session.number).where(Command.id == row.id).execute()
            return


def card_sent(charger_id: int, command_id: int, transaction_id: str) -> str:
    """Return the id tag sent with the start command of a transaction (OCPP 2.x), "" if there was no such command.

    A command starts one transaction: that of another is nobody's.
    """
    row = Command.get_or_none(
        Command.id == command_id,
        Command.charger == charger_id,
        Command.kind == catalog.START,
        Command.sent_at.is_null(False),
    )
    is_taken = row is not None and row.session is not None and row.session.transaction_id != fit(transaction_id)
    return "" if row is None or is_taken else _id_tag(row)


def started_with(number: int) -> str:
    """Return the id tag sent with the start command that a session came from, "" if it came from none."""
    row = Command.select().where(Command.session == number, Command.kind == catalog.START).first()
    return "" if row is None else _id_tag(row)


def _id_tag(row: Command) -> str:
    command = catalog.from_json(row.kind, row.arguments)
    assert isinstance(command, StartCharging)
    return fit(normal_id_tag(command.id_tag))


def _event(row: Command, event: RequestEvent) -> RequestEvent:
    """Return PROMISED for an accepted start: it is fulfilled when a session begins."""
    is_promise = row.kind == catalog.START and event is RequestEvent.ACCEPTED
    return RequestEvent.PROMISED if is_promise else event


def _refusal(charger: Charger, command: ChargerCommand, now: datetime) -> CommandRefusal | None:
    open_rows = Command.select().where(_OPEN, Command.charger == charger)
    if sum(lifecycle.effective(row.values(), now) in lifecycle.OPEN for row in open_rows) >= MAX_OPEN:
        return CommandRefusal.TOO_MANY
    if isinstance(command, GetTransactionStatus | SetChargingProfile) and command.session is not None:
        is_session = (ChargingSession.number == command.session) & (ChargingSession.charger == charger)
        return None if ChargingSession.select().where(is_session).exists() else CommandRefusal.NO_SUCH_SESSION
    if isinstance(command, SetConfiguration) and command.key.rpartition(".")[2].casefold() in KEY_SETTINGS:
        return CommandRefusal.KEY_IS_ROTATED_ONLY
    return _key_refusal(charger, now) if isinstance(command, ChangeKey) else None


def _key_refusal(charger: Charger, now: datetime) -> CommandRefusal | None:
    """Refuse to replace a pending key that the charger may have taken: it could never connect again."""
    if charger.security_profile not in charger_keys.PROFILES_WITH_KEY:
        return CommandRefusal.NO_KEY
    changes = Command.select().where(Command.charger == charger, Command.kind == catalog.CHANGE_KEY)
    last = changes.order_by(Command.id.desc()).first()
    state = lifecycle.effective(last.values(), now) if last is not None else None
    is_refused = state in (CommandState.REJECTED, CommandState.ERROR) and not _is_rotated_by_hand_since(charger, last)
    is_pending = state is CommandState.REQUESTED or (charger.next_key_hash is not None and not is_refused)
    return CommandRefusal.KEY_IS_PENDING if is_pending else None


def _is_rotated_by_hand_since(charger: Charger, change: Command) -> bool:
    """Return whether the pending key was made by hand, and is not the one that the charger refused."""
    rotated = (AuditEntry.action == KEY_ROTATED) & (AuditEntry.target == charger.identity)
    return bool(AuditEntry.select().where(rotated, AuditEntry.at >= change.requested_at).exists())


def _matches(row: Command, session: ChargingSession, received_at: datetime) -> bool:
    """Return whether a session of OCPP 1.6 can have come from this start command."""
    command = catalog.from_json(row.kind, row.arguments)
    assert isinstance(command, StartCharging)
    is_in_time = row.sent_at <= received_at
    is_fresh = session.started_at >= row.sent_at - CLOCK_SLACK  # else it was queued while the charger was offline
    is_there = command.connector in (0, session.connector)
    return is_in_time and is_fresh and is_there and fit(normal_id_tag(cards.id_tag(command.id_tag))) == session.id_tag


def _delete_old(charger_id: int) -> None:
    ids = Command.select(Command.id).where(Command.charger == charger_id)
    oldest = ids.order_by(Command.id.desc()).offset(MAX_KEPT).limit(1).scalar()
    if oldest is not None:
        Command.delete().where(Command.charger == charger_id, Command.id <= oldest).execute()


def _keep_settings(row: Command, answer: Mapping[str, object], now: datetime) -> None:
    """Keep a list of all settings whole (OCPP 1.6; in 2.x it comes as a report of its own)."""
    if catalog.from_json(row.kind, row.arguments) == GetConfiguration() and "configurationKey" in answer:
        notices.keep(row.charger_id, settings.ANSWER, answer, now, request=str(row.id))


def _pending(row: Command) -> PendingRequest:
    return PendingRequest(RequestKind.COMMAND, row.id, row.charger.identity)


def _locked(row_id: int) -> Command | None:
    row: Command | None = locked(Command.select().where(Command.id == row_id)).first()
    return row


def _save(notifications: list[ChangeNotification], row: Command, after: lifecycle.Progress) -> None:
    values: dict[str, Any] = {"state": after.state, "deadline_at": after.deadline_at}
    if row.state == CommandState.REQUESTED and after.state is not CommandState.SENT:
        values["arguments"] = catalog.to_json(catalog.redacted(catalog.from_json(row.kind, row.arguments)))
    Command.update(**values).where(Command.id == row.id).execute()
    notifications += pubsub.command_changed(row.charger_id, row.id)
