"""Catalog of the commands to chargers, in the product's words: one frozen type for each, with its bounds.

The bounds are checked when a command is read, from a person's input (`read`) or from its row (`from_json`). The
docstrings are the command line's help. The bridge encodes commands, and refuses those that a version cannot express.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from polaris.domain import arguments
from polaris.domain.arguments import Invalid, StrictStruct
from polaris.domain.commands import profile_conditions
from polaris.domain.commands.values import (
    Address,
    Availability,
    ChargingProfile,
    ConnectorNumber,
    ConnectorOrCharger,
    IdTag,
    ListEntry,
    LogKind,
    NonNegativeInt,
    PositiveInt,
    Purpose,
    RequestedMessage,
    ReservationNumber,
    Retries,
    RetryInterval,
    SessionNumber,
    SettingName,
    Unit,
    ZonedInstant,
)
from polaris.domain.redaction import REDACTED, is_secret, without_secrets
from polaris.domain.sentences import say

_EXAMPLE = '{"id": 1, "purpose": "charger", "unit": "W", "periods": [{"starts_s": 0, "limit": 11000}]}'
_FOR_START = _EXAMPLE.replace("charger", "session")


class ChargerCommand(StrictStruct, frozen=True):
    """The base of all commands."""


class StartCharging(ChargerCommand, frozen=True):
    """Start charging with a card, and with a limit of the session's power if a profile says so."""

    id_tag: IdTag
    connector: ConnectorOrCharger = 0  # 0: the charger chooses
    profile: Annotated[ChargingProfile, Meta(description=f"JSON: {_FOR_START}")] | None = None


class Reset(ChargerCommand, frozen=True):
    """Restart the charger, or one connector of it (OCPP 2.x): when it is idle, or at once."""

    is_hard: Annotated[bool, Meta(description="At once, whatever goes on.")] = False
    connector: ConnectorOrCharger = 0


class Unlock(ChargerCommand, frozen=True):
    """Release a cable that is stuck. It is no way to end a session."""

    connector: ConnectorNumber


class SetAvailability(ChargerCommand, frozen=True):
    """Put the charger, or one connector, in or out of service."""

    availability: Availability
    connector: ConnectorOrCharger = 0


class Trigger(ChargerCommand, frozen=True):
    """Ask the charger to send a message now."""

    message: RequestedMessage
    connector: ConnectorOrCharger = 0


class GetConfiguration(ChargerCommand, frozen=True):
    """Read the charger's settings: those that are named, or all."""

    keys: Annotated[tuple[SettingName, ...], Meta(max_length=50)] = ()


class SetConfiguration(ChargerCommand, frozen=True):
    """Change one of the charger's settings."""

    key: SettingName
    value: Annotated[str, Meta(max_length=1000, description="Its new value.")]


class ClearCache(ChargerCommand, frozen=True):
    """Let the charger forget the cards that it remembers."""


class SendLocalList(ChargerCommand, frozen=True):
    """Give the charger the cards that it may start for while it is offline."""

    version: Annotated[PositiveInt, Meta(description="The number of this list.")]
    entries: Annotated[
        tuple[ListEntry, ...],
        Meta(max_length=500, description='JSON: [{"id_tag": "…", "status": "Accepted"}]; no status takes a card out.'),
    ] = ()
    is_difference: Annotated[bool, Meta(description="Change the list that it has, instead of replacing it.")] = False


class GetLocalListVersion(ChargerCommand, frozen=True):
    """Ask which local list the charger has."""


class TransferData(ChargerCommand, frozen=True):
    """Send the charger what only its vendor knows."""

    vendor_id: Annotated[str, Meta(min_length=1, max_length=255, description="As the vendor names itself.")]
    message_id: Annotated[str, Meta(max_length=50, description="Which of the vendor's messages.")] = ""
    data: Annotated[str, Meta(max_length=20_000, description="What to send.")] = ""


class SetChargingProfile(ChargerCommand, frozen=True):
    """Limit a charger's power."""

    profile: Annotated[ChargingProfile, Meta(description=f"JSON: {_EXAMPLE}")]
    connector: ConnectorOrCharger = 0
    session: SessionNumber | None = None  # for a profile of a session


class ClearChargingProfile(ChargerCommand, frozen=True):
    """Take charging profiles back: one by its id, or all that fit."""

    id: Annotated[PositiveInt, Meta(description="The profile's own id.")] | None = None
    connector: ConnectorOrCharger | None = None
    purpose: Annotated[Purpose, Meta(description="Those for this.")] | None = None
    stack_level: Annotated[NonNegativeInt, Meta(description="Those of this level.")] | None = None


class GetCompositeSchedule(ChargerCommand, frozen=True):
    """Ask what all profiles together allow."""

    connector: ConnectorOrCharger
    duration_s: Annotated[int, Meta(ge=1, le=31 * 86_400, description="For how long, from now on.")] = 86_400
    unit: Annotated[Unit, Meta(description="Amperes or watts.")] | None = None


class Reserve(ChargerCommand, frozen=True):
    """Keep a connector for a card."""

    reservation: ReservationNumber
    id_tag: IdTag
    until_at: ZonedInstant
    connector: ConnectorOrCharger = 0
    parent_id_tag: IdTag | None = None


