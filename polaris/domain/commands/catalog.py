"""What a charger can be commanded to do, in the product's words: one frozen type for each command, its bounds in it.

The bounds hold where a command is read (`read`, `from_json`): from a person, and from its row. What OCPP makes of one
is the bridge's business, as is what a version of it cannot say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from polaris.domain.commands.values import (
    Address,
    Availability,
    ChargingProfile,
    Connector,
    Count,
    IdTag,
    Instant,
    ListEntry,
    Log,
    Message,
    Number,
    Place,
    Purpose,
    Reservation,
    Retries,
    RetryInterval,
    Session,
    Setting,
    Typed,
    Unit,
)
from polaris.domain.redaction import STRUCK_OUT, is_secret, without_password

_EXAMPLE = '{"id": 1, "purpose": "charger", "unit": "W", "periods": [{"starts_s": 0, "limit": 11000}]}'


class Command(Typed, frozen=True):
    """What all commands are."""


class StartCharging(Command, frozen=True):
    """Start charging with a card."""

    id_tag: IdTag
    connector: Place = 0  # the charger chooses


class Reset(Command, frozen=True):
    """Restart the charger: when it is idle, or at once."""

    is_hard: Annotated[bool, Meta(description="At once, whatever goes on.")] = False


class Unlock(Command, frozen=True):
    """Release a cable that is stuck. It is no way to end a session."""

    connector: Connector


class SetAvailability(Command, frozen=True):
    """Put the charger, or one connector, in or out of service."""

    availability: Availability
    connector: Place = 0


class Trigger(Command, frozen=True):
    """Ask the charger to send a message now."""

    message: Message
    connector: Place = 0


class GetConfiguration(Command, frozen=True):
    """Read the charger's settings: those that are named, or all."""

    keys: Annotated[tuple[Setting, ...], Meta(max_length=50)] = ()


class SetConfiguration(Command, frozen=True):
    """Change one of the charger's settings."""

    key: Setting
    value: Annotated[str, Meta(max_length=1000, description="Its new value.")]


class ClearCache(Command, frozen=True):
    """Let the charger forget the cards that it remembers."""


class SendLocalList(Command, frozen=True):
    """Give the charger the cards that it may start for while it is offline."""

    version: Annotated[Number, Meta(description="The number of this list.")]
    entries: Annotated[
        tuple[ListEntry, ...],
        Meta(max_length=500, description='JSON: [{"id_tag": "…", "status": "Accepted"}]; no status takes a card out.'),
    ] = ()
    is_difference: Annotated[bool, Meta(description="Change the list that it has, instead of replacing it.")] = False


class GetLocalListVersion(Command, frozen=True):
    """Ask which local list the charger has."""


class TransferData(Command, frozen=True):
    """Send the charger what only its vendor knows."""

    vendor_id: Annotated[str, Meta(min_length=1, max_length=255, description="As the vendor names itself.")]
    message_id: Annotated[str, Meta(max_length=50, description="Which of the vendor's messages.")] = ""
    data: Annotated[str, Meta(max_length=20_000, description="What to send.")] = ""


class SetChargingProfile(Command, frozen=True):
    """Limit a charger's power."""

    profile: Annotated[ChargingProfile, Meta(description=f"JSON: {_EXAMPLE}")]
    connector: Place = 0
    session: Session | None = None  # of a profile whose purpose it is


class ClearChargingProfile(Command, frozen=True):
    """Take charging profiles back: one by its id, or all that fit."""

    id: Annotated[Number, Meta(description="The profile's own id.")] | None = None
    connector: Place | None = None
    purpose: Annotated[Purpose, Meta(description="Those for this.")] | None = None
    stack_level: Annotated[Count, Meta(description="Those of this level.")] | None = None


class GetCompositeSchedule(Command, frozen=True):
    """Ask what all profiles together allow."""

    connector: Place
    duration_s: Annotated[int, Meta(ge=1, le=31 * 86_400, description="For how long, from now on.")] = 86_400
    unit: Annotated[Unit, Meta(description="Amperes or watts.")] | None = None


class Reserve(Command, frozen=True):
    """Keep a connector for a card."""

    reservation: Reservation
    id_tag: IdTag
    until_at: Instant
    connector: Place = 0
    parent_id_tag: IdTag | None = None


class CancelReservation(Command, frozen=True):
    """Take a reservation back."""

    reservation: Reservation


