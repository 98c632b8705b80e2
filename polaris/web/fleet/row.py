"""A row of the fleet page: one connector, or a charger as a whole (connector 0) if its status matters.

Pure functions of values. An unknown value is None, never zero: the page says that it is unknown.
"""

from __future__ import annotations

import re
from datetime import datetime
from enum import IntEnum
from functools import lru_cache
from typing import Any, NamedTuple

from polaris.domain.connectors import NO_ERROR
from polaris.domain.enums import ConnectorStatus

_NUMBERS = re.compile(r"([0-9]+)")


class Attention(IntEnum):
    """The reason why a row stands out. The greater ones come first."""

    NONE = 0
    NOTE = 1  # an error code without a fault, or a charger that never connected
    STUCK = 2  # a session that seems to have ended although no end arrived
    OFFLINE = 3
    FAULT = 4

    @property
    def word(self) -> str:
        return self.name.lower()


_NO_URGENCY = (0, 0.0)  # rows without attention are ordered by their names alone
_LATEST_FIRST = (Attention.OFFLINE, Attention.FAULT)


class Today(NamedTuple):
    """Energy since midnight, and the sessions whose energy is not known, and so not in it."""

    wh: int = 0
    unknown: int = 0

    def plus(self, other: Today) -> Today:
        return Today(self.wh + other.wh, self.unknown + other.unknown)


NO_ENERGY = Today()


class Running(NamedTuple):
    """The session on a connector. `energy_wh` is None if it cannot be judged yet, `power_w` if it is unknown."""

    number: int
    energy_wh: int | None
    power_w: int | None
    driver: str
    is_stuck: bool = False
    is_refused: bool = False  # its card was, and nothing flows all the same


class FleetRow(NamedTuple):
    """A connector as a row of the page: the argument of the row fragment. Connector 0 is the charger itself.

    Made by `row`. A tuple, because ten thousand of them are made for a page.
    """

    charger_id: int
    connector: int
    identity: str
    name: str
    is_online: bool
    last_contact_at: datetime | None
    status: str  # as OCPP spells it, "" if never reported
    error_code: str
    info: str
    session: Running | None
    today: Today | None  # None if the site's day is unknown
    attention: Attention
    urgency: tuple[int, float]  # the smallest comes first
    search_text: str
    is_blocked: bool = False  # let in no more, until an operator lets it
    site: str = ""  # name

    @property
    def is_charging(self) -> bool:
        return self.status == ConnectorStatus.CHARGING

    @property
    def is_error(self) -> bool:
        return is_error(self.error_code)


def row(
    *,
    charger_id: int,
    connector: int,
    identity: str,
    name: str,
    is_online: bool,
    last_contact_at: datetime | None,
    status: str,
    site: str = "",
    error_code: str = "",
    info: str = "",
    faulted_at: datetime | None = None,
    session: Running | None = None,
    today: Today | None = NO_ENERGY,
    is_blocked: bool = False,
) -> FleetRow:
    """Make a row, with its attention, urgency and search text. `faulted_at` matters only if it is faulted."""
    attention = _attention(status, error_code, session, last_contact_at, is_online=is_online)
    since_at = faulted_at if attention is Attention.FAULT else last_contact_at
    session_text = "" if session is None else f"{session.driver}\n#{session.number}"
    return FleetRow(
        charger_id,
        connector,
        identity,
        name,
        is_online,
        last_contact_at,
        status,
        error_code,
        info,
        session,
        today,
        attention,
        _urgency(attention, since_at),
        f"{name}\n{identity}\n{site}\n{session_text}\n{error_code}\n{info}\n{status}".casefold(),
        is_blocked,
        site,
    )


def _attention(
    status: str, error_code: str, session: Running | None, last_contact_at: datetime | None, *, is_online: bool
) -> Attention:
    if status == ConnectorStatus.FAULTED:
        return Attention.FAULT
    if not is_online:
        return Attention.NOTE if last_contact_at is None else Attention.OFFLINE
    if session is not None and session.is_stuck:
        return Attention.STUCK
    return Attention.NOTE if is_error(error_code) else Attention.NONE


def _urgency(attention: Attention, since_at: datetime | None) -> tuple[int, float]:
    if attention is Attention.NONE:
        return _NO_URGENCY
    return -attention, -seconds(since_at) if attention in _LATEST_FIRST else 0.0


def is_error(error_code: str) -> bool:
    return error_code not in ("", NO_ERROR)


@lru_cache(maxsize=50_000)
def natural_key(text: str) -> tuple[Any, ...]:
    """Return a key that sorts names in natural order: Depot 2 before Depot 10."""
    parts = _NUMBERS.split(text.casefold())
    return tuple((int(part), part) if index % 2 else part for index, part in enumerate(parts))


def seconds(at: datetime | None) -> float:
    return 0.0 if at is None else at.timestamp()
