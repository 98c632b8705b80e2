"""Commands to chargers as rows: asked for, claimed by a bridge, answered, followed to what was promised, swept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from peewee import SQL

from polaris import charger_keys, pubsub
from polaris.domain.cards import normal_id_tag
from polaris.domain.commands import catalog, lifecycle
from polaris.domain.commands.catalog import (
    ChangeKey,
    GetTransactionStatus,
    SetChargingProfile,
    SetConfiguration,
    StartCharging,
)
from polaris.domain.commands.lifecycle import CommandLimits
from polaris.domain.enums import CommandEvent, CommandState
from polaris.ingest.sanitize import fit, fit_json
from polaris.models import AuditEntry, Charger, ChargingSession, Command, locked
from polaris.pubsub import ChangeNotification

POLARIS = "Polaris"  # who asks for what no person asked for
MAX_OPEN = 16  # of one charger; they are sent one after the other
MAX_KEPT = 500  # of one charger
MAX_ANSWER_LENGTH = 65_536  # characters of JSON
KEYS_NAMES = ("authorizationkey", "basicauthpassword")  # of OCPP 1.6 and 2.x
PROFILES_WITH_KEY = (1, 2)  # of OCPP's security profiles
KEY_ROTATED = "charger.key_rotated"  # the audit's word for a key that was made by hand
LATEST_START = timedelta(minutes=5)  # after a start's deadline, for a session still to count as its own
CLOCK_SLACK = timedelta(minutes=15)

_NO_LIMITS = CommandLimits(timedelta(0), timedelta(0))

# Written out, not as parameters: SQLite takes a partial index only for what it can read in the statement.
_STARTS = SQL("kind = 'start' AND session_id IS NULL AND state IN ('sent', 'promised', 'timed_out', 'unknown')")
_OPEN = SQL("state IN ('requested', 'sent', 'promised')")


class CommandRefusal(StrEnum):
    """Why a command was not asked for; its value is a sentence."""

    NOT_FOUND = "There is no such charger."
    NO_SUCH_SESSION = "The charger has no such session."
    TOO_MANY = "Too many commands wait for the charger already."
    NO_KEY = "The charger's security profile knows no key."
    KEY_HAS_A_WAY = "A charger's key is changed by rotating it: what is set like this, Polaris would not know."
    KEY_IS_PENDING = "The charger has a new key that it has not come with yet. Let it connect, or make one by hand."


@dataclass(frozen=True, slots=True)
class PendingCommand:
    """What goes to the bridge that holds the charger: the row's id, and nothing else."""

    command_id: int
    identity: str


@dataclass(frozen=True, slots=True)
class ClaimedCommand:
    """A command to send. `secret` is a key that was made for it, and is kept nowhere."""

    id: int
    command: catalog.Command
    session: int | None = None  # that it is about
    transaction_id: str | None = None  # the session's name in OCPP 2.x
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What became of a command at the bridge: the charger's own word and its answer, where there are any."""

    event: CommandEvent
    status: str = ""
    answer: Mapping[str, object] = field(default_factory=dict)


def request(
    notifications: list[ChangeNotification],
    identity: str,
    wanted: catalog.Command,
    now: datetime,
    limits: CommandLimits,
    *,
    actor: str,
) -> PendingCommand | CommandRefusal:
    """Make a command, or say why not."""
    charger = locked(Charger.select().where(Charger.identity == identity.replace("\0", ""))).first()
    if charger is None:
        return CommandRefusal.NOT_FOUND
    refusal = _refusal(charger, wanted, now)
    if refusal is not None:
        return refusal
    kind = catalog.kind(wanted)
    progress = lifecycle.begin(now, limits)
    made = Command.create(
        charger=charger,
        kind=kind,
        arguments=catalog.to_json(wanted),
        state=progress.state,
        requested_by=fit(actor),
        requested_at=now,
        deadline_at=progress.deadline_at,
        session=wanted.session if isinstance(wanted, GetTransactionStatus) else None,
    )
    if actor != POLARIS:
        kept = catalog.to_json(catalog.struck_out(wanted))
        AuditEntry.create(at=now, actor=actor, action="command.requested", target=identity, detail=f"{kind} {kept}")
    _forget_old(charger.id)
    notifications += pubsub.command_changed(charger.id, made.id)
    return PendingCommand(made.id, charger.identity)


