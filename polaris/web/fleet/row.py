"""A row of the fleet page: one connector, or a charger as a whole (connector 0) where that has something to say.

Values in, values out. What is not known is None and never a zero: the page says so.
"""

from __future__ import annotations

import re
from datetime import datetime
from enum import IntEnum
from functools import lru_cache
from typing import Any, NamedTuple

from polaris.domain.enums import ConnectorStatus

NO_ERROR = "NoError"

_NUMBERS = re.compile(r"([0-9]+)")


class Attention(IntEnum):
    """Why a row stands out; the greater stands above."""

    NONE = 0
    NOTE = 1  # an error code without a fault, or a charger that has never come
    STUCK = 2  # a session that seems to be over without its end
    OFFLINE = 3
    FAULT = 4

    @property
    def word(self) -> str:
        return self.name.lower()


_CALM = Attention.NONE
_IN_ORDER = (0, 0.0)  # what is in order goes by its name alone
_SINCE = (Attention.OFFLINE, Attention.FAULT)  # what came last of these stands on top


class Running(NamedTuple):
    """The session on a connector. `power_w` is None where what flows now is not known."""

    number: int
    energy_wh: int
    power_w: int | None
    driver: str
    is_stuck: bool = False


class FleetRow(NamedTuple):
    """A connector as a line of the page: the argument of the row fragment. Connector 0 is the charger itself.

    A tuple, made by `row`, since ten thousand are made for a page.
    """

    charger_id: int
    connector: int
    identity: str
    name: str
    is_online: bool
    last_contact_at: datetime | None
    status: str  # OCPP's word, "" where it never said one
    error_code: str
    info: str
    session: Running | None
    today_wh: int | None  # delivered since midnight at the site
    attention: Attention
    urgency: tuple[int, float]  # the less stands above
    searched: str

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
    error_code: str = "",
    info: str = "",
    faulted_at: datetime | None = None,
    session: Running | None = None,
    today_wh: int | None = 0,
) -> FleetRow:
    """A row, with why it stands out and what it is found by. `faulted_at` is asked for where it is faulted alone."""
    attention = _attention(status, error_code, session, last_contact_at, is_online=is_online)
    since_at = faulted_at if attention is Attention.FAULT else last_contact_at
    whose = "" if session is None else f"{session.driver}\n#{session.number}"
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
        today_wh,
        attention,
        _IN_ORDER if attention is _CALM else (-attention, -seconds(since_at) if attention in _SINCE else 0.0),
        f"{name}\n{identity}\n{whose}\n{error_code}\n{info}\n{status}".casefold(),
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
    return Attention.NOTE if is_error(error_code) else _CALM


def is_error(error_code: str) -> bool:
    return error_code not in ("", NO_ERROR)


@lru_cache(maxsize=50_000)
def counted(text: str) -> tuple[Any, ...]:
    """A key that sorts names in the order that people count in: Depot 2 before Depot 10."""
    parts = _NUMBERS.split(text.casefold())
    return tuple((int(part), part) if place % 2 else part for place, part in enumerate(parts))


def seconds(at: datetime | None) -> float:
    return 0.0 if at is None else at.timestamp()
