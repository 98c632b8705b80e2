"""View objects of Home: what its fragments show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from msgspec import Struct

from polaris.domain.enums import ConnectorStatus
from polaris.domain.filters import Filter, Values
from polaris.domain.sentences import say
from polaris.web.home.bars import Bars, Period
from polaris.web.sessions.view import RunningSession, SessionRow


class Free(StrEnum):
    """A connector as a driver wants to know it."""

    FREE = "free"
    PLUGGED = "plugged"  # a car is, and no session runs: it may be the reader's
    IN_USE = "in_use"
    RESERVED = "reserved"
    OUT_OF_ORDER = "out_of_order"  # broken
    OUT_OF_SERVICE = "out_of_service"  # somebody has taken it out
    OFFLINE = "offline"
    UNKNOWN = "unknown"  # the charger has said nothing of it

    @property
    def may_start(self) -> bool:
        """Whether it makes sense to try: a reservation may be the reader's own."""
        return self in _STARTABLE

    @property
    def tone(self) -> str:
        return _TONES.get(self, "quiet")


_STARTABLE = frozenset({Free.FREE, Free.PLUGGED, Free.RESERVED, Free.UNKNOWN})
_OUT = frozenset({Free.OUT_OF_ORDER, Free.OUT_OF_SERVICE})
_TONES = dict.fromkeys((Free.FREE, Free.PLUGGED), "good") | dict.fromkeys(_OUT, "bad") | {Free.OFFLINE: "warn"}
_BY_STATUS: dict[str, Free] = {
    "": Free.UNKNOWN,
    ConnectorStatus.AVAILABLE: Free.FREE,
    ConnectorStatus.IDLE: Free.FREE,
    ConnectorStatus.PREPARING: Free.PLUGGED,
    ConnectorStatus.FINISHING: Free.PLUGGED,
    ConnectorStatus.OCCUPIED: Free.PLUGGED,
    ConnectorStatus.EV_CONNECTED: Free.PLUGGED,
    ConnectorStatus.RESERVED: Free.RESERVED,
    ConnectorStatus.UNAVAILABLE: Free.OUT_OF_SERVICE,
    ConnectorStatus.FAULTED: Free.OUT_OF_ORDER,
}


def free(status: str, *, is_online: bool, is_blocked: bool, has_session: bool) -> Free:
    """Judge a connector by the last state that its charger reported."""
    if is_blocked:
        return Free.OUT_OF_SERVICE
    if not is_online:
        return Free.OFFLINE
    found = _BY_STATUS.get(status, Free.IN_USE)
    return Free.IN_USE if has_session and found not in _OUT else found


class Bay(Struct, frozen=True):
    """A connector of a charger."""

    number: int
    state: Free


class ChargerPlace(Struct, frozen=True):
    """A charger with its connectors; nothing that was said of it but its state is for drivers."""

    id: int
    identity: str
    name: str
    bays: tuple[Bay, ...]


class SiteChargers(Struct, frozen=True):
    """A page of a site's chargers. `next_id` is the last one's, if others follow."""

    site: str
    address: str
    chargers: tuple[ChargerPlace, ...]
    next_id: int | None
    period: Period = Period.DAY  # of the page that is around it, for its links


class Recent(Struct, frozen=True):
    """The last sessions that have ended.

    For the words if there are none: whether the first one goes on, and whether the driver has a card.
    """

    rows: tuple[SessionRow, ...]
    is_first_running: bool
    has_card: bool


class Starting(Struct, frozen=True):
    """A start that is under way, with the time that is left for the car to be plugged in, once it is accepted."""

    identity: str
    connector: int
    charger_name: str
    is_accepted: bool
    left_s: int
    changes_at: datetime | None


@dataclass(frozen=True, slots=True)
class HomeView:
    """A driver's part of Home. `bars` and `recent` are None if only what charges now was read."""

    running: tuple[RunningSession, ...]
    recent: Recent | None = None
    bars: Bars | None = None
    starting: tuple[Starting, ...] = ()

    @property
    def numbers(self) -> frozenset[int]:
        return frozenset(session.number for session in self.running)

    @property
    def changes_at(self) -> datetime | None:
        instants = [session.changes_at for session in self.running] + [start.changes_at for start in self.starting]
        return min((at for at in instants if at is not None), default=None)


@dataclass(frozen=True, slots=True)
class HomeFilter(Filter):
    """The choices of a driver: bars by days, weeks or months, and the chargers of a site."""

    NAMES: ClassVar[Mapping[str, str]] = {"by": "by", "site": "site"}

    by: Period = Period.DAY
    site: str = ""

    @classmethod
    def of(cls, values: Mapping[str, str]) -> HomeFilter:
        read = Values(values, cls.NAMES)
        by, site = values.get("by") or Period.DAY, read.text("site")
        if by not in {*Period}:
            by = read.refuse("by", say("The figures are by day, week or month.")) or Period.DAY
        return cls(by=Period(by), site=site, wrong=read.wrong)