def claim(
    notifications: list[ChangeNotification],
    command_id: int,
    charger_id: int,
    now: datetime,
    limits: CommandLimits,
    *,
    connection_id: str,
    key_secrets: Mapping[int, bytes],
) -> ClaimedCommand | None:
    """Take a command for sending, for the charger's newest connection. Its secrets are not kept from here on."""
    found = _get(command_id)
    if found is None or found.charger_id != charger_id or found.charger.connection_id != connection_id:
        return None
    if _step(found, CommandEvent.CLAIMED, now, limits, notifications) is not CommandState.SENT:
        return None
    wanted = catalog.from_json(found.kind, found.arguments)
    Command.update(
        sent_at=now,
        connection_id=connection_id,
        bridge_id=found.charger.bridge_id,
        arguments=catalog.to_json(catalog.struck_out(wanted)),
    ).where(Command.id == command_id).execute()
    number = wanted.session if isinstance(wanted, GetTransactionStatus | SetChargingProfile) else None
    about = ChargingSession.get_or_none(ChargingSession.number == number) if number else None
    transaction_id = None if about is None else about.transaction_id
    secret = _offer_key(found.charger, key_secrets) if isinstance(wanted, ChangeKey) else ""
    return ClaimedCommand(command_id, wanted, number, transaction_id, secret)


def advance(
    notifications: list[ChangeNotification],
    command_id: int,
    result: CommandResult,
    now: datetime,
    limits: CommandLimits,
) -> CommandState | None:
    """Record what became of a command; return its new state, or None where nothing changed."""
    found = _get(command_id)
    if found is None:
        return None
    after = _step(found, _event(found, result.event), now, limits, notifications)
    is_overtaken = found.state == CommandState.ACCEPTED and found.answered_at is None  # by what it promised
    if result.event not in _ANSWERS or (after is None and not is_overtaken):
        return after
    Command.update(
        answered_at=now,
        status=fit(result.status),
        answer=fit_json(result.answer, MAX_ANSWER_LENGTH) if result.answer else "",
        sent_at=None if result.event is CommandEvent.NOT_SENT else found.sent_at,
    ).where(Command.id == command_id).execute()
    return after


def begun(
    notifications: list[ChangeNotification],
    session: ChargingSession,
    received_at: datetime,
    command_id: int | None = None,
) -> None:
    """A session began: the start command it came from has had its way. 2.x names it; 1.6 leaves card and place."""
    is_sent = Command.sent_at.is_null(False)  # one that nobody took in time has run out, too
    starts = Command.select().where(_STARTS, Command.charger == session.charger_id, is_sent)
    is_it = Command.deadline_at >= received_at - LATEST_START if command_id is None else Command.id == command_id
    for found in locked(starts.where(is_it).order_by(Command.id)):
        if command_id is not None or _fits(found, session, received_at):
            _step(found, CommandEvent.FULFILLED, received_at, _NO_LIMITS, notifications)
            Command.update(session=session.number).where(Command.id == found.id).execute()
            return


def overdue(now: datetime) -> list[int]:
    """The open commands whose deadline has passed."""
    found = Command.select().where(_OPEN, Command.deadline_at <= now).order_by(Command.id)
    return [row.id for row in found if lifecycle.effective(row.values(), now) not in lifecycle.OPEN]


_ANSWERS = frozenset(
    {CommandEvent.ACCEPTED, CommandEvent.REJECTED, CommandEvent.ERROR, CommandEvent.NOT_SENT, CommandEvent.PROMISED}
)


def _event(found: Command, event: CommandEvent) -> CommandEvent:
    """A start that is accepted is a promise: it is kept when a session begins."""
    is_promise = found.kind == catalog.START and event is CommandEvent.ACCEPTED
    return CommandEvent.PROMISED if is_promise else event


