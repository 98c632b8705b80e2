"""Field types of commands to chargers, each with its bounds. The descriptions are the command line's help."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from polaris.domain.arguments import StrictStruct
from polaris.domain.cards import MAX_ID_TOKEN_LENGTH
from polaris.domain.enums import Authorization
from polaris.domain.limits import MAX_INT32

PRINTABLE = r"^[ -~]*\Z"

ConnectorNumber = Annotated[int, Meta(ge=1, le=999_999, description="A connector's number.")]
ConnectorOrCharger = Annotated[
    int, Meta(ge=0, le=999_999, description="A connector's number; 0 is the charger as a whole.")
]
IdTag = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_ID_TOKEN_LENGTH,
        pattern=r"^[^\x00-\x1f\x7f-\x9f]*\Z",
        description="What chargers read of it (OCPP: idTag); in OCPP 2.x perhaps with its type: KeyCode:1234.",
    ),
]
PositiveInt = Annotated[int, Meta(ge=1, le=MAX_INT32)]
SessionNumber = Annotated[int, Meta(ge=1, le=MAX_INT32, description="A session's number.")]
ReservationNumber = Annotated[int, Meta(ge=1, le=MAX_INT32, description="The reservation's number, of your choice.")]
NonNegativeInt = Annotated[int, Meta(ge=0, le=MAX_INT32)]
ZonedInstant = Annotated[datetime, Meta(tz=True, description="An instant with its zone, such as 2026-11-23T14:00:00Z.")]
Address = Annotated[
    str, Meta(max_length=2000, pattern=r"^[a-z][a-z0-9+.-]*://[!-~]+\Z", description="An address, such as https://…")
]
SettingName = Annotated[
    str,
    Meta(min_length=1, max_length=200, pattern=PRINTABLE, description="OCPP 1.6: its name; 2.x: Component.Variable."),
]
Retries = Annotated[int, Meta(ge=0, le=100, description="How often to try again.")]
RetryInterval = Annotated[int, Meta(ge=0, le=86_400, description="How long to wait before that.")]


class Availability(StrEnum):
    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"


class RequestedMessage(StrEnum):
    """A message that a charger can be asked to send."""

    BOOT = "boot"
    HEARTBEAT = "heartbeat"
    STATUS = "status"
    READINGS = "readings"
    TRANSACTION = "transaction"
    FIRMWARE_STATUS = "firmware-status"
    LOG_STATUS = "log-status"


class LogKind(StrEnum):
    DIAGNOSTICS = "diagnostics"
    SECURITY = "security"


class Unit(StrEnum):
    AMPERES = "A"
    WATTS = "W"


class Purpose(StrEnum):
    """The power that a charging profile limits."""

    CHARGER = "charger"
    DEFAULT = "default"  # for sessions without a profile of their own
    SESSION = "session"


class ProfileKind(StrEnum):
    ABSOLUTE = "absolute"
    RECURRING = "recurring"
    RELATIVE = "relative"


class Recurrency(StrEnum):
    DAILY = "daily"
    WEEKLY = "weekly"


class ListEntry(StrictStruct, frozen=True):
    """A card of a local list; without a status it is removed from the list."""

    id_tag: IdTag
    status: Authorization | None = None
    expires_at: ZonedInstant | None = None
    parent_id_tag: IdTag | None = None


class Period(StrictStruct, frozen=True):
    """A limit in the profile's unit, in force from `starts_s` seconds after the schedule's beginning."""

    starts_s: NonNegativeInt
    limit: Annotated[float, Meta(ge=0, le=10_000_000)]
    phases: Annotated[int, Meta(ge=1, le=3)] | None = None


class ChargingProfile(StrictStruct, frozen=True):
    """Limits on a charger's power over time."""

    id: PositiveInt
    purpose: Purpose
    unit: Unit
    periods: Annotated[tuple[Period, ...], Meta(min_length=1, max_length=100)]
    kind: ProfileKind = ProfileKind.ABSOLUTE
    stack_level: NonNegativeInt = 0
    recurrency: Recurrency | None = None
    valid_from_at: ZonedInstant | None = None
    valid_to_at: ZonedInstant | None = None
    starts_at: ZonedInstant | None = None
    duration_s: NonNegativeInt | None = None
    min_rate: Annotated[float, Meta(ge=0, le=10_000_000)] | None = None
