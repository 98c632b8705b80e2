"""The values that commands to chargers are made of, each with its bounds."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from polaris.domain.cards import MAX_ID_TOKEN_LENGTH
from polaris.domain.enums import Authorization
from polaris.domain.limits import MAX_INT32

PRINTABLE = r"^[ -~]*\Z"

Connector = Annotated[int, Meta(ge=1, le=999_999, description="A connector's number.")]
Place = Annotated[int, Meta(ge=0, le=999_999, description="A connector's number; 0 is the charger as a whole.")]
IdTag = Annotated[
    str,
    Meta(min_length=1, max_length=MAX_ID_TOKEN_LENGTH, pattern=PRINTABLE, description="What chargers read of a card."),
]
Number = Annotated[int, Meta(ge=1, le=MAX_INT32)]
Session = Annotated[int, Meta(ge=1, le=MAX_INT32, description="A session's number.")]
Reservation = Annotated[int, Meta(ge=1, le=MAX_INT32, description="The reservation's number, of your choice.")]
Count = Annotated[int, Meta(ge=0, le=MAX_INT32)]
Instant = Annotated[datetime, Meta(tz=True, description="An instant with its zone, such as 2026-11-23T14:00:00Z.")]
Address = Annotated[
    str, Meta(max_length=2000, pattern=r"^[a-z][a-z0-9+.-]*://[!-~]+\Z", description="An address, such as https://…")
]
Setting = Annotated[
    str,
    Meta(min_length=1, max_length=200, pattern=PRINTABLE, description="OCPP 1.6: its name; 2.x: Component.Variable."),
]
Retries = Annotated[int, Meta(ge=0, le=100, description="How often to try again.")]
RetryInterval = Annotated[int, Meta(ge=0, le=86_400, description="How long to wait before that.")]


class Availability(StrEnum):
    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"


class Message(StrEnum):
    """What a charger can be asked to send."""

    BOOT = "boot"
    HEARTBEAT = "heartbeat"
    STATUS = "status"
    READINGS = "readings"
    TRANSACTION = "transaction"
    FIRMWARE_STATUS = "firmware-status"
    LOG_STATUS = "log-status"


class Log(StrEnum):
    DIAGNOSTICS = "diagnostics"
    SECURITY = "security"


class Unit(StrEnum):
    AMPERES = "A"
    WATTS = "W"


class Purpose(StrEnum):
    """What a charging profile limits."""

    CHARGER = "charger"
    DEFAULT = "default"  # every session that has none of its own
    SESSION = "session"


class ProfileKind(StrEnum):
    ABSOLUTE = "absolute"
    RECURRING = "recurring"
    RELATIVE = "relative"


class Recurrency(StrEnum):
    DAILY = "daily"
    WEEKLY = "weekly"


class Typed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A value whose fields are checked where it is read."""


class ListEntry(Typed, frozen=True):
    """A card of a local list; without a status it is taken out of the list."""

    id_tag: IdTag
    status: Authorization | None = None
    expires_at: Instant | None = None
    parent_id_tag: IdTag | None = None


class Period(Typed, frozen=True):
    """From `starts_s` after the schedule's beginning on, `limit` in the profile's unit."""

    starts_s: Count
    limit: Annotated[float, Meta(ge=0, le=10_000_000)]
    phases: Annotated[int, Meta(ge=1, le=3)] | None = None


class ChargingProfile(Typed, frozen=True):
    """How much power a charger may take, and when."""

    id: Number
    purpose: Purpose
    unit: Unit
    periods: Annotated[tuple[Period, ...], Meta(min_length=1, max_length=100)]
    kind: ProfileKind = ProfileKind.ABSOLUTE
    stack_level: Count = 0
    recurrency: Recurrency | None = None
    valid_from_at: Instant | None = None
    valid_to_at: Instant | None = None
    starts_at: Instant | None = None
    duration_s: Count | None = None
    min_rate: Annotated[float, Meta(ge=0, le=10_000_000)] | None = None