def _refusal(charger: Charger, wanted: catalog.Command, now: datetime) -> CommandRefusal | None:
    open_ones = Command.select().where(_OPEN, Command.charger == charger)
    if sum(lifecycle.effective(row.values(), now) in lifecycle.OPEN for row in open_ones) >= MAX_OPEN:
        return CommandRefusal.TOO_MANY
    if isinstance(wanted, GetTransactionStatus | SetChargingProfile) and wanted.session is not None:
        is_its = (ChargingSession.number == wanted.session) & (ChargingSession.charger == charger)
        return None if ChargingSession.select().where(is_its).exists() else CommandRefusal.NO_SUCH_SESSION
    if isinstance(wanted, SetConfiguration) and wanted.key.rpartition(".")[2].casefold() in KEYS_NAMES:
        return CommandRefusal.KEY_HAS_A_WAY
    return _key_refusal(charger, now) if isinstance(wanted, ChangeKey) else None


def _key_refusal(charger: Charger, now: datetime) -> CommandRefusal | None:
    """A key that the charger may have taken must not be forgotten: it could not come back."""
    if charger.security_profile not in PROFILES_WITH_KEY:
        return CommandRefusal.NO_KEY
    changes = Command.select().where(Command.charger == charger, Command.kind == catalog.CHANGE_KEY)
    last = changes.order_by(Command.id.desc()).first()
    state = lifecycle.effective(last.values(), now) if last is not None else None
    is_refused = state in (CommandState.REJECTED, CommandState.ERROR) and not _is_by_hand_since(charger, last)
    is_pending = state is CommandState.REQUESTED or (charger.next_key_hash is not None and not is_refused)
    return CommandRefusal.KEY_IS_PENDING if is_pending else None


def _is_by_hand_since(charger: Charger, change: Command) -> bool:
    """Whether the key that is pending is not the one that the charger refused, but one that was made to be entered."""
    rotated = (AuditEntry.action == KEY_ROTATED) & (AuditEntry.target == charger.identity)
    return bool(AuditEntry.select().where(rotated, AuditEntry.at >= change.requested_at).exists())


def _offer_key(charger: Charger, key_secrets: Mapping[int, bytes]) -> str:
    """Make a key that the charger may come with, beside its old one, and return it: its hash alone is kept."""
    key = charger_keys.new()
    key_hash, version = charger_keys.hashed(key_secrets, charger.identity, key.encode())
    Charger.update(next_key_hash=key_hash, next_key_version=version).where(Charger.id == charger.id).execute()
    return key


def _fits(found: Command, session: ChargingSession, received_at: datetime) -> bool:
    wanted = catalog.from_json(found.kind, found.arguments)
    assert isinstance(wanted, StartCharging)
    is_in_time = found.sent_at <= received_at
    is_new = session.started_at >= found.sent_at - CLOCK_SLACK  # not one that was queued while offline
    is_there = wanted.connector in (0, session.connector)
    return is_in_time and is_new and is_there and fit(normal_id_tag(wanted.id_tag)) == session.id_tag


def _forget_old(charger_id: int) -> None:
    mine = Command.select(Command.id).where(Command.charger == charger_id)
    oldest = mine.order_by(Command.id.desc()).offset(MAX_KEPT).limit(1).scalar()
    if oldest is not None:
        Command.delete().where(Command.charger == charger_id, Command.id <= oldest).execute()


def _get(command_id: int) -> Command | None:
    found: Command | None = locked(Command.select().where(Command.id == command_id)).first()
    return found


def _step(
    found: Command, event: CommandEvent, now: datetime, limits: CommandLimits, notifications: list[ChangeNotification]
) -> CommandState | None:
    after = lifecycle.advance(found.values(), event, now, limits)
    if after is None:
        return None
    values: dict[str, Any] = {"state": after.state, "deadline_at": after.deadline_at}
    if found.state == CommandState.REQUESTED and after.state is not CommandState.SENT:
        wanted = catalog.from_json(found.kind, found.arguments)
        values["arguments"] = catalog.to_json(catalog.struck_out(wanted))
    Command.update(**values).where(Command.id == found.id).execute()
    notifications += pubsub.command_changed(found.charger_id, found.id)
    return after.state
