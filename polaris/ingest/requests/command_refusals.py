"""Why a command is not requested."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from polaris import charger_keys
from polaris.domain.commands import catalog, lifecycle
from polaris.domain.commands.catalog import (
    ChangeKey,
    ChargerCommand,
    GetTransactionStatus,
    SetChargingProfile,
    SetConfiguration,
)
from polaris.domain.enums import ChargerStatus, CommandState
from polaris.domain.sentences import N_
from polaris.ingest.requests import command_rows
from polaris.models import AuditEntry, Charger, ChargingSession, Command
from polaris.models.audit import KEY_ROTATED

MAX_OPEN = 16  # per charger; they are sent one after the other, and the last would wait past its deadline
KEY_SETTINGS = ("authorizationkey", "basicauthpassword")  # in OCPP 1.6 and 2.x


class CommandRefusal(StrEnum):
    """Why a command was not requested; the value is a sentence."""

    NOT_FOUND = N_("There is no such charger.")
    BLOCKED = N_("The charger is blocked, so nothing reaches it: unblock it first.")
    RETIRED = N_("The charger is retired, so nothing reaches it: unblock it first.")
    NO_SUCH_SESSION = N_("The charger has no such session.")
    TOO_MANY = N_("Too many commands wait for the charger already.")
    NO_KEY = N_("The charger's security profile knows no key.")
    KEY_IS_ROTATED_ONLY = N_(
        "A charger's key is changed by “Change key”: what is set like this, Polaris would not know."
    )
    FORM_USED = N_("This form was sent already, with other values. Nothing was sent now: press again to send these.")
    NO_DRY_RUN = N_("The charger has no such dry run.")
    RECONNECTED = N_("The charger has connected again since the dry run. Nothing was sent: make a dry run again.")
    INCOMPLETE = N_("A dry run keeps no secret, so this one cannot be sent. Fill in the form again.")
    KEY_IS_PENDING = N_("The charger has a new key that it has not come with yet. Let it connect, or make a new key.")


_OUT_OF_SERVICE: dict[str, CommandRefusal] = {
    ChargerStatus.BLOCKED: CommandRefusal.BLOCKED,
    ChargerStatus.RETIRED: CommandRefusal.RETIRED,
}


def refusal(charger: Charger, command: ChargerCommand, now: datetime) -> CommandRefusal | None:
    """Return why a charger is not to get a command, or None."""
    if charger.status in _OUT_OF_SERVICE:
        return _OUT_OF_SERVICE[charger.status]
    open_rows = Command.select().where(command_rows.OPEN, Command.charger == charger)
    if sum(command_rows.is_open(row, now) for row in open_rows) >= MAX_OPEN:
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
    is_change = (Command.kind == catalog.CHANGE_KEY) & ~Command.is_dry_run
    changes = Command.select().where(Command.charger == charger, is_change)
    last = changes.order_by(Command.id.desc()).first()
    state = lifecycle.effective(last.values(), now) if last is not None else None
    is_refused = state in (CommandState.REJECTED, CommandState.ERROR) and not _is_rotated_by_hand_since(charger, last)
    is_pending = state is CommandState.REQUESTED or (charger.next_key_hash is not None and not is_refused)
    return CommandRefusal.KEY_IS_PENDING if is_pending else None


def _is_rotated_by_hand_since(charger: Charger, change: Command) -> bool:
    """Return whether the pending key was made by hand, and is not the one that the charger refused."""
    rotated = (AuditEntry.action == KEY_ROTATED) & (AuditEntry.target == charger.identity)
    return bool(AuditEntry.select().where(rotated, AuditEntry.at >= change.requested_at).exists())