class CancelReservation(ChargerCommand, frozen=True):
    """Take a reservation back."""

    reservation: ReservationNumber


class GetTransactionStatus(ChargerCommand, frozen=True):
    """Ask whether a session still goes on, and whether the charger still has something to say of it."""

    session: SessionNumber | None = None  # None: about all of them


class UpdateFirmware(ChargerCommand, frozen=True):
    """Let the charger fetch and install a firmware."""

    address: Address
    at: ZonedInstant
    install_at: ZonedInstant | None = None
    retries: Retries | None = None
    retry_interval_s: RetryInterval | None = None
    certificate: Annotated[str, Meta(min_length=1, max_length=5500, description="Its maker's.")] | None = None
    signature: Annotated[str, Meta(min_length=1, max_length=800, description="Its maker's.")] | None = None


class GetLog(ChargerCommand, frozen=True):
    """Let the charger upload a log."""

    address: Address
    log: Annotated[LogKind, Meta(description="Which log.")] = LogKind.DIAGNOSTICS
    from_at: ZonedInstant | None = None
    until_at: ZonedInstant | None = None
    retries: Retries | None = None
    retry_interval_s: RetryInterval | None = None


class ChangeKey(ChargerCommand, frozen=True):
    """Give the charger a new key, which nobody sees: it is made when it is sent, and only its hash is kept.

    Both keys are good until the charger has connected with the new one; from then on the old one is refused. For a
    charger that takes no key from here there is “Make a new key” (`charger new-key`).
    """


class StopCharging(ChargerCommand, frozen=True):
    """End a session: the command of a stop request. It has no kind, as no operator sends it directly."""


class TriggerReadings(ChargerCommand, frozen=True):
    """Ask for the readings of a connector's silent session. It has no kind, as no operator sends it."""

    connector: ConnectorNumber


START, TRIGGER, TRANSACTION_STATUS, CHANGE_KEY = "start", "trigger", "transaction-status", "change-key"
GET_CONFIGURATION, SET_CONFIGURATION = "get-configuration", "set-configuration"
KINDS: dict[str, type[ChargerCommand]] = {
    START: StartCharging,
    "reset": Reset,
    "unlock": Unlock,
    "availability": SetAvailability,
    TRIGGER: Trigger,
    GET_CONFIGURATION: GetConfiguration,
    SET_CONFIGURATION: SetConfiguration,
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
_NAMES = {kind: name for name, kind in KINDS.items()}


def kind(command: ChargerCommand) -> str:
    return _NAMES[type(command)]


def read(kind: str, values: Mapping[str, Any], *, is_text: bool = False) -> ChargerCommand:
    """Make a command and check its bounds; with `is_text` the values are as a person typed them. Raise `Invalid`."""
    command = _converted(kind, values, is_text=is_text)
    problem = _profile_problem(command)
    if problem:
        raise Invalid(problem, "profile")
    return command


def asked(kind: str, values: Mapping[str, Any], now: datetime) -> ChargerCommand:
    """Make a command as a person types it, and check its instants, too. Raise `Invalid`."""
    command = read(kind, values, is_text=True)
    match command:
        case Reserve(until_at=at) if at <= now:
            raise Invalid(say("This is over already."), "until_at")
        case GetLog(from_at=datetime() as first, until_at=datetime() as last) if last <= first:
            raise Invalid(say("This is not after its beginning."), "until_at")
        case UpdateFirmware(at=at, install_at=datetime() as install_at) if install_at < at:
            raise Invalid(say("This is before it is fetched."), "install_at")
    return command


def checked(command: ChargerCommand) -> ChargerCommand:
    """Return the command if it is within its bounds, else raise `Invalid`."""
    return read(kind(command), msgspec.to_builtins(command))


def to_json(command: ChargerCommand) -> str:
    return msgspec.json.encode(command, order="deterministic").decode()


def from_json(kind: str, text: str) -> ChargerCommand:
    """Return a command from its row. Its profile was checked when it was requested."""
    return _converted(kind, msgspec.json.decode(text))


def redacted(command: ChargerCommand) -> ChargerCommand:
    """Return the command as it may be stored: without passwords in addresses or values of secret settings."""
    if isinstance(command, SetConfiguration) and is_secret(command.key):
        return msgspec.structs.replace(command, value=REDACTED)
    if isinstance(command, UpdateFirmware | GetLog):
        return msgspec.structs.replace(command, address=without_secrets(command.address))
    if isinstance(command, TransferData) and (is_secret(command.data) or is_secret(command.message_id)):
        return msgspec.structs.replace(command, data=REDACTED)
    return command


def _converted(kind: str, values: Mapping[str, Any], *, is_text: bool = False) -> ChargerCommand:
    if kind not in KINDS:
        raise Invalid(say("There is no command %(kind)s.", kind=kind))
    return arguments.read(KINDS[kind], values, is_text=is_text)


def _profile_problem(command: ChargerCommand) -> str:
    match command:
        case SetChargingProfile(profile=profile, connector=connector, session=session):
            return profile_conditions.problem_when_set(profile, connector, session)
        case StartCharging(profile=ChargingProfile() as profile):
            return profile_conditions.problem_at_start(profile)
    return ""