class GetTransactionStatus(Command, frozen=True):
    """Ask whether a session still goes on, and whether the charger still has something to say of it."""

    session: Session | None = None  # none: of all of them


class UpdateFirmware(Command, frozen=True):
    """Let the charger fetch and install a firmware."""

    address: Address
    at: Instant
    install_at: Instant | None = None
    retries: Retries | None = None
    retry_interval_s: RetryInterval | None = None
    certificate: Annotated[str, Meta(min_length=1, max_length=5500, description="Its maker's.")] | None = None
    signature: Annotated[str, Meta(min_length=1, max_length=800, description="Its maker's.")] | None = None


class GetLog(Command, frozen=True):
    """Let the charger upload a log."""

    address: Address
    log: Annotated[Log, Meta(description="Which log.")] = Log.DIAGNOSTICS
    from_at: Instant | None = None
    until_at: Instant | None = None
    retries: Retries | None = None
    retry_interval_s: RetryInterval | None = None


class ChangeKey(Command, frozen=True):
    """Give the charger a new key. The key itself is in no command: it is made when this one is sent."""


class StopCharging(Command, frozen=True):
    """End a session: the command of a stop request. People send none, so it has no kind."""


class TriggerReadings(Command, frozen=True):
    """Ask for the readings of a connector's silent session. People send none, so it has no kind."""

    connector: Connector


START, TRANSACTION_STATUS, CHANGE_KEY = "start", "transaction-status", "change-key"
KINDS: dict[str, type[Command]] = {
    START: StartCharging,
    "reset": Reset,
    "unlock": Unlock,
    "availability": SetAvailability,
    "trigger": Trigger,
    "get-configuration": GetConfiguration,
    "set-configuration": SetConfiguration,
    "clear-cache": ClearCache,
    "send-local-list": SendLocalList,
    "local-list-version": GetLocalListVersion,
    "transfer-data": TransferData,
    "set-charging-profile": SetChargingProfile,
    "clear-charging-profile": ClearChargingProfile,
    "composite-schedule": GetCompositeSchedule,
    "reserve": Reserve,
    "cancel-reservation": CancelReservation,
    TRANSACTION_STATUS: GetTransactionStatus,
    "update-firmware": UpdateFirmware,
    "get-log": GetLog,
    CHANGE_KEY: ChangeKey,
}
_TYPES = {"int": "a whole number", "float": "a number", "str": "text", "bool": "yes or no", "datetime": "an instant"}
_NAMES = {kind: name for name, kind in KINDS.items()}


class Invalid(ValueError):
    """Arguments that a command cannot have; its text is a sentence."""


def kind(command: Command) -> str:
    return _NAMES[type(command)]


def read(kind: str, arguments: Mapping[str, Any], *, is_text: bool = False) -> Command:
    """Make a command, its bounds checked; `is_text` where the values are as a person typed them."""
    if kind not in KINDS:
        raise Invalid(f"There is no command {kind}.")
    try:
        return msgspec.convert(arguments, KINDS[kind], strict=not is_text)
    except msgspec.ValidationError as error:
        raise Invalid(_sentence(str(error))) from None


def checked(command: Command) -> Command:
    """The command, if it is within its bounds; raise `Invalid` where it is not."""
    return read(kind(command), msgspec.to_builtins(command))


def to_json(command: Command) -> str:
    return msgspec.json.encode(command, order="deterministic").decode()


def from_json(kind: str, text: str) -> Command:
    return read(kind, msgspec.json.decode(text))


def redacted(command: Command) -> Command:
    """The command as it may be kept: without passwords in addresses, and without the value of a secret setting."""
    if isinstance(command, SetConfiguration) and is_secret(command.key):
        return msgspec.structs.replace(command, value=STRUCK_OUT)
    if isinstance(command, UpdateFirmware | GetLog):
        return msgspec.structs.replace(command, address=without_password(command.address))
    if isinstance(command, TransferData) and (is_secret(command.data) or is_secret(command.message_id)):
        return msgspec.structs.replace(command, data=STRUCK_OUT)
    return command


def _sentence(problem: str) -> str:
    """msgspec's words, its types' names in a person's, with the field before them."""
    for name, words in _TYPES.items():
        problem = problem.replace(f"`{name}`", words)
    what, _, path = problem.replace("`", "").partition(" - at ")
    field = path.removeprefix("$.")
    return f"{field}: {what[0].lower()}{what[1:]}." if field else f"{what}."
